// Package bench_test measures what the cache costs: a hit, beside a bare GET of the same bytes in the same run; values beside
// go-redis/cache and otter; a preload or a multi of which parts are cached; compression on loopback and over a slow link;
// locks beside redislock; reads and writes under load; and what a store that fails adds to them.
//
// What is compared takes turns in one run (see compare), since the machines that run this are shared: their ratio holds
// where their times do not.
package bench_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m).Run()) }

// Item has ten columns of the kinds that tables have.
type Item struct {
	ID        int64
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Name      string
	Note      *string
	Count     int
	Price     float64
	Active    bool
	Owner     uint32
}

var sizes = []int{1, 100, 1000}

// patient is for hits, which a busy machine may let wait for longer than a read does by default.
func patient(c *gormcache.Config) { c.ReadTimeout = time.Second }

func open(b *testing.B, s store.Store, change ...func(*gormcache.Config)) (*gorm.DB, *gormcache.Plugin) {
	b.Helper()
	db := servers.Open(b, sqlite.Open(b.TempDir()+"/bench.db"))
	if err := db.AutoMigrate(&Item{}); err != nil {
		b.Fatal(err)
	}
	note := "a note that is a little longer than a name"
	items := make([]Item, sizes[len(sizes)-1])
	for i := range items {
		items[i] = Item{Name: fmt.Sprint("item number ", i), Count: i, Price: float64(i) / 3, Active: i%2 == 0, Owner: uint32(i)}
		if i%2 == 0 {
			items[i].Note = &note
		}
	}
	if err := db.CreateInBatches(items, 100).Error; err != nil {
		b.Fatal(err)
	}
	if s == nil {
		return db, nil
	}
	cfg := gormcache.Config{
		Store: s, Namespace: "bench", Regions: map[string]region.Config{"default": {TTL: time.Hour}},
		Tracked: map[string][]string{"items": {"owner"}},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	p, err := gormcache.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	if err := db.Use(p); err != nil {
		b.Fatal(err)
	}
	return db, p
}

func find(b *testing.B, db *gorm.DB, n int) {
	var items []Item
	if err := db.Limit(n).Find(&items).Error; err != nil || len(items) != n {
		b.Fatal(len(items), err)
	}
}

// watched remembers the last entry that was written.
type watched struct {
	store.Store
	key   string
	value []byte
}

func (w *watched) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	w.key, w.value = key, value
	return w.Store.Set(ctx, key, value, ttl)
}

// BenchmarkHit alternates hits with bare GETs of the entry, so that both meet the same weather, and
// prints their ratio.
func BenchmarkHit(b *testing.B) {
	rdb := servers.Redis(b).Client(b)
	w := &watched{Store: redisstore.New(rdb)}
	db, p := open(b, w, patient)
	cached := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
	for _, n := range sizes {
		find(b, cached, n)
		find(b, cached, n)
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			hits := p.Stats().Hits
			b.ReportAllocs()
			var bare, hit time.Duration
			for b.Loop() {
				t0 := time.Now()
				get(b, rdb, w)
				t1 := time.Now()
				find(b, cached, n)
				bare, hit = bare+t1.Sub(t0), hit+time.Since(t1)
			}
			if got := p.Stats().Hits - hits; got != uint64(b.N) {
				b.Fatalf("%d hits in %d rounds", got, b.N)
			}
			b.ReportMetric(float64(hit)/float64(b.N), "ns/hit")
			b.ReportMetric(float64(bare)/float64(b.N), "ns/GET")
			b.ReportMetric(float64(hit)/float64(bare), "hit/GET")
			b.ReportMetric(float64(len(w.value)), "bytes")
		})
	}
}

func get(b *testing.B, rdb *redis.Client, w *watched) {
	s, err := rdb.Get(context.Background(), w.key).Result()
	if err != nil || len(s) != len(w.value) {
		b.Fatal(len(s), err)
	}
}

// BenchmarkMemoryHit is a hit of the in-process store.
func BenchmarkMemoryHit(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			db := openMemory(b)
			cached := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
			find(b, cached, n)
			b.ReportAllocs()
			for b.Loop() {
				find(b, cached, n)
			}
		})
	}
}

func openMemory(b *testing.B) *gorm.DB {
	db, _ := open(b, nil)
	p, err := gormcache.New(gormcache.Config{Namespace: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	if err := db.Use(p); err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkUncached is the same query without a plugin, and with one that the query does not use.
func BenchmarkUncached(b *testing.B) {
	for _, n := range sizes {
		for name, db := range map[string]*gorm.DB{"plain": first(open(b, nil)), "plugin": openMemory(b)} {
			b.Run(fmt.Sprintf("rows=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					find(b, db, n)
				}
			})
		}
	}
}

func first(db *gorm.DB, _ *gormcache.Plugin) *gorm.DB { return db }
