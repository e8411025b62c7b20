package bench_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// asked remembers the last lookup.
type asked struct {
	store.Store
	names []string
}

func (a *asked) Lookup(ctx context.Context, l *store.Lookup) error {
	a.names = append(append(a.names[:0], l.Keys...), l.Tags...)
	return a.Store.Lookup(ctx, l)
}

// BenchmarkFloor is what a hit of one row can't go below: what GORM takes to build the statement, and go-redis
// to fetch the entry alone, and with its tags.
func BenchmarkFloor(b *testing.B) {
	rdb := servers.Redis(b).Client(b)
	a := &asked{Store: redisstore.New(rdb)}
	db, _ := open(b, a)
	cached := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
	find(b, cached, 1)
	find(b, cached, 1)
	b.Run("gorm", func(b *testing.B) {
		plain, _ := open(b, nil)
		dry := plain.Session(&gorm.Session{DryRun: true})
		b.ReportAllocs()
		for b.Loop() {
			var items []Item
			if err := dry.Limit(1).Find(&items).Error; err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("GET", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := rdb.Get(b.Context(), a.names[0]).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("MGET", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if values, err := rdb.MGet(b.Context(), a.names...).Result(); err != nil || len(values) != len(a.names) {
				b.Fatal(values, err)
			}
		}
	})
}
