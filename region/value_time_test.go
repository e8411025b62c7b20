package region_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// lab is a region over a store that may fail, and what it logs.
type lab struct {
	*region.Region
	store    *shaky
	recorder *observe.Recorder
	log      *strings.Builder
}

// shaky is a store in memory whose calls can be made to fail.
type shaky struct {
	*memory.Store
	err error
}

func (f *shaky) Lookup(ctx context.Context, l *store.Lookup) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Lookup(ctx, l)
}

func (f *shaky) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Set(ctx, key, value, ttl)
}

// simple is a store with nothing beyond what a store must have.
type simple struct{ store.Store }

func newLab(t *testing.T, cfg region.Config, wrap ...func(store.Store) store.Store) *lab {
	t.Helper()
	l := &lab{store: &shaky{Store: memory.New()}, recorder: observe.NewRecorder(nil), log: new(strings.Builder)}
	var s store.Store = l.store
	for _, w := range wrap {
		s = w(s)
	}
	e := engine.New(engine.Config{
		Store: s, Namespace: "test", WriteTimeout: time.Second,
		Regions:  map[string]engine.Policy{"r": engine.Policy(cfg.WithDefaults())},
		Recorder: l.recorder, Logger: slog.New(slog.NewTextHandler(l.log, nil)),
	})
	t.Cleanup(func() {
		e.Close()
		if err := l.store.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := e.Region("r")
	if err != nil {
		t.Fatal(err)
	}
	l.Region = region.Of(r)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// takes makes a value, which takes some time.
func takes(d time.Duration, value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		time.Sleep(d)
		return value, nil
	}
}

// A Delete defeats each load that began before, however long the load lasts.
//
//	load:    look, read .................................... store
//	delete:            tombstone .......... tombstone expires
//
// Falls if: the tombstone expires before the longest load that is stored has ended; or a longer load is stored.
func TestADeleteDefeatsLongLoads(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    region.Config
		lasts  time.Duration
		stored bool // without a Delete
	}{
		"an instant":                  {region.Config{TTL: time.Hour}, time.Millisecond, true},
		"longer than the TTL":         {region.Config{TTL: time.Second}, time.Minute, true},
		"just within ten minutes":     {region.Config{TTL: time.Hour}, 10 * time.Minute, true},
		"longer than ten minutes":     {region.Config{TTL: time.Hour}, 10*time.Minute + time.Second, false},
		"much longer":                 {region.Config{TTL: time.Hour}, 5 * time.Hour, false},
		"within the hard timeout":     {region.Config{TTL: time.Hour, HardTimeout: 3 * time.Second}, 2900 * time.Millisecond, true},
		"beyond the hard timeout":     {region.Config{TTL: time.Hour, HardTimeout: 3 * time.Second}, 4 * time.Second, false},
		"far beyond the hard timeout": {region.Config{TTL: time.Hour, HardTimeout: 3 * time.Second}, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, c.cfg)
				for _, before := range []bool{false, true} {
					for _, at := range []time.Duration{0, c.lasts / 2, c.lasts - 1} {
						key := fmt.Sprint("k", before, at) // one that nobody has used: a load that found nothing is the easiest to miss
						if before {
							must(t, region.Set(t.Context(), l.Region, key, "older"))
						}
						var wg sync.WaitGroup
						wg.Go(func() {
							_, _ = region.GetOrCreate(t.Context(), l.Region, key, takes(c.lasts, "old"), region.WithMode(region.Refresh))
						})
						synctest.Wait()
						time.Sleep(at)
						must(t, l.Region.Delete(t.Context(), key))
						wg.Wait()
						if v, err := region.Get[string](t.Context(), l.Region, key); err == nil {
							t.Errorf("deleted after %v, and there is %q", at, v)
						}
					}
				}
				_, _ = region.GetOrCreate(t.Context(), l.Region, "other", takes(c.lasts, "new"))
				if _, err := region.Get[string](t.Context(), l.Region, "other"); (err == nil) != c.stored {
					t.Errorf("stored: %v", err == nil)
				}
				if !c.stored && c.cfg.HardTimeout == 0 && !strings.Contains(l.log.String(), "longer than a Delete is remembered") {
					t.Errorf("it is silent: %s", l.log)
				}
			})
		})
	}
}

// A Set defeats loads too whose value has expired by the time the load ends.
//
// Falls if: the store forgets the value as soon as it has expired.
func TestASetThatExpiresDefeatsLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, region.Config{TTL: time.Hour})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = region.GetOrCreate(t.Context(), l.Region, "k", takes(50*time.Second, "old")) })
		synctest.Wait()
		must(t, region.Set(t.Context(), l.Region, "k", "set", region.WithTTL(time.Second)))
		time.Sleep(1001 * time.Millisecond)
		if v, err := region.Get[string](t.Context(), l.Region, "k"); err == nil {
			t.Errorf("it is expired, and there is %q", v)
		}
		if v, err := region.Get[string](t.Context(), l.Region, "k", region.WithStale()); err == nil {
			t.Errorf("nothing old may be served, and there is %q", v)
		}
		wg.Wait()
		if v, err := region.Get[string](t.Context(), l.Region, "k"); err == nil {
			t.Errorf("the load has stored %q", v)
		}
	})
}

// Values, the answer that there is none, and counters live as long as they should, and no longer.
func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, region.Config{TTL: time.Hour, NegativeTTL: time.Minute})
		ctx := t.Context()
		calls := 0
		none := func(context.Context, []string) (map[string]int, error) { calls++; return nil, nil }
		must(t, region.Set(ctx, l.Region, "set", 1))
		must(t, region.Set(ctx, l.Region, "short", 1, region.WithTTL(time.Second)))
		must(t, region.Set(ctx, l.Region, "ever", 1, region.WithTTL(region.NoExpiration)))
		_, err := region.Add(ctx, l.Region, "n", 1, region.WithTTL(time.Minute))
		must(t, err)
		_, err = region.GetOrCreateMulti(ctx, l.Region, []string{"none"}, none)
		must(t, err)
		has := func(key string) bool {
			_, err := region.Get[any](ctx, l.Region, key)
			return err == nil
		}
		time.Sleep(time.Second)
		if !has("short") {
			t.Error("it ends too early")
		}
		time.Sleep(time.Millisecond)
		if has("short") {
			t.Error("it ends too late")
		}
		if err := l.Touch(ctx, "short", time.Hour); !errors.Is(err, region.ErrCacheMiss) {
			t.Error("what has expired was touched:", err)
		}
		time.Sleep(30 * time.Second)
		_, err = region.Add(ctx, l.Region, "n", 1, region.WithTTL(time.Minute))
		must(t, err)
		must(t, l.Touch(ctx, "set", 2*time.Hour))
		_, _ = region.GetOrCreateMulti(ctx, l.Region, []string{"none"}, none)
		if calls != 1 {
			t.Errorf("asked %d times for what is not there", calls)
		}
		time.Sleep(29 * time.Second)
		_, _ = region.GetOrCreateMulti(ctx, l.Region, []string{"none"}, none)
		if calls != 2 || has("n") {
			t.Errorf("asked %d times for what is not there; the counter is there: %v", calls, has("n"))
		}
		time.Sleep(119 * time.Minute)
		if !has("set") || !has("ever") {
			t.Error("a touch has not prolonged it")
		}
		time.Sleep(2 * time.Minute)
		if has("set") || !has("ever") {
			t.Error("it never ends, or what should be for ever does")
		}
	})
}

// No clock makes a value immortal, or its age negative.
func TestClocksThatJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour})
		ctx := t.Context()
		key := store.Namespace("test").Value("r", "k")
		for name, c := range map[string]struct {
			created time.Duration
			hit     bool
		}{"a bit ahead": {time.Minute, true}, "a year ahead": {365 * 24 * time.Hour, false}, "a year behind": {-365 * 24 * time.Hour, false}} {
			must(t, region.Set(ctx, l.Region, "k", "v"))
			look := store.Lookup{Keys: []string{key}}
			must(t, l.store.Lookup(ctx, &look))
			var env entry.Envelope
			must(t, env.Decode(key, look.Values[0]))
			env.Created += c.created.Milliseconds()
			raw, err := entry.Append(nil, key, &env)
			must(t, err)
			must(t, l.store.Set(ctx, key, raw, 0)) // and a store that keeps it for ever
			e, err := region.Lookup[string](ctx, l.Region, "k")
			if (err == nil) != c.hit || e.Age < 0 || e.TTL < 0 {
				t.Errorf("%s: %+v, %v", name, e, err)
			}
			if e, err := region.Lookup[string](ctx, l.Region, "k", region.WithStale()); err == nil && (e.Age < 0 || e.TTL < 0) {
				t.Errorf("%s: %+v", name, e)
			}
		}
	})
}

// A store that fails is a miss that says so, and an error for those who want something done.
func TestAStoreThatFails(t *testing.T) {
	l := newLab(t, region.Config{TTL: time.Hour})
	ctx := t.Context()
	must(t, region.Set(ctx, l.Region, "k", 1))
	down := errors.New("down")
	l.store.err = down
	if _, err := region.Get[int](ctx, l.Region, "k"); !errors.Is(err, region.ErrCacheMiss) || !errors.Is(err, down) {
		t.Error("Get:", err)
	}
	if _, err := region.GetMulti[int](ctx, l.Region, []string{"k"}); !errors.Is(err, region.ErrCacheMiss) || !errors.Is(err, down) {
		t.Error("GetMulti:", err)
	}
	if v, err := region.GetOrCreate(ctx, l.Region, "k", func(context.Context) (int, error) { return 2, nil }); err != nil || v != 2 {
		t.Error("GetOrCreate:", v, err)
	}
	m, err := region.GetOrCreateMulti(ctx, l.Region, []string{"k", "l"}, func(_ context.Context, missing []string) (map[string]int, error) {
		return map[string]int{"k": len(missing)}, nil
	})
	if err != nil || len(m) != 1 || m["k"] != 2 {
		t.Error("GetOrCreateMulti:", m, err)
	}
	if _, err := region.GetOrCreateMulti(ctx, l.Region, []string{"k"}, func(context.Context, []string) (map[string]int, error) { return nil, nil }, region.WithMode(region.OnlyIfCached)); !errors.Is(err, down) {
		t.Error("OnlyIfCached:", err)
	}
	_, update := region.Update(ctx, l.Region, "k", func(int, bool) (int, error) { return 3, nil })
	_, add := region.Add(ctx, l.Region, "n", 1)
	_, begin := l.Begin(ctx, region.WithTables("t"))
	for name, err := range map[string]error{
		"Set": region.Set(ctx, l.Region, "k", 2), "SetMulti": region.SetMulti(ctx, l.Region, map[string]int{"k": 2}),
		"Delete": l.Delete(ctx, "k"), "Touch": l.Touch(ctx, "k", time.Minute), "Insert": region.Insert(ctx, l.Region, "x", 1),
		"Update": update, "Add": add, "Begin": begin,
	} {
		if !errors.Is(err, down) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.store.err = nil
	if v, err := region.Get[int](ctx, l.Region, "k"); err != nil || v != 1 {
		t.Error("afterwards:", v, err)
	}
}

// A store without check-and-set serves all but that, and a warning says what it can't keep.
func TestAStoreWithoutSwap(t *testing.T) {
	l := newLab(t, region.Config{TTL: time.Hour}, func(s store.Store) store.Store { return simple{s} })
	ctx := t.Context()
	for _, key := range []string{"a", "b", "a"} {
		if v, err := region.GetOrCreate(ctx, l.Region, key, func(context.Context) (string, error) { return key, nil }); err != nil || v != key {
			t.Error(v, err)
		}
	}
	if v, err := region.Get[string](ctx, l.Region, "b"); err != nil || v != "b" {
		t.Error(v, err)
	}
	if n := strings.Count(l.log.String(), "store.Swapper"); n != 1 {
		t.Errorf("%d warnings: %s", n, l.log)
	}
	must(t, l.Delete(ctx, "a"))
	if _, err := region.Get[string](ctx, l.Region, "a"); !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
	_, err := region.Add(ctx, l.Region, "n", 1)
	for _, err := range []error{err, region.Insert(ctx, l.Region, "x", 1), l.Touch(ctx, "b", time.Minute)} {
		if !errors.Is(err, region.ErrNoSwap) {
			t.Error(err)
		}
	}
}

// A region that was given StaleWhileRevalidate has one tag more than before. What was stored before is a miss, and not stale:
// the tag of a table that stands where the region's now does may have moved by a commit.
//
// Falls if: tokens are compared by their place alone.
func TestAValueOfAnotherConfigurationIsNotStale(t *testing.T) {
	s := memory.New()
	defer s.Close()
	open := func(cfg region.Config) *region.Region {
		cfg.TTL = time.Hour
		r, err := region.New(s, "test", cfg, region.Named("r"))
		must(t, err)
		t.Cleanup(func() { must(t, r.Close()) })
		return r
	}
	ctx := t.Context()
	before := open(region.Config{})
	after := open(region.Config{StaleWhileRevalidate: time.Hour})
	if _, err := region.GetOrCreate(ctx, before, "k", takes(0, "old"), region.WithTables("users")); err != nil {
		t.Fatal(err)
	}
	must(t, before.InvalidateTables(ctx, "users"))
	if v, err := region.GetOrCreate(ctx, after, "k", takes(0, "new")); err != nil || v != "new" {
		t.Errorf("%q, %v", v, err)
	}
}

// overtaken is a store in which somebody else writes just before a value is swapped.
type overtaken struct {
	*memory.Store
	before func()
}

func (m *overtaken) Swap(ctx context.Context, swaps []store.Swap) error {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	return m.Store.Swap(ctx, swaps)
}

// Nothing is lost of what others write between the look at a value and its change.
//
// Falls if: the swap does not name the entry that was seen.
func TestWhatOthersWriteBeforeTheSwap(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		from   int64 // 0: there is none
		change func(*region.Region, region.Entry[int64]) error
		err    error
		want   int64 // after others have set 10
	}{
		"CompareAndSwap": {1, func(r *region.Region, seen region.Entry[int64]) error { return region.CompareAndSwap(ctx, r, seen, 2) }, region.ErrConflict, 10},
		"Insert":         {0, func(r *region.Region, _ region.Entry[int64]) error { return region.Insert[int64](ctx, r, "k", 2) }, region.ErrExists, 10},
		"Touch":          {1, func(r *region.Region, _ region.Entry[int64]) error { return r.Touch(ctx, "k", time.Hour) }, nil, 10},
		"Update": {1, func(r *region.Region, _ region.Entry[int64]) error {
			_, err := region.Update(ctx, r, "k", func(old int64, _ bool) (int64, error) { return 2 * old, nil })
			return err
		}, nil, 20},
		"Add": {1, func(r *region.Region, _ region.Entry[int64]) error {
			_, err := region.Add(ctx, r, "k", 1)
			return err
		}, nil, 11},
		"Add to none": {0, func(r *region.Region, _ region.Entry[int64]) error {
			_, err := region.Add(ctx, r, "k", 1)
			return err
		}, nil, 11},
		"Refresh": {1, func(r *region.Region, _ region.Entry[int64]) error {
			_, err := region.GetOrCreate(ctx, r, "k", func(context.Context) (int64, error) { return 2, nil }, region.WithMode(region.Refresh))
			return err
		}, nil, 10},
	} {
		m := new(overtaken)
		l := newLab(t, region.Config{TTL: time.Hour}, func(s store.Store) store.Store {
			m.Store = s.(*shaky).Store
			return m
		})
		var seen region.Entry[int64]
		if c.from != 0 {
			must(t, region.Set(ctx, l.Region, "k", c.from))
			var err error
			seen, err = region.Lookup[int64](ctx, l.Region, "k")
			must(t, err)
		}
		m.before = func() { must(t, region.Set[int64](ctx, l.Region, "k", 10)) }
		if err := c.change(l.Region, seen); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if v, err := region.Get[int64](ctx, l.Region, "k"); err != nil || v != c.want {
			t.Errorf("%s: %d, %v; want %d", name, v, err, c.want)
		}
	}
}
