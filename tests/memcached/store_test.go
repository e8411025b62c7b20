// Package memcached_test checks what store/memcachestore must get right beyond the contract that storetest checks: that
// memcached evicts, hangs, dies and restarts, that there are several of them, and that no mark or token is believed that
// has been lost on the way.
package memcached_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// suite runs storetest, by the seconds of memcached.
func suite(t *testing.T, addrs ...string) {
	storetest.RunConfig(t, storetest.Config{
		Tick: time.Second,
		Open: func(*testing.T) store.Store { return memcachestore.New(addrs) },
	})
}

func TestSingle(t *testing.T) { suite(t, servers.Memcached(t).Addr) }

func TestSeveral(t *testing.T) {
	suite(t, servers.Memcached(t).Addr, servers.Memcached(t).Addr, servers.Memcached(t).Addr)
}
