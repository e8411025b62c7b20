package region_test

import (
	"context"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/region"
)

// What a hit of a cached function costs beyond that of a value with a key written by hand.
func BenchmarkHit(b *testing.B) {
	p := plugin()
	defer p.Close()
	r, ctx := regionOf(p, "default"), context.Background()
	read := region.Cached(r, "read_user-{user_id}", func(context.Context, int) (int, error) { return 5, nil })
	create := func(context.Context) (int, error) { return 5, nil }
	b.Run("function", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := read.Call(ctx, 100_000); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("value", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := region.GetOrCreate(ctx, r, "read_user-{user_id=100000}", create); err != nil {
				b.Fatal(err)
			}
		}
	})
}
