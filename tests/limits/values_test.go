package limits_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// values is a region without GORM.
func values(t testing.TB, s store.Store, cfg region.Config) *region.Region {
	t.Helper()
	cfg.TTL = time.Hour
	r, err := region.New(s, "limits", cfg)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// cutting is a connection that breaks when the server has done what was sent, and before the client learns of it.
type cutting struct {
	net.Conn
	cut   *atomic.Pointer[func()] // armed while it is set; called between the two
	armed bool
}

// Write arms the connection with the script that swaps: all others are warm by then.
func (c *cutting) Write(b []byte) (int, error) {
	c.armed = c.cut.Load() != nil && bytes.Contains(bytes.ToLower(b), []byte("evalsha"))
	return c.Conn.Write(b)
}

func (c *cutting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.armed && err == nil {
		if meanwhile := c.cut.Swap(nil); meanwhile != nil {
			(*meanwhile)()
			_ = c.Close()
			return 0, io.EOF
		}
	}
	return n, err
}

// The swap of an Add is made, the connection breaks, another Add follows, and go-redis sends the first swap again: it is
// refused, though it was made, and Add begins anew.
func TestLimitCounterSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retries int // as in redis.Options
		meets   bool
		fails   bool
		want    int64
	}{
		"another in between":                     {0, true, false, 13},
		"nobody in between":                      {0, false, false, 11},
		"another in between, and not sent again": {-1, true, true, 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servers.Redis(t)
			var cut atomic.Pointer[func()]
			client := redis.NewClient(&redis.Options{
				Addr: server.Addr, MaxRetries: c.retries,
				Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
					return &cutting{Conn: conn, cut: &cut}, err
				},
			})
			t.Cleanup(func() { _ = client.Close() })
			own := redisstore.New(client)
			t.Cleanup(func() { _ = own.Close() })
			r, err := region.New(own, "limits", region.Config{TTL: time.Hour}, region.Timeouts(5*time.Second, 5*time.Second))
			must(t, err)
			t.Cleanup(func() { must(t, r.Close()) })
			other := values(t, server.Store(t), region.Config{})

			_, err = region.Add(t.Context(), r, "n", 10)
			must(t, err)
			meanwhile := func() {
				if !c.meets {
					return
				}
				_, err := region.Add(t.Context(), other, "n", 1)
				must(t, err)
			}
			cut.Store(&meanwhile)
			if _, err = region.Add(t.Context(), r, "n", 1); (err != nil) != c.fails {
				t.Errorf("Add returns %v", err)
			}
			if cut.Load() != nil {
				t.Fatal("the connection was not cut")
			}
			if n, err := region.Add(t.Context(), other, "n", 0); err != nil || n != c.want {
				t.Errorf("the counter is %d, %v: want %d", n, err, c.want)
			}
		})
	}
}

// recording remembers the keys of the entries that were set, which are tombstones here.
type recording struct {
	store.Store
	keys []string
}

func (e *recording) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	e.keys = append(e.keys, key)
	return e.Store.Set(ctx, key, value, ttl)
}

func (e *recording) Swapper() store.Swapper { return store.SwapperOf(e.Store) }
func (e *recording) Claimer() store.Claimer { return store.ClaimerOf(e.Store) }

// A tombstone is evicted before a load has ended that began before the Delete.
func TestLimitEvictedTombstone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		evict bool
		want  string
	}{
		"evicted": {true, "old"},
		"kept":    {false, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := memory.New()
			t.Cleanup(func() { must(t, m.Close()) })
			e := &recording{Store: m}
			r := values(t, e, region.Config{})
			v, err := region.GetOrCreate(t.Context(), r, "k", func(ctx context.Context) (string, error) {
				must(t, r.Delete(ctx, "k"))
				if c.evict {
					must(t, m.Delete(ctx, e.keys...))
				}
				return "old", nil
			})
			must(t, err)
			expect(t, "the load itself", v, "old")
			v, err = region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) { return "new", nil })
			must(t, err)
			expect(t, "a read after the Delete", v, c.want)
			must(t, r.Delete(t.Context(), "k")) // the remedy, as it is that of any value made by hand
			if _, err := region.Get[string](t.Context(), r, "k"); !errors.Is(err, region.ErrCacheMiss) {
				t.Errorf("after another Delete there is a value: %v", err)
			}
		})
	}
}

// Keys that the program makes equal are one key.
func TestLimitKeysMadeEqual(t *testing.T) {
	t.Parallel()
	m := memory.New()
	t.Cleanup(func() { must(t, m.Close()) })
	r := values(t, m, region.Config{})
	echo := func(_ context.Context, s string) (string, error) { return s, nil }
	short := region.Cached(r, "short", echo, region.WithKeyFunc(func(s string) string { return s[:1] }))
	whole := region.Cached(r, "whole-{name}", echo)
	for _, c := range []struct {
		read *region.Func[string, string]
		arg  string
		want string
	}{{short, "ada", "ada"}, {short, "alan", "ada"}, {whole, "ada", "ada"}, {whole, "alan", "alan"}} {
		v, err := c.read.Call(t.Context(), c.arg)
		must(t, err)
		expect(t, c.arg, v, c.want)
	}

	// A mangler that cuts off makes two keys one, and LengthMangler does not.
	r = values(t, m, region.Config{Mangler: region.LengthMangler(10)})
	for _, key := range []string{strings.Repeat("a", 20) + "1", strings.Repeat("a", 20) + "2", "a1", "a2"} {
		must(t, region.Set(t.Context(), r, key, key))
	}
	for _, key := range []string{strings.Repeat("a", 20) + "1", strings.Repeat("a", 20) + "2", "a1", "a2"} {
		v, err := region.Get[string](t.Context(), r, key)
		must(t, err)
		expect(t, key, v, key)
	}
}
