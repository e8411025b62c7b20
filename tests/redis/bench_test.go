package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// BenchmarkLookup reads one entry of 1 kB with three tags; in turns with it the same entry with a bare
// GET, and the same keys with a bare MGET, so that a noisy machine disturbs all alike. It reports how
// many times their time it took.
func BenchmarkLookup(b *testing.B) {
	server := servers.Redis(b)
	for name, tune := range map[string]func(*redis.Options){
		"Untuned":         func(*redis.Options) {},
		"ContextTimeouts": func(o *redis.Options) { o.ContextTimeoutEnabled = true },
	} {
		b.Run(name, func(b *testing.B) {
			client := server.Client(b, tune)
			s := redisstore.New(client)
			l := store.Lookup{Keys: []string{"shop:e:entry"}, Tags: []string{"shop:n", "shop:r:default", "shop:t:users"}}
			must(b, s.Set(b.Context(), l.Keys[0], make([]byte, 1000), time.Hour))
			must(b, s.Tokens(b.Context(), l.Tags, make([]store.State, 3)))
			keys := append([]string{l.Keys[0]}, l.Tags...)
			var get, mget, lookup time.Duration
			// Readers have a deadline; how they come by it is not measured here.
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			for b.Loop() {
				t0 := time.Now()
				if err := client.Get(ctx, l.Keys[0]).Err(); err != nil {
					b.Fatal(err)
				}
				t1 := time.Now()
				if err := client.MGet(ctx, keys...).Err(); err != nil {
					b.Fatal(err)
				}
				t2 := time.Now()
				if err := s.Lookup(ctx, &l); err != nil {
					b.Fatal(err)
				}
				get += t1.Sub(t0)
				mget += t2.Sub(t1)
				lookup += time.Since(t2)
			}
			b.ReportMetric(float64(lookup.Nanoseconds())/float64(b.N), "lookup-ns/op")
			b.ReportMetric(float64(lookup)/float64(get), "×GET")
			b.ReportMetric(float64(lookup)/float64(mget), "×MGET")
		})
	}
}

// BenchmarkLookupAllocations is Lookup alone.
func BenchmarkLookupAllocations(b *testing.B) {
	server := servers.Redis(b)
	for name, on := range map[string]bool{"Untuned": false, "ContextTimeouts": true} {
		b.Run(name, func(b *testing.B) {
			client := server.Client(b, func(o *redis.Options) { o.ContextTimeoutEnabled = on })
			s := redisstore.New(client)
			l := store.Lookup{Keys: []string{"shop:e:entry"}, Tags: []string{"shop:n", "shop:r:default", "shop:t:users"}}
			must(b, s.Set(b.Context(), l.Keys[0], make([]byte, 1000), time.Hour))
			must(b, s.Tokens(b.Context(), l.Tags, make([]store.State, 3)))
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Lookup(ctx, &l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
