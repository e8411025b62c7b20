package sealed_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

func Example() {
	below := memory.New() // or redisstore.New(client)
	s, err := sealed.New(below, sealed.Keys{
		Current: sealed.Key{ID: "2026-03", Secret: []byte("32 random bytes from your vault …")},
		Others:  []sealed.Key{{ID: "2025-09", Secret: []byte("the ones that were used before it")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Set(ctx, "shop:q:1", []byte("rows"), time.Minute); err != nil {
		fmt.Println(err)
		return
	}
	l := store.Lookup{Keys: []string{"shop:q:1"}}
	if err := s.Lookup(ctx, &l); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, %d rejected\n", l.Values[0], s.Rejected())

	// Somebody moves the entry to another key.
	if err := below.Lookup(ctx, &l); err != nil {
		fmt.Println(err)
		return
	}
	if err := below.Set(ctx, "shop:q:2", l.Values[0], time.Minute); err != nil {
		fmt.Println(err)
		return
	}
	l.Keys[0] = "shop:q:2"
	if err := s.Lookup(ctx, &l); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("found: %v, %d rejected\n", l.Values[0] != nil, s.Rejected())
	// Output:
	// rows, 0 rejected
	// found: false, 1 rejected
}
