package bench_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/compress"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// BenchmarkCompress is the hit of a query of 1000 rows through store/compress and without it: on loopback, and over a
// [link] whose round trip takes 1 ms and whose lines carry 100 Mbit/s. Half of each name is random, and all of the price and
// the owner: what else is in the rows compresses better than most data.
func BenchmarkCompress(b *testing.B) {
	server := servers.Redis(b)
	b.Run("loopback", func(b *testing.B) { compressed(b, server.Addr) })
	b.Run("100Mbit", func(b *testing.B) {
		slow := &link{roundTrip: time.Millisecond, bits: 100_000_000}
		addr := slow.listen(b, server.Addr)
		rdb := redis.NewClient(&redis.Options{Addr: addr})
		b.Cleanup(func() { _ = rdb.Close() })
		ping(b, rdb, 0)
		if took := ping(b, rdb, 0); took < slow.roundTrip || took > 100*slow.roundTrip {
			b.Fatal("a round trip took ", took)
		}
		// 125 000 bytes there and back are 10 ms each.
		if took := ping(b, rdb, 125_000); took < 20*time.Millisecond {
			b.Fatal("125 000 bytes there and back took ", took)
		}
		compressed(b, addr)
	})
}

// ping has the server send back so many bytes.
func ping(b *testing.B, rdb *redis.Client, size int) time.Duration {
	began := time.Now()
	if got, err := rdb.Echo(b.Context(), string(make([]byte, size))).Result(); err != nil || len(got) != size {
		b.Fatal(len(got), err)
	}
	return time.Since(began)
}

func compressed(b *testing.B, addr string) {
	const rows = 1000
	rdb := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	b.Cleanup(func() { _ = rdb.Close() })
	small, large := &watched{}, &watched{}
	through := func(w *watched, name string, over func(store.Store) store.Store) contender {
		w.Store = redisstore.New(rdb)
		db, p := open(b, over(w), patient, func(c *gormcache.Config) { c.Namespace += name })
		if err := db.Exec("UPDATE items SET name = name || hex(randomblob(8)), price = abs(random()) / 1e15, owner = abs(random()) % 100000").Error; err != nil {
			b.Fatal(err)
		}
		cached := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
		find(b, cached, rows)
		return contender{name: name, run: func() {
			hits := p.Stats().Hits
			find(b, cached, rows)
			if p.Stats().Hits != hits+1 {
				b.Fatal("not a hit")
			}
		}}
	}
	compare(b, 1, nil,
		through(small, "compressed", func(s store.Store) store.Store {
			c, err := compress.New(s)
			if err != nil {
				b.Fatal(err)
			}
			return c
		}),
		through(large, "plain", func(s store.Store) store.Store { return s }))
	b.ReportMetric(float64(len(small.value)), "bytes/compressed")
	b.ReportMetric(float64(len(large.value)), "bytes/plain")
}
