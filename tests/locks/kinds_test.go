//go:build linux

package locks_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestKinds is a lock on each kind of Redis besides the single one, between two clients that share nothing but the servers.
//
// Falls if: two have a lock at once, a fence is not greater than those before it, or a release wakes nobody who waits at
// another client.
func TestKinds(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (client func() redis.UniversalClient, all func() []*servers.RedisServer){
		"Valkey": func(t *testing.T) (func() redis.UniversalClient, func() []*servers.RedisServer) {
			s := servers.Valkey(t)
			return func() redis.UniversalClient { return s.Client(t) }, func() []*servers.RedisServer { return []*servers.RedisServer{s} }
		},
		"Sentinel": func(t *testing.T) (func() redis.UniversalClient, func() []*servers.RedisServer) {
			s := servers.Sentinel(t)
			return func() redis.UniversalClient { return s.Client(t) }, func() []*servers.RedisServer { return s.Nodes }
		},
		"Cluster": func(t *testing.T) (func() redis.UniversalClient, func() []*servers.RedisServer) {
			c := servers.RedisCluster(t)
			return func() redis.UniversalClient { return c.Client(t) }, func() []*servers.RedisServer { return c.Nodes }
		},
		"Ring": func(t *testing.T) (func() redis.UniversalClient, func() []*servers.RedisServer) {
			a, b := servers.Redis(t), servers.Redis(t)
			client := func() redis.UniversalClient {
				r := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": a.Addr, "b": b.Addr}})
				t.Cleanup(func() { _ = r.Close() })
				return r
			}
			return client, func() []*servers.RedisServer { return []*servers.RedisServer{a, b} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, all := open(t)
			two := []*lock.Locks{over(t, client()), over(t, client())}
			for _, key := range []string{"a", "b", "c"} { // on different servers of a cluster
				excludes(t, two, key)
				wakes(t, two, key, all())
			}
		})
	}
}

func over(t *testing.T, client redis.UniversalClient) *lock.Locks {
	t.Helper()
	s := redisstore.New(client)
	t.Cleanup(func() { must(t, s.Close()) })
	locks, err := lock.New(s, "kinds", lock.Logger(slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, locks.Close()) })
	return locks
}

// excludes has many callers take a lock in turn.
func excludes(t *testing.T, two []*lock.Locks, key string) {
	t.Helper()
	var holders atomic.Int32
	var last uint64 // guarded by the lock alone: the race detector looks too
	var all sync.WaitGroup
	for n := range 10 {
		all.Go(func() {
			for range 5 {
				l, err := two[n%2].Acquire(soon(t), key)
				if err != nil {
					t.Error(err)
					return
				}
				if holders.Add(1) != 1 {
					t.Error("two have the lock at once")
				}
				if l.Fence() <= last {
					t.Errorf("fence %d follows on %d", l.Fence(), last)
				}
				last = l.Fence()
				holders.Add(-1)
				if err := l.Release(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// wakes has one wait at a client that polls too seldom for this test, while the other has the lock and releases it.
func wakes(t *testing.T, two []*lock.Locks, key string, all []*servers.RedisServer) {
	t.Helper()
	key += "-waited" // a key that nobody else listens to
	held, err := two[0].Acquire(t.Context(), key)
	must(t, err)
	won := make(chan error, 1)
	go func() {
		l, err := two[1].With(lock.Poll(10*patience)).Acquire(soon(t), key)
		if err == nil {
			err = l.Release(context.WithoutCancel(t.Context()))
		}
		won <- err
	}()
	heard(t, "kinds:l:"+key, all)
	began := time.Now()
	must(t, held.Release(t.Context()))
	must(t, <-won)
	t.Logf("woken within %s", time.Since(began).Round(time.Microsecond))
}

// heard waits until somebody listens at one of the servers.
func heard(t *testing.T, channel string, all []*servers.RedisServer) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		for _, s := range all {
			client := redis.NewClient(s.Options())
			channels, err := client.PubSubNumSub(t.Context(), channel).Result()
			must(t, client.Close())
			must(t, err)
			if channels[channel] > 0 {
				return
			}
		}
		if time.Since(began) > patience {
			t.Fatal("nobody listens")
		}
	}
}
