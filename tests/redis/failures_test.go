package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestScriptsFlushed(t *testing.T) {
	single := servers.Redis(t).Client(t)
	cluster := servers.RedisCluster(t).Client(t)
	for name, c := range map[string]struct {
		client redis.UniversalClient
		flush  func() error
	}{
		"Single": {single, func() error { return single.ScriptFlush(t.Context()).Err() }},
		"Cluster": {cluster, func() error {
			return cluster.ForEachMaster(t.Context(), func(ctx context.Context, c *redis.Client) error {
				return c.ScriptFlush(ctx).Err()
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := redisstore.New(c.client)
			w, tags := store.NewWriter(), []string{"a", "b", "c", "d", "e", "f", "g"}
			states := make([]store.State, len(tags))
			for step, call := range map[string]func() error{
				"Tokens": func() error { return s.Tokens(t.Context(), tags, states) },
				"Mark":   func() error { return s.Mark(t.Context(), tags, w, time.Minute) },
				"Settle": func() error { return store.Failure(s.Settle(t.Context(), tags, w, 0)) },
				"Unmark": func() error { return s.Unmark(t.Context(), tags, w) },
				"Swap": func() error {
					return s.Swap(t.Context(), []store.Swap{{Key: "s", Value: []byte("v")}, {Key: "t", Value: []byte("v")}})
				},
				"Claim": func() error {
					return claimed(s.Claim(t.Context(), &store.Claim{Name: "c", Owner: w, TTL: time.Minute}))
				},
			} {
				must(t, c.flush())
				if err := call(); err != nil {
					t.Errorf("%s after SCRIPT FLUSH: %v", step, err)
				}
			}
			must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
			before := lookup(t, s, tags...)
			must(t, c.flush())
			must(t, store.Failure(s.Settle(t.Context(), tags, w, 0)))
			for i, state := range lookup(t, s, tags...) {
				if !state.Clean() || state.Token == before[i].Token {
					t.Errorf("tag %s is not settled: %v, was %v", tags[i], state, before[i])
				}
			}
		})
	}
}

func TestFlushAll(t *testing.T) {
	client := servers.Redis(t).Client(t)
	s := redisstore.New(client)
	w := store.NewWriter()
	old := token(t, s, "tag")
	must(t, s.Mark(t.Context(), []string{"tag"}, w, time.Minute))
	must(t, client.FlushAll(t.Context()).Err())
	if state := lookup(t, s, "tag")[0]; state.Known {
		t.Fatalf("tag survives FLUSHALL: %v", state)
	}
	must(t, s.Unmark(t.Context(), []string{"tag"}, w))
	if state := lookup(t, s, "tag")[0]; state.Known {
		t.Errorf("Unmark made a tag: %v", state)
	}
	must(t, store.Failure(s.Settle(t.Context(), []string{"tag"}, w, 0)))
	if state := lookup(t, s, "tag")[0]; !state.Clean() || state.Token == old {
		t.Errorf("tag is %v after Settle, token was %v", state, old)
	}
}

// TestOutOfMemory: a full server that evicts nothing takes no entries, but every invalidation.
func TestOutOfMemory(t *testing.T) {
	client := servers.Redis(t, "--maxmemory-policy", "noeviction").Client(t)
	s := redisstore.New(client)
	other, w := store.NewWriter(), store.NewWriter()
	old := token(t, s, "tag")
	must(t, s.Set(t.Context(), "entry", []byte("v"), time.Hour))
	must(t, client.ConfigSet(t.Context(), "maxmemory", "1000").Err())

	if err := s.Set(t.Context(), "entry2", []byte("v"), time.Hour); !redis.IsOOMError(err) {
		t.Fatalf("Set gives %v: the server is not out of memory", err)
	}
	if err := s.Tokens(t.Context(), []string{"new"}, make([]store.State, 1)); !redis.IsOOMError(err) {
		t.Errorf("Tokens gives %v: readers fill a full server with tags", err)
	}
	must(t, s.Mark(t.Context(), []string{"tag"}, other, time.Minute))
	must(t, s.Mark(t.Context(), []string{"tag", "fresh"}, w, time.Minute))
	if state := lookup(t, s, "tag")[0]; !state.Marked || state.Token != old {
		t.Errorf("tag is %v after Mark", state)
	}
	must(t, store.Failure(s.Settle(t.Context(), []string{"tag", "fresh"}, w, 0)))
	if state := lookup(t, s, "tag")[0]; !state.Marked || state.Token == old {
		t.Errorf("tag is %v after Settle: want a new token, and the other's mark", state)
	}
	must(t, s.Unmark(t.Context(), []string{"tag"}, other))
	if state := lookup(t, s, "tag")[0]; !state.Clean() || state.Token == old {
		t.Errorf("tag is %v after all", state)
	}
	must(t, s.Check(t.Context())) // full is not unsupported
}

// TestEvictedTags fills a small server: every tag is either as it was, or unknown.
func TestEvictedTags(t *testing.T) {
	client := servers.Redis(t, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-random").Client(t)
	s := redisstore.New(client)
	tags := make([]string, 200)
	for i := range tags {
		tags[i] = "tag:" + strings.Repeat("x", i)
	}
	before := make([]store.State, len(tags))
	must(t, s.Tokens(t.Context(), tags, before))
	value := make([]byte, 10_000)
	for i := range 600 {
		must(t, s.Set(t.Context(), "entry:"+strings.Repeat("x", i), value, time.Hour))
	}
	gone := 0
	for i, state := range lookup(t, s, tags...) {
		switch state {
		case before[i]:
		case store.State{}:
			gone++
		default:
			t.Errorf("%s turned from %v into %v", tags[i], before[i], state)
		}
	}
	if gone == 0 {
		t.Error("nothing was evicted")
	}
	after := make([]store.State, len(tags))
	must(t, s.Tokens(t.Context(), tags, after))
	for i, state := range after {
		if !state.Clean() {
			t.Errorf("%s is %v after Tokens", tags[i], state)
		}
	}
}

// TestForeignValues puts under a tag what no store of ours wrote.
func TestForeignValues(t *testing.T) {
	client := servers.Redis(t).Client(t)
	shards := ring(t, servers.Redis(t))
	w := store.NewWriter()
	for name, put := range map[string]func(c redis.UniversalClient, key string) error{
		"short": func(c redis.UniversalClient, key string) error { return c.Set(t.Context(), key, "x", 0).Err() },
		"empty": func(c redis.UniversalClient, key string) error { return c.Set(t.Context(), key, "", 0).Err() },
		"digits": func(c redis.UniversalClient, key string) error {
			return c.Set(t.Context(), key, "TTTTTTTTTTTTWWWWWWWWWWWW17000000000x0", 0).Err()
		},
		"list": func(c redis.UniversalClient, key string) error { return c.RPush(t.Context(), key, "x").Err() },
	} {
		for kind, c := range map[string]redis.UniversalClient{"mget": client, "pipeline": shards} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				s := redisstore.New(c)
				for call, replace := range map[string]func() error{
					"Tokens": func() error { return s.Tokens(t.Context(), []string{"k"}, make([]store.State, 1)) },
					"Mark":   func() error { return s.Mark(t.Context(), []string{"k"}, w, time.Minute) },
					"Settle": func() error { return store.Failure(s.Settle(t.Context(), []string{"k"}, w, 0)) },
				} {
					must(t, c.Del(t.Context(), "k").Err())
					must(t, put(c, "k"))
					if state := lookup(t, s, "k")[0]; state != (store.State{}) {
						t.Fatalf("read as %v", state)
					}
					must(t, s.Unmark(t.Context(), []string{"k"}, w))
					if state := lookup(t, s, "k")[0]; state.Known {
						t.Fatalf("Unmark made %v of it", state)
					}
					must(t, replace())
					if state := lookup(t, s, "k")[0]; !state.Known || state.Marked != (call == "Mark") {
						t.Errorf("after %s the tag is %v", call, state)
					}
				}
			})
		}
	}
}
