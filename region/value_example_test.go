package region_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// reports returns a region of a plugin of its own.
func reports() (r *region.Region, done func()) {
	s := memory.New()
	p, err := gormcache.New(gormcache.Config{
		Store: s, Namespace: "shop", Regions: map[string]region.Config{"reports": {TTL: time.Hour}},
	})
	if err != nil {
		log.Fatal(err)
	}
	if r, err = p.Region("reports"); err != nil {
		log.Fatal(err)
	}
	return r, func() { _, _ = p.Close(), s.Close() }
}

func ExampleGet() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	_, err := region.Get[int](ctx, r, "visitors")
	fmt.Println(errors.Is(err, region.ErrCacheMiss))
	_ = region.Set(ctx, r, "visitors", 0, region.WithTTL(time.Minute))
	n, err := region.Get[int](ctx, r, "visitors")
	fmt.Println(n, err) // zero is a value like any other
	_ = r.Delete(ctx, "visitors")
	fmt.Println(region.GetOr(ctx, r, "visitors", -1))
	// Output:
	// true
	// 0 <nil>
	// -1
}

func ExampleGetOrCreate() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	for range 2 {
		n, err := region.GetOrCreate(ctx, r, "adults", func(context.Context) (int, error) {
			fmt.Println("counting")
			return 42, nil
		}, region.WithTables("users")) // a write to users through GORM drops it
		fmt.Println(n, err)
	}
	// Output:
	// counting
	// 42 <nil>
	// 42 <nil>
}

func ExampleGetOrCreateMulti() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	names := map[string]string{"1": "Ada", "2": "Grace"}
	read := func(_ context.Context, missing []string) (map[string]string, error) {
		slices.Sort(missing)
		fmt.Println("reading", missing)
		found := map[string]string{}
		for _, id := range missing {
			if name, ok := names[id]; ok {
				found[id] = name
			}
		}
		return found, nil
	}
	for range 2 { // the second time nothing is read: that there is no 3 is known too
		got, err := region.GetOrCreateMulti(ctx, r, []string{"1", "2", "3"}, read)
		fmt.Println(got, err)
	}
	// Output:
	// reading [1 2 3]
	// map[1:Ada 2:Grace] <nil>
	// map[1:Ada 2:Grace] <nil>
}

func ExampleRegion_Begin() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	b, err := r.Begin(ctx, region.WithTables("users"))
	if err != nil {
		log.Fatal(err)
	}
	name := "Ada" // read it from the database, after Begin
	fmt.Println(region.Set(ctx, r, "user 1", name, region.From(b)))
	fmt.Println(region.Get[string](ctx, r, "user 1"))
	// Output:
	// <nil>
	// Ada <nil>
}

func ExampleUpdate() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	for _, word := range []string{"a", "b"} {
		list, err := region.Update(ctx, r, "words", func(old []string, ok bool) ([]string, error) {
			return append(old, word), nil
		})
		fmt.Println(list, err)
	}
	// Output:
	// [a] <nil>
	// [a b] <nil>
}

func ExampleCompareAndSwap() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	_ = region.Set(ctx, r, "page", "first draft")
	seen, _ := region.Lookup[string](ctx, r, "page")
	_ = region.Set(ctx, r, "page", "another's draft")
	err := region.CompareAndSwap(ctx, r, seen, "second draft")
	fmt.Println(errors.Is(err, region.ErrConflict))
	seen, _ = region.Lookup[string](ctx, r, "page")
	fmt.Println(region.CompareAndSwap(ctx, r, seen, "second draft"))
	// Output:
	// true
	// <nil>
}

func ExampleAdd() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	_, _ = region.Add(ctx, r, "stock", 3)
	fmt.Println(region.Add(ctx, r, "stock", -5, region.WithFloor(0)))
	// At most so many a minute: the minute begins with the first.
	n, err := region.Add(ctx, r, "requests of 10.0.0.1", 1, region.WithTTL(time.Minute))
	fmt.Println(n <= 100, err)
	// Output:
	// 0 <nil>
	// true <nil>
}

func ExampleInsert() {
	r, done := reports()
	defer done()
	ctx := context.Background()
	fmt.Println(region.Insert(ctx, r, "job 7", "host a"))
	fmt.Println(errors.Is(region.Insert(ctx, r, "job 7", "host b"), region.ErrExists))
	fmt.Println(region.Get[string](ctx, r, "job 7"))
	// Output:
	// <nil>
	// true
	// host a <nil>
}
