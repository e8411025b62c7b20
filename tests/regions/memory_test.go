package regions_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// A store in the process never waits, whoever has made it: no hit pays for a deadline.
//
// Falls if: a region or a plugin looks it up with a deadline where the program has passed memory.New itself.
func TestAMemoryStoreOfTheProgramIsAsCheap(t *testing.T) {
	cfg := region.Config{TTL: time.Hour}
	byPlugin := func(t *testing.T, s store.Store) *region.Region {
		p, err := gormcache.New(gormcache.Config{Store: s, Namespace: "cheap", Regions: map[string]region.Config{"default": cfg}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		r, err := p.Region("default")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	alone := func(t *testing.T, s store.Store) *region.Region {
		r, err := region.New(s, "cheap", cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	hit := func(r *region.Region) float64 {
		return testing.AllocsPerRun(1000, func() {
			if v, err := region.GetOrCreate(t.Context(), r, "five", func(context.Context) (int, error) { return 5, nil }); v != 5 || err != nil {
				t.Fatal(v, err)
			}
		})
	}
	for name, open := range map[string]func(*testing.T, store.Store) *region.Region{"plugin": byPlugin, "alone": alone} {
		t.Run(name, func(t *testing.T) {
			made, passed := hit(open(t, nil)), hit(open(t, memory.New()))
			if passed > made+1 { // with the race detector both vary a little
				t.Errorf("a hit takes %v allocations, and %v where the cache has made the store", passed, made)
			}
		})
	}
}
