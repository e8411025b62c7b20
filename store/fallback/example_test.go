package fallback_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// The deploys of a migration. Here both stores are in the process, where a program has its Redis and its memcached.
func ExampleNew() {
	before, after := memory.New(), memory.New()
	deploys := []store.Store{
		before,
		fallback.New(before, fallback.Marks(after)),
		fallback.New(after, fallback.From(before)),
		fallback.New(after, fallback.Marks(before)),
		after,
	}
	ctx, w, tags := context.Background(), store.NewWriter(), []string{"shop:t:users"}
	for i, writer := range deploys[:4] {
		neighbor := deploys[i+1]
		if err := writer.Mark(ctx, tags, w, time.Minute); err != nil {
			fmt.Println(err)
		}
		l := store.Lookup{Tags: tags}
		if err := neighbor.Lookup(ctx, &l); err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%d marks, %d sees it: %v\n", i, i+1, l.States[0].Marked)
		if err := store.Failure(writer.Settle(ctx, tags, w, 0)); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// 0 marks, 1 sees it: true
	// 1 marks, 2 sees it: true
	// 2 marks, 3 sees it: true
	// 3 marks, 4 sees it: true
}
