package readme

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

func TestConfig(t *testing.T) {
	addr := "localhost:6379"
	// docs: redis
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	cache, err := gormcache.New(gormcache.Config{
		Store:     redisstore.New(rdb), // nil: inside the process
		Namespace: "shop",              // prefix of every key
		Regions: map[string]region.Config{
			"default": {TTL: time.Hour, Jitter: 0.1},
			"reports": {TTL: time.Minute, StaleWhileRevalidate: 10 * time.Minute, MaxRows: 10_000},
		},
	})
	// docs: end
	check(t, err)
	check(t, cache.Close())
	check(t, rdb.Close())
}

func TestDeclarations(t *testing.T) {
	// docs: declarations
	cfg := gormcache.Config{
		Namespace: "shop",
		// What a view reads whose own text does not tell: queries of it can be cached then.
		Views: map[string][]string{"daily_totals": {"orders"}},
		// What else changes when the table is written to.
		Triggers: map[string][]string{"orders": {"order_totals"}},
		// How far replicas may be behind.
		ReplicaLag: 2 * time.Second,
	}
	// docs: end
	cache, err := gormcache.New(cfg)
	check(t, err)
	check(t, cache.Close())
}
