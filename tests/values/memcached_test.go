package values_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMemcached(t *testing.T) {
	addrs := []string{servers.Memcached(t, "-I", "4m").Addr, servers.Memcached(t, "-I", "4m").Addr}
	behaviours(t, func(t *testing.T) store.Store { return closing(t, memcachestore.New(addrs)) })
}

// TestFallback is a migration's first deploy and its second, each alone.
func TestFallback(t *testing.T) {
	addrs, client := []string{servers.Memcached(t, "-I", "4m").Addr}, servers.Redis(t).Client(t)
	for name, open := range map[string]func() store.Store{
		"First": func() store.Store {
			return fallback.New(redisstore.New(client), fallback.Marks(memcachestore.New(addrs)))
		},
		"Second": func() store.Store {
			return fallback.New(memcachestore.New(addrs), fallback.From(redisstore.New(client)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			behaviours(t, func(t *testing.T) store.Store { return closing(t, open()) })
		})
	}
}

// closing closes a store when the test ends: one that somebody has watched for releases may still listen.
func closing(t *testing.T, s store.Store) store.Store {
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}
