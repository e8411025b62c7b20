package memcached_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// BenchmarkStore is a hit's lookup, and what a write sends, on memcached and on Redis.
func BenchmarkStore(b *testing.B) {
	for name, s := range map[string]store.Store{
		"memcached": open(b, servers.Memcached(b).Addr),
		"redis":     redisstore.New(servers.Redis(b).Client(b)),
	} {
		tags := []string{"epoch", "region", "bulk", "row"}
		must(b, s.Tokens(b.Context(), tags, make([]store.State, len(tags))))
		must(b, s.Set(b.Context(), "entry", make([]byte, 200), long))
		b.Run("Lookup/"+name, func(b *testing.B) {
			l := store.Lookup{Keys: []string{"entry"}, Tags: tags}
			b.ReportAllocs()
			for b.Loop() {
				must(b, s.Lookup(b.Context(), &l))
			}
		})
		b.Run("MarkAndSettle/"+name, func(b *testing.B) {
			for b.Loop() {
				w := store.NewWriter()
				must(b, s.Mark(b.Context(), tags[2:], w, long))
				must(b, s.Settle(b.Context(), tags[2:], w, 0))
			}
		})
	}
}
