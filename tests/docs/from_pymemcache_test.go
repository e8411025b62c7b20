package docs

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/compress"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/null"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// The new calls of docs/from-pymemcache.md.

func TestFromPymemcacheClients(t *testing.T) {
	ctx := t.Context()
	addr, other := servers.Memcached(t).Addr, servers.Memcached(t).Addr
	s := memcachestore.New([]string{addr}, memcachestore.Timeout(time.Second))
	defer func() { check(t, s.Close()) }()
	check(t, s.Check(ctx))
	err := s.Set(ctx, "large", make([]byte, 2<<20), time.Minute)
	if !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("got %v", err)
	}

	dialer := &net.Dialer{KeepAlive: 10 * time.Second}
	one := memcachestore.New([]string{addr}, memcachestore.DialWith(dialer.DialContext), memcachestore.MaxIdle(64))
	two := memcachestore.New([]string{addr, other})
	both := fallback.New(two, fallback.From(one))
	defer func() { check(t, both.Close()) }()
	check(t, both.Check(ctx))

	inJSON := region.Config{TTL: time.Hour, Codec: jsonCodec{}}
	regions := map[string]region.Config{"default": {TTL: time.Hour}, "json": inJSON}
	p, err := gormcache.New(gormcache.Config{Store: s, Namespace: "shop", Regions: regions})
	check(t, err)
	defer func() { check(t, p.Close()) }()
	r, err := p.Region("json")
	check(t, err)
	check(t, region.Set(ctx, r, "k", "v"))
	v, err := region.Get[string](ctx, r, "k")
	is(t, v, "v", err)

	small, err := compress.New(s, compress.MinBytes(400))
	check(t, err)
	check(t, small.Set(ctx, "k", []byte(strings.Repeat("v", 1000)), time.Minute))

	for _, fake := range []store.Store{memory.New(), null.New()} {
		check(t, fake.Close())
	}
}

func TestFromPymemcacheValues(t *testing.T) {
	ctx := t.Context()
	db, p := people(t)
	r, err := p.Region("default")
	check(t, err)

	check(t, region.Set(ctx, r, "k", "v", region.WithTTL(time.Minute)))
	err = region.SetMulti(ctx, r, map[string]string{"a": "1", "b": "2"})
	check(t, err)
	if err := region.Insert(ctx, r, "k", "other"); !errors.Is(err, region.ErrExists) {
		t.Errorf("got %v", err)
	}
	if err := region.Replace(ctx, r, "none", "v"); !errors.Is(err, region.ErrCacheMiss) {
		t.Errorf("got %v", err)
	}
	v, err := region.Update(ctx, r, "k", func(old string, ok bool) (string, error) { return old + "w", nil })
	is(t, v, "vw", err)

	v, err = region.Get[string](ctx, r, "k")
	is(t, v, "vw", err)
	is(t, region.GetOr(ctx, r, "none", "default"), "default", nil)
	m, err := region.GetMulti[string](ctx, r, []string{"a", "b", "none"})
	is(t, len(m), 2, err)

	seen, err := region.Lookup[string](ctx, r, "k")
	is(t, seen.Value, "vw", err)
	all, err := region.LookupMulti[string](ctx, r, []string{"a", "b"})
	is(t, len(all), 2, err)
	check(t, region.CompareAndSwap(ctx, r, seen, "changed"))
	if err := region.CompareAndSwap(ctx, r, seen, "changed"); !errors.Is(err, region.ErrConflict) {
		t.Errorf("got %v", err)
	}

	v, err = region.Get[string](ctx, r, "k", region.WithTouch(time.Minute))
	is(t, v, "changed", err)
	check(t, r.Touch(ctx, "k", time.Minute))
	check(t, r.Delete(ctx, "a", "b"))

	n, err := region.Add(ctx, r, "n", +5)
	is(t, n, 5, err)
	n, err = region.Add(ctx, r, "n", -9, region.WithFloor(0))
	is(t, n, 0, err)
	if _, err := region.Add(ctx, r, "m", 1, region.WithExisting()); !errors.Is(err, region.ErrCacheMiss) {
		t.Errorf("got %v", err)
	}

	check(t, invalidate.All(ctx, db))
	is(t, region.GetOr(ctx, r, "k", "gone"), "gone", nil)
	if p.Stats().Hits == 0 {
		t.Error("there was no hit")
	}
}
