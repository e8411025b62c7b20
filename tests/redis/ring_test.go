package redis_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestRingWithoutAShard(t *testing.T) {
	a, b := servers.Redis(t), servers.Redis(t)
	client := redis.NewRing(&redis.RingOptions{
		Addrs:              map[string]string{"a": a.Addr, "b": b.Addr},
		HeartbeatFrequency: 20 * time.Millisecond,
		MaxRetries:         -1,
		DialerRetries:      1,
	})
	t.Cleanup(func() { _ = client.Close() })
	s := redisstore.New(client)
	must(t, s.Check(t.Context()))
	tags := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	must(t, s.Tokens(t.Context(), tags, make([]store.State, len(tags))))
	b.Kill()
	eventually(t, "the ring notices", func() bool { return client.Len() == 1 })
	w := store.NewWriter()
	for call, err := range map[string]error{
		"Lookup": s.Lookup(t.Context(), &store.Lookup{Tags: tags}),
		"Set":    s.Set(t.Context(), "k", nil, 0),
		"Tokens": s.Tokens(t.Context(), tags, make([]store.State, len(tags))),
		"Mark":   s.Mark(t.Context(), tags, w, time.Minute),
		"Settle": store.Failure(s.Settle(t.Context(), tags, w, 0)),
		"Unmark": s.Unmark(t.Context(), tags, w),
		"Check":  s.Check(t.Context()),
		"Swap":   s.Swap(t.Context(), []store.Swap{{Key: "k", Value: []byte("v")}}),
		"Claim":  claimed(s.Claim(t.Context(), &store.Claim{Name: "c", Owner: w, TTL: time.Minute})),
	} {
		if !errors.Is(err, redisstore.ErrRingIncomplete) || errors.Is(err, store.ErrUnsupported) {
			t.Errorf("%s with a shard down gives %v", call, err)
		}
	}
	b.Start(t)
	eventually(t, "the shard is back", func() bool { return store.Failure(s.Settle(t.Context(), tags, w, 0)) == nil })
}

func claimed(_ bool, err error) error { return err }
