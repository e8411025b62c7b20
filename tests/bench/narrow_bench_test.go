package bench_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// cached are the numbers of rows in the store when one of them is written to.
var cached = []int{1_000, 10_000, 100_000, 1_000_000}

// stores are those that a million entries fit into.
var stores = map[string]func(*testing.B) store.Store{
	"memory": func(*testing.B) store.Store { return memory.New(memory.MaxBytes(1<<30), memory.MaxTags(1<<21)) },
	"redis":  func(b *testing.B) store.Store { return redisstore.New(servers.Redis(b).Client(b)) },
}

// BenchmarkWriteOne updates one row by its primary key, with so many rows of its table in the cache, each an
// entry and a tag of its own; and without the plugin. A thousand of them are real ones: of those, as many as
// evicted/write are loaded again after a write. The others are put into the store as a read does it, since a
// million reads take too long.
func BenchmarkWriteOne(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		db, _ := open(b, nil)
		hasten(b, db)
		for i := 0; b.Loop(); i++ {
			update(b, db, i)
		}
	})
	for name, newStore := range stores {
		for _, n := range cached {
			if testing.Short() && n > 10_000 {
				break // to fill the store takes most of a minute
			}
			b.Run(fmt.Sprintf("%s/cached=%d", name, n), func(b *testing.B) {
				s := newStore(b)
				db, p := open(b, s, patient)
				hasten(b, db)
				fill(b, s, n)
				before := uint64(1)
				for known := uint64(0); known != before; { // a fill that the machine was too busy for is not an eviction
					known = p.Stats().Misses
					sample(b, db)
					before = p.Stats().Misses
				}
				update(b, db, -1)
				sample(b, db)
				evicted := p.Stats().Misses - before
				for i := 0; b.Loop(); i++ {
					update(b, db, i)
				}
				b.ReportMetric(float64(evicted), "evicted/write")
			})
		}
	}
}

// hasten keeps the disk out of the figures.
func hasten(b *testing.B, db *gorm.DB) {
	sqlDB, err := db.DB()
	if err != nil {
		b.Fatal(err)
	}
	sqlDB.SetMaxOpenConns(1)
	if _, err := sqlDB.ExecContext(b.Context(), "PRAGMA synchronous=OFF"); err != nil {
		b.Fatal(err)
	}
}

func update(b *testing.B, db *gorm.DB, count int) {
	if err := db.Model(&Item{ID: 500}).Update("count", count).Error; err != nil {
		b.Fatal(err)
	}
}

// sample reads all rows that the table really has, one by one.
func sample(b *testing.B, db *gorm.DB) {
	for id := range int64(1000) {
		one(b, db.Clauses(fromcache.Region("default")), id+1)
	}
}

func one(b *testing.B, db *gorm.DB, id int64) {
	var item Item
	if err := db.Where("id = ?", id).Take(&item).Error; err != nil || item.ID != id {
		b.Fatal(item.ID, err)
	}
}

// fill gives the store a tag and an entry for each of n rows.
func fill(b *testing.B, s store.Store, n int) {
	const batch = 1000
	ctx, ns := context.Background(), store.Namespace("bench")
	value := make([]byte, 200)
	for from := 0; from < n; from += batch {
		tags, entries := make([]string, batch), make([]store.Entry, batch)
		for i := range tags {
			id := strconv.Itoa(10_000_000 + from + i)
			tags[i] = ns.Row("items", id)
			entries[i] = store.Entry{Key: ns.Value("default", id), Value: value, TTL: time.Hour}
		}
		if err := s.Tokens(ctx, tags, make([]store.State, batch)); err != nil {
			b.Fatal(err)
		}
		if err := store.SetAll(ctx, s, entries); err != nil {
			b.Fatal(err)
		}
	}
}

// lookups are queries for one row that differ in what they depend on: by its primary key, on the row's tag; by a
// tracked column, on that of its value; by another, on the table's.
var lookups = []struct {
	name, where string
	value       int
}{{"table", "count = ?", 499}, {"row", "id = ?", 500}, {"column", "owner = ?", 499}}

// BenchmarkLookup is a hit of each of them. Redis prints it beside a bare GET.
func BenchmarkLookup(b *testing.B) {
	for _, query := range lookups {
		find := func(b *testing.B, db *gorm.DB) {
			var item Item
			if err := db.Where(query.where, query.value).Take(&item).Error; err != nil || item.ID != 500 {
				b.Fatal(item.ID, err)
			}
		}
		b.Run("memory/"+query.name, func(b *testing.B) {
			db, p := open(b, memory.New(), patient)
			b.ReportAllocs()
			lookup(b, db.Clauses(fromcache.Region("default")).Session(&gorm.Session{}), p, find, func() {})
		})
		b.Run("redis/"+query.name, func(b *testing.B) {
			rdb := servers.Redis(b).Client(b)
			w := &watched{Store: redisstore.New(rdb)}
			db, p := open(b, w, patient)
			var bare time.Duration
			lookup(b, db.Clauses(fromcache.Region("default")).Session(&gorm.Session{}), p, find, func() {
				t0 := time.Now()
				get(b, rdb, w)
				bare += time.Since(t0)
			})
			b.ReportMetric(float64(bare)/float64(b.N), "ns/GET")
		})
	}
}

// lookup measures hits of a query, and runs between before each of them.
func lookup(b *testing.B, db *gorm.DB, p *gormcache.Plugin, find func(*testing.B, *gorm.DB), between func()) {
	find(b, db)
	hits := p.Stats().Hits
	var took time.Duration
	for b.Loop() {
		between()
		t0 := time.Now()
		find(b, db)
		took += time.Since(t0)
	}
	if got := p.Stats().Hits - hits; got != uint64(b.N) {
		b.Fatalf("%d hits in %d rounds", got, b.N)
	}
	b.ReportMetric(float64(took)/float64(b.N), "ns/hit")
}
