package bench_test

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Buyer has purchases.
type Buyer struct {
	ID        int64
	Name      string
	Purchases []Purchase
}

// Purchase has ten columns.
type Purchase struct {
	ID        int64
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	BuyerID   int64 `gorm:"index"`
	Title     string
	Note      *string
	Count     int
	Price     float64
	Paid      bool
}

const (
	buyers = 100
	absent = 10 // buyers whose purchases are not cached
)

// openBuyers returns a handle with the plugin on a table in which the buyers of the benchmark are a tenth.
func openBuyers(b *testing.B, s store.Store, each int) *gorm.DB {
	b.Helper()
	db := servers.Open(b, sqlite.Open(b.TempDir()+"/bench.db?_journal_mode=WAL"))
	lab.Must(b, db.AutoMigrate(&Buyer{}, &Purchase{}))
	note := "a note that is a little longer than a name"
	var all []Buyer
	for i := range 10 * buyers {
		buyer := Buyer{Name: fmt.Sprint("buyer ", i)}
		for n := range each {
			buyer.Purchases = append(buyer.Purchases, Purchase{Title: fmt.Sprint("purchase ", n), Note: &note, Count: n, Price: float64(i) / 3})
		}
		all = append(all, buyer)
	}
	lab.Must(b, db.CreateInBatches(all, 100).Error)
	p, err := gormcache.New(gormcache.Config{Store: s, Namespace: "bench", Regions: map[string]region.Config{"default": {TTL: time.Hour}}})
	lab.Must(b, err)
	b.Cleanup(func() { _ = p.Close() })
	lab.Must(b, db.Use(p))
	return db
}

// BenchmarkRelation preloads the purchases of 100 buyers in turn by the database alone, with all of them cached,
// and with those of 90. Each measures the whole query, that of the buyers included, which is never cached.
func BenchmarkRelation(b *testing.B) {
	for _, each := range []int{1, 10} {
		b.Run(fmt.Sprintf("memory/%d", each), func(b *testing.B) {
			s := memory.New()
			b.Cleanup(func() { _ = s.Close() })
			preloads(b, openBuyers(b, s, each))
		})
		b.Run(fmt.Sprintf("redis/%d", each), func(b *testing.B) {
			preloads(b, openBuyers(b, redisstore.New(servers.Redis(b).Client(b)), each))
		})
	}
}

func preloads(b *testing.B, db *gorm.DB) {
	run := func(db *gorm.DB) time.Duration {
		start := time.Now()
		var list []Buyer
		err := db.Preload("Purchases").Order("id").Limit(buyers).Find(&list).Error
		took := time.Since(start)
		if err != nil || len(list) != buyers || len(list[0].Purchases) == 0 {
			b.Fatal(len(list), err)
		}
		return took
	}
	cached := db.Clauses(relation.Cache("Purchases", "default")).Session(&gorm.Session{})
	var some []Buyer
	lab.Must(b, db.Order("id").Limit(absent).Find(&some).Error)
	run(cached)
	var plain, all, most time.Duration
	for b.Loop() {
		plain += run(db)
		all += run(cached)
		lab.Must(b, invalidate.Relation(b.Context(), db, &some, "Purchases"))
		most += run(cached)
	}
	b.ReportMetric(0, "ns/op") // of three queries and an invalidation
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
	b.ReportMetric(per(plain), "plain-µs")
	b.ReportMetric(per(all), "cached-µs")
	b.ReportMetric(per(most), "90-cached-µs")
	b.ReportMetric(float64(all)/float64(plain), "cached/plain")
	b.ReportMetric(float64(most)/float64(plain), "90-cached/plain")
}
