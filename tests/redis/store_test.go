// Package redis_test checks what store/redisstore must get right beyond the contract that storetest checks: that Redis in
// each of its forms (single, Cluster, Sentinel, Ring, replicas) loses, hangs, fails over and restarts, and that no mark
// or token is believed that has been lost on the way.
package redis_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSingle(t *testing.T) {
	server := servers.Redis(t)
	for name, tune := range map[string]func(*redis.Options){
		"Untuned":         func(*redis.Options) {},
		"ContextTimeouts": func(o *redis.Options) { o.ContextTimeoutEnabled = true },
		"RESP2":           func(o *redis.Options) { o.Protocol = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			client := server.Client(t, tune)
			storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
		})
	}
}

func TestValkey(t *testing.T) {
	client := servers.Valkey(t).Client(t)
	storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
}

func TestSentinel(t *testing.T) {
	client := servers.Sentinel(t).Client(t)
	storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
}

func TestCluster(t *testing.T) {
	client := servers.RedisCluster(t).Client(t)
	storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
}

func TestRing(t *testing.T) {
	client := ring(t, servers.Redis(t), servers.Redis(t), servers.Redis(t))
	storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
}

// wrapped is a client that the store cannot look into.
type wrapped struct{ redis.UniversalClient }

func TestWrappedClient(t *testing.T) {
	client := wrapped{servers.Redis(t).Client(t)}
	storetest.Run(t, func(*testing.T) store.Store { return redisstore.New(client) })
}

func ring(t *testing.T, shards ...*servers.RedisServer) *redis.Ring {
	addrs := map[string]string{}
	for i, shard := range shards {
		addrs["shard"+string(rune('a'+i))] = shard.Addr
	}
	client := redis.NewRing(&redis.RingOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
