package values_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func over(t *testing.T, client redis.UniversalClient) {
	s := redisstore.New(client)
	t.Cleanup(func() { must(t, s.Close()) })
	behaviours(t, func(*testing.T) store.Store { return s })
}

func TestMemory(t *testing.T) {
	s := memory.New()
	t.Cleanup(func() { must(t, s.Close()) })
	behaviours(t, func(*testing.T) store.Store { return s })
}

func TestRedis(t *testing.T) { over(t, servers.Redis(t).Client(t)) }

func TestValkey(t *testing.T) { over(t, servers.Valkey(t).Client(t)) }

func TestSentinel(t *testing.T) { over(t, servers.Sentinel(t).Client(t)) }

func TestCluster(t *testing.T) { over(t, servers.RedisCluster(t).Client(t)) }

func TestRing(t *testing.T) {
	addrs := map[string]string{"a": servers.Redis(t).Addr, "b": servers.Redis(t).Addr, "c": servers.Redis(t).Addr}
	client := redis.NewRing(&redis.RingOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	over(t, client)
}

func TestRESP2(t *testing.T) {
	if testing.Short() {
		t.Skip("TestRedis does the same")
	}
	over(t, servers.Redis(t).Client(t, func(o *redis.Options) { o.Protocol = 2 }))
}
