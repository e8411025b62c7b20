package region_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// plugin returns a plugin with one region. Programs give it to db.Use.
func plugin() *gormcache.Plugin {
	p, err := gormcache.New(gormcache.Config{
		Namespace: "shop",
		Regions:   map[string]region.Config{"default": {TTL: time.Hour}, "local": {TTL: time.Minute}},
	})
	if err != nil {
		panic(err)
	}
	return p
}

// regionOf returns a region of a plugin.
func regionOf(p *gormcache.Plugin, name string) *region.Region {
	r, err := p.Region(name)
	if err != nil {
		panic(err)
	}
	return r
}

func ExampleCached() {
	p := plugin()
	defer p.Close()
	ctx := context.Background()

	reads := 0
	readUser := func(_ context.Context, id int) (string, error) {
		reads++
		return fmt.Sprintf("user %d", id), nil
	}
	// With region.WithTables("users"), writes to the table drop what is cached: there is no need for Reset.
	read := region.Cached(regionOf(p, "default"), "read_user-{user_id}", readUser, region.WithTTL(5*time.Minute))
	if err := read.Err(); err != nil { // what is wrong with the template
		panic(err)
	}

	for range 3 {
		if _, err := read.Call(ctx, 5); err != nil {
			panic(err)
		}
	}
	fmt.Println("reads:", reads)

	if err := read.Reset(ctx, 5); err != nil {
		panic(err)
	}
	_, err := read.Get(ctx, 5)
	fmt.Println("cached:", !errors.Is(err, region.ErrCacheMiss))

	name, err := read.Call(ctx, 5)
	fmt.Println(name, err, "reads:", reads)
	// Output:
	// reads: 1
	// cached: false
	// user 5 <nil> reads: 2
}

// An argument of several parts is a struct. Its fields name their placeholders, and each of them must be used.
func ExampleCached_struct() {
	p := plugin()
	defer p.Close()

	type report struct {
		Tenant string `cache:"tenant"`
		Year   int    `cache:"year"`
		Trace  string `cache:"-"` // the value does not depend on it
	}
	make := func(_ context.Context, r report) (string, error) { return fmt.Sprint(r.Tenant, " in ", r.Year), nil }

	text, err := region.Cached(regionOf(p, "default"), "report-{tenant}-{year}", make).Call(context.Background(), report{Tenant: "acme", Year: 2026})
	fmt.Println(text, err)

	fmt.Println(region.Cached(regionOf(p, "default"), "report-{tenant}", make).Err())
	// Output:
	// acme in 2026 <nil>
	// gormcache: region.Cached: the template "report-{tenant}": it leaves out field Year of region_test.report: write {year}, or tag the field `cache:"-"` if the value does not depend on it
}

// A call asks for what is missing only.
func ExampleCachedMulti() {
	p := plugin()
	defer p.Close()
	ctx := context.Background()

	users := region.CachedMulti(regionOf(p, "default"), "user-{id}", func(_ context.Context, ids []int) (map[int]string, error) {
		fmt.Println("asked for", ids)
		found := map[int]string{}
		for _, id := range ids {
			if id < 100 { // there are no others, which is remembered too
				found[id] = fmt.Sprint("user ", id)
			}
		}
		return found, nil
	})
	for _, ids := range [][]int{{1, 2}, {1, 2, 3, 100}, {100, 3}} {
		found, err := users.Call(ctx, ids)
		fmt.Println(found, err)
	}
	// Output:
	// asked for [1 2]
	// map[1:user 1 2:user 2] <nil>
	// asked for [3 100]
	// map[1:user 1 2:user 2 3:user 3] <nil>
	// map[3:user 3] <nil>
}

// A value that is kept in the process for a minute, and in the shared store for an hour.
func ExampleOver() {
	p := plugin()
	defer p.Close()
	ctx := context.Background()

	version := 0
	far := region.Cached(regionOf(p, "default"), "far-user-{id}", func(_ context.Context, id int) (string, error) {
		version++
		return fmt.Sprintf("user %d, version %d", id, version), nil
	})
	near := region.Cached(regionOf(p, "local"), "user-{id}", far.Call, region.Over(far))

	fmt.Println(near.Call(ctx, 5))
	if err := near.Reset(ctx, 5); err != nil { // resets far too
		panic(err)
	}
	fmt.Println(near.Call(ctx, 5))
	// Output:
	// user 5, version 1 <nil>
	// user 5, version 2 <nil>
}

func ExampleWithKeyFunc() {
	p := plugin()
	defer p.Close()
	ctx := context.Background()

	total := region.Cached(regionOf(p, "default"), "total", func(_ context.Context, prices []int) (int, error) {
		sum := 0
		for _, price := range prices {
			sum += price
		}
		return sum, nil
	}, region.WithKeyFunc(func(prices []int) string { return fmt.Sprint(slices.Sorted(slices.Values(prices))) }))

	fmt.Println(total.Call(ctx, []int{20, 5}))
	fmt.Println(total.Get(ctx, []int{5, 20}))
	// Output:
	// 25 <nil>
	// 25 <nil>
}

func ExampleLengthMangler() {
	short := region.LengthMangler(40)
	fmt.Println(short("read_user-{user_id=5}"))
	fmt.Println(short("search-{text=\"a text that is too long for a key that people read\"}"))
	// Output:
	// read_user-{user_id=5}
	// =mY6fFcun2Ryp24fSVINLqsV4kg8z0Jid
}
