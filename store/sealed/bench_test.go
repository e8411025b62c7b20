package sealed_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

// stores are the store in memory, alone and with its entries sealed.
func stores(b *testing.B, run func(b *testing.B, s store.Store)) {
	b.Run("plain", func(b *testing.B) { run(b, newMemory(b)) })
	for _, mode := range modes {
		b.Run(mode.String(), func(b *testing.B) {
			run(b, seal(b, newMemory(b), sealed.Keys{Mode: mode, Current: key("a")}))
		})
	}
}

var tenKB = bytes.Repeat([]byte("0123456789"), 1024)

// BenchmarkOpen reads one entry of 10 KB.
func BenchmarkOpen(b *testing.B) {
	stores(b, func(b *testing.B, s store.Store) {
		set(b, s, "k", tenKB)
		l := store.Lookup{Keys: []string{"k"}}
		b.SetBytes(int64(len(tenKB)))
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Lookup(b.Context(), &l); err != nil || l.Values[0] == nil {
				b.Fatal(err, l.Values)
			}
		}
	})
}

// BenchmarkSeal writes one entry of 10 KB.
func BenchmarkSeal(b *testing.B) {
	stores(b, func(b *testing.B, s store.Store) {
		b.SetBytes(int64(len(tenKB)))
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Set(b.Context(), "k", tenKB, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}
