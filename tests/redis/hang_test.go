package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

const (
	budget = 100 * time.Millisecond
	// slack is for a busy machine. An untuned client would take 20 s.
	slack = 2 * time.Second
)

// TestHungServer stops a server in the middle: every method returns by its context's deadline, with
// clients that keep deadlines and clients that don't, on old connections and on new ones.
func TestHungServer(t *testing.T) {
	for name, tune := range map[string]func(*redis.Options){
		"Untuned":         func(*redis.Options) {},
		"ContextTimeouts": func(o *redis.Options) { o.ContextTimeoutEnabled = true },
	} {
		for state, warm := range map[string]bool{"OldConnections": true, "NewConnections": false} {
			t.Run(name+"/"+state, func(t *testing.T) {
				server := servers.Redis(t)
				s := redisstore.New(server.Client(t, tune))
				if warm {
					token(t, s, "tag")
					lookup(t, s, "tag")
				}
				server.Pause(t)
				defer server.Resume(t) // so that the calls left behind end
				endsInTime(t, s)
			})
		}
	}
}

func TestHungClusterNode(t *testing.T) {
	for name, tune := range map[string]func(*redis.ClusterOptions){
		"Untuned":         func(*redis.ClusterOptions) {},
		"ContextTimeouts": func(o *redis.ClusterOptions) { o.ContextTimeoutEnabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			cluster := servers.RedisCluster(t)
			s := redisstore.New(cluster.Client(t, tune))
			token(t, s, "tag")
			lookup(t, s, "tag")
			for _, node := range cluster.Nodes {
				node.Pause(t)
				defer node.Resume(t)
			}
			endsInTime(t, s)
		})
	}
}

func endsInTime(t *testing.T, s *redisstore.Store) {
	t.Helper()
	w, tags := store.NewWriter(), []string{"tag"}
	for call, f := range map[string]func(ctx context.Context) error{
		"Lookup": func(ctx context.Context) error { return s.Lookup(ctx, &store.Lookup{Tags: tags}) },
		"Set":    func(ctx context.Context) error { return s.Set(ctx, "k", []byte("v"), time.Hour) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "k") },
		"Tokens": func(ctx context.Context) error { return s.Tokens(ctx, tags, make([]store.State, 1)) },
		"Mark":   func(ctx context.Context) error { return s.Mark(ctx, tags, w, time.Minute) },
		"Settle": func(ctx context.Context) error { return store.Failure(s.Settle(ctx, tags, w, 0)) },
		"Unmark": func(ctx context.Context) error { return s.Unmark(ctx, tags, w) },
		"Check":  s.Check,
		"Swap":   func(ctx context.Context) error { return s.Swap(ctx, []store.Swap{{Key: "k", Value: []byte("v")}}) },
		"Claim": func(ctx context.Context) error {
			_, err := s.Claim(ctx, &store.Claim{Name: "c", Owner: w, TTL: time.Minute})
			return err
		},
		"Release": func(ctx context.Context) error {
			_, err := s.Release(ctx, "c", w)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		began := time.Now()
		err := f(ctx)
		took := time.Since(began)
		cancel()
		if err == nil || errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%s of a hung server gives %v", call, err)
		}
		if took > budget+slack {
			t.Errorf("%s of a hung server takes %v with %v to go", call, took, budget)
		}
		t.Logf("%s: %v, %v", call, took.Round(time.Millisecond), err)
	}
}

// TestCancelledInTheMiddle: without a deadline the client itself never gives up in time.
func TestCancelledInTheMiddle(t *testing.T) {
	for name, on := range map[string]bool{"Untuned": false, "ContextTimeouts": true} {
		t.Run(name, func(t *testing.T) {
			server := servers.Redis(t)
			s := redisstore.New(server.Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = on }))
			token(t, s, "tag")
			server.Pause(t)
			defer server.Resume(t)
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			time.AfterFunc(budget, cancel)
			if err := s.Lookup(ctx, &store.Lookup{Tags: []string{"tag"}}); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > budget+slack {
				t.Errorf("took %v", took)
			}
		})
	}
}
