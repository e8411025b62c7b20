package redis_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// TestValueInRedis holds the script to the bytes that the golden test of redisstore reads.
func TestValueInRedis(t *testing.T) {
	client := servers.Redis(t).Client(t)
	s := redisstore.New(client, redisstore.TagTTL(time.Minute))
	get := func() string { return client.Get(t.Context(), "tag").Val() }
	ttl := func() time.Duration { return client.PTTL(t.Context(), "tag").Val() }

	seen := token(t, s, "tag")
	clean := get()
	if len(clean) != 12 || clean == string(seen[:]) {
		t.Fatalf("a clean tag is %q, and seen as %q: want 12 bytes, and others", clean, seen[:])
	}
	if d := ttl(); d <= 0 || d > time.Minute {
		t.Errorf("a tag lives for %v: want the TagTTL of a minute", d)
	}

	a, b := store.NewWriter(), store.NewWriter()
	must(t, s.Mark(t.Context(), []string{"tag"}, a, time.Hour))
	must(t, s.Mark(t.Context(), []string{"tag"}, b, time.Second))
	v := get()
	if len(v) != 12+2*25 || v[:12] != clean || v[12:24] != string(a[:]) || v[37:49] != string(b[:]) {
		t.Fatalf("a tag with two marks is %q", v)
	}
	now := client.Time(t.Context()).Val()
	for i, grace := range []time.Duration{time.Hour, time.Second} {
		digits := v[12+25*i+12 : 12+25*i+25]
		ms, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.UnixMilli(ms).Sub(now); left > grace || left < grace-10*time.Second {
			t.Errorf("mark %d has %v left of %v", i, left, grace)
		}
	}
	if d := ttl(); d <= time.Hour {
		t.Errorf("the tag lives for %v: its mark, with an hour, outlives it", d)
	}
	must(t, store.Failure(s.Settle(t.Context(), []string{"tag"}, b, 0)))
	if d := ttl(); d <= 59*time.Minute {
		t.Errorf("after another's Settle the tag lives for %v: less than the mark that is left", d)
	}

	// Who needs the tag on prolongs its life, and changes nothing; one that is gone is not made.
	client.PExpire(t.Context(), "tag", 5*time.Second)
	v = get()
	must(t, s.Unmark(t.Context(), []string{"tag", "gone"}, store.NewWriter()))
	if d := ttl(); d <= 59*time.Minute || get() != v || client.Exists(t.Context(), "gone").Val() != 0 {
		t.Errorf("after a stranger's Unmark the tag lives for %v", d)
	}
	must(t, store.Failure(s.Settle(t.Context(), []string{"tag"}, a, 0)))
	client.PExpire(t.Context(), "tag", 5*time.Second)
	must(t, s.Unmark(t.Context(), []string{"tag"}, a))
	if d := ttl(); d <= 50*time.Second || d > time.Minute {
		t.Errorf("a clean tag lives for %v after that: want the TagTTL of a minute", d)
	}
}
