package region_test

import (
	"context"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/region"
)

// A hit costs the lookup, the decoding and the call's own record.
func BenchmarkGetOrCreateHit(b *testing.B) {
	r := open(b)
	create := func(context.Context) (user, error) { return user{Name: "ada"}, nil }
	for name, opts := range map[string][]region.Option{"plain": nil, "tables": {region.WithTables("users")}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := region.GetOrCreate(b.Context(), r, name, create, opts...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
