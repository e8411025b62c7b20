package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// openApart is an engine whose region "r" keeps its entries in a store of its own, and "rx" with all others.
func openApart(t *testing.T, change ...func(*engine.Config)) (f *fixture, own *failing) {
	t.Helper()
	own = &failing{Store: memory.New()}
	t.Cleanup(func() { _ = own.Store.Close() })
	f = open(t, region.Config{TTL: time.Hour}, append([]func(*engine.Config){func(c *engine.Config) {
		c.Regions["rx"] = engine.Policy(region.Config{TTL: time.Hour}.WithDefaults())
		c.Stores, c.StoresTimeout = map[string]store.Store{"r": own}, time.Second
	}}, change...)...)
	return f, own
}

// one reads the single entry of a request that depends on tag "t", and returns the answer.
func (f *fixture) one(t *testing.T, answer string) (string, observe.Outcome) {
	t.Helper()
	r := f.region(t)
	res, err := r.Read(t.Context(), &engine.Request{Key: "k", Tags: r.Tags("t"), Kind: entry.KindRows, Load: func(context.Context, []int) (engine.Loaded, error) {
		return engine.Loaded{Payload: []byte(answer)}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcome == observe.Bypass {
		return answer, res.Outcome
	}
	return string(res.Payload), res.Outcome
}

func (f *fixture) drop(t *testing.T, tags ...string) {
	t.Helper()
	if err := store.Failure(f.store.Settle(t.Context(), tags, store.NewWriter(), 0)); err != nil {
		t.Fatal(err)
	}
}

func TestEntriesApartFromTheirTags(t *testing.T) {
	f, own := openApart(t)
	expect := func(answer, want string, outcome observe.Outcome) {
		t.Helper()
		if got, o := f.one(t, answer); got != want || o != outcome {
			t.Errorf("%q, %v, want %q, %v", got, o, want, outcome)
		}
	}
	expect("one", "one", observe.Miss)
	expect("two", "one", observe.Hit)
	for name, s := range map[string]store.Store{"the own store": own.Store, "the store": f.store.Store} {
		l := store.Lookup{Keys: []string{"k"}, Tags: []string{"t"}}
		if err := s.Lookup(t.Context(), &l); err != nil || (l.Values[0] != nil) != (s == own.Store) || l.States[0].Known == (s == own.Store) {
			t.Errorf("%s has %q and %v, %v", name, l.Values, l.States, err)
		}
	}
	f.drop(t, "t") // the own store does not hear of it
	expect("three", "three", observe.Miss)
	expect("four", "three", observe.Hit)
}

// The own store gives its entries first, and then the tags are asked for. The losing schedule of the other order:
//
//	reader:  tags (old) .................................. entry: made under the old tokens, a hit
//	writer:              COMMIT, new tokens
//
// Falls if: both are asked at once, or the tags first.
func TestTagsAreReadAfterTheEntries(t *testing.T) {
	f, own := openApart(t)
	f.one(t, "old")
	own.after = func() { // the entry is on its way; now a commit comes to its end
		own.after = nil
		f.drop(t, "t")
	}
	if got, o := f.one(t, "new"); got != "new" || o != observe.Miss {
		t.Errorf("%q, %v: an entry of before the commit", got, o)
	}
	if got, o := f.one(t, "newer"); got != "new" || o != observe.Hit {
		t.Errorf("%q, %v", got, o)
	}
}

// An own store that brings back what is old brings back nothing that is served.
func TestAnOwnStoreMayBringBackWhatIsOld(t *testing.T) {
	f, own := openApart(t)
	f.one(t, "old")
	l := store.Lookup{Keys: []string{"k"}}
	if err := own.Store.Lookup(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	old := slices.Clone(l.Values[0])
	f.drop(t, "t")
	f.one(t, "new")
	if err := own.Store.Set(t.Context(), "k", old, 0); err != nil {
		t.Fatal(err)
	}
	if got, o := f.one(t, "newest"); got != "newest" || o != observe.Miss {
		t.Errorf("%q, %v", got, o)
	}
}

// Whichever of the two stores fails, the database answers.
func TestEitherStoreMayFail(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		fail func(tags, own *failing, err error)
		want observe.Outcome
	}{
		"the own store's lookup": {func(_, own *failing, err error) { own.lookup = err }, observe.Bypass},
		"the own store's fill":   {func(_, own *failing, err error) { own.set = err }, observe.Miss},
		"the store's lookup":     {func(tags, _ *failing, err error) { tags.lookup = err }, observe.Bypass},
	} {
		t.Run(name, func(t *testing.T) {
			f, own := openApart(t)
			c.fail(f.store, own, down)
			for range 2 {
				if got, o := f.one(t, "x"); got != "x" || o != c.want {
					t.Errorf("%q, %v", got, o)
				}
			}
			c.fail(f.store, own, nil)
			f.one(t, "y")
			if got, o := f.one(t, "z"); got != "y" || o != observe.Hit {
				t.Errorf("when it is back: %q, %v", got, o)
			}
		})
	}
}

// Other regions go on while an own store fails, and its breaker opens for its region alone.
func TestAnOwnStoreHasItsOwnBreaker(t *testing.T) {
	var tags, entries *breaker.Store
	f, own := openApart(t, func(c *engine.Config) {
		tags = breaker.New(c.Store, breaker.Config{})
		entries = breaker.New(c.Stores["r"], breaker.Config{})
		c.Store, c.Stores["r"] = tags, entries
	})
	own.lookup = errors.New("down")
	for range 10 {
		f.one(t, "x")
	}
	if !entries.Open() || tags.Open() {
		t.Errorf("open: the own store's breaker %t, the other %t", entries.Open(), tags.Open())
	}
	rx, err := f.Region("rx")
	if err != nil {
		t.Fatal(err)
	}
	n := new(atomic.Int64)
	for range 2 {
		if _, err := region.GetOrCreate(t.Context(), region.Of(rx), "k", counting(n, user{})); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 1 {
		t.Errorf("%d loads of another region, want 1", n.Load())
	}
	f.Close() // ends the probes of both: goleak looks
}

// Both calls of a read share one patience.
func TestTwoStoresOnePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, own := openApart(t, func(c *engine.Config) { c.StoresTimeout = 50 * time.Millisecond })
		own.Store = &lingering{Store: own.Store, takes: map[string]time.Duration{"lookup": 40 * time.Millisecond}}
		f.store.Store = &lingering{Store: f.store.Store, takes: map[string]time.Duration{"lookup": time.Hour}}
		began := time.Now()
		if got, o := f.one(t, "x"); got != "x" || o != observe.Bypass || time.Since(began) != 50*time.Millisecond {
			t.Errorf("%q, %v after %v", got, o, time.Since(began))
		}
	})
}
