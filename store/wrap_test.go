package store_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

// pass is around calls without changing anything.
func pass(ctx context.Context, _ store.Call, next func(context.Context) error) error {
	return next(ctx)
}

// plain is a store without any capability.
type plain struct{ store.Store }

// conform runs the suite in a bubble, where waiting takes no time.
func conform(t *testing.T, open func(*testing.T) store.Store) {
	storetest.RunConfig(t, storetest.Config{Open: open, Around: synctest.Test})
}

func TestWrappedStore(t *testing.T) {
	conform(t, func(*testing.T) store.Store { return store.Wrap(memory.New(), pass) })
}

func TestWrappedStoreWithoutCapabilities(t *testing.T) {
	conform(t, func(*testing.T) store.Store { return store.Wrap(plain{memory.New()}, pass) })
}

// salted is a code that makes other bytes of the same entry each time.
var salted = store.Code{
	Encode: func(key string, value []byte) ([]byte, error) {
		salt := store.NewToken()
		return append(append(salt[:], key...), value...), nil
	},
	Decode: func(key string, kept []byte) ([]byte, bool) {
		if len(kept) < store.TokenSize {
			return nil, false
		}
		return bytes.CutPrefix(kept[store.TokenSize:], []byte(key))
	},
}

func TestCodedStore(t *testing.T) {
	conform(t, func(*testing.T) store.Store { return store.NewCoded(memory.New(), salted) })
}

// TestLayersHaveWhatIsBelow: a layer neither hides a capability nor pretends to have one.
func TestLayersHaveWhatIsBelow(t *testing.T) {
	for name, over := range map[string]func(store.Store) store.Store{
		"Wrap":         func(s store.Store) store.Store { return store.Wrap(s, pass) },
		"Coded":        func(s store.Store) store.Store { return store.NewCoded(s, salted) },
		"Wrap of Wrap": func(s store.Store) store.Store { return store.Wrap(store.Wrap(s, pass), pass) },
	} {
		has, hasNot := over(memory.New()), over(plain{memory.New()})
		if store.SwapperOf(has) == nil || store.ClaimerOf(has) == nil {
			t.Errorf("%s hides the capabilities of the store below", name)
		}
		if store.SwapperOf(hasNot) != nil || store.ClaimerOf(hasNot) != nil {
			t.Errorf("%s pretends to have what the store below has not", name)
		}
		if store.Unwrap(has) == nil || store.Unwrap(memory.New()) != nil {
			t.Errorf("%s: Unwrap", name)
		}
	}
}

func TestWrapTellsOfEachCall(t *testing.T) {
	var told []string
	s := store.Wrap(memory.New(), func(ctx context.Context, c store.Call, next func(context.Context) error) error {
		told = append(told, strings.Join([]string{c.Method, strings.Join(c.Keys, "+"), strings.Join(c.Tags, "+")}, " "))
		return next(ctx)
	})
	ctx, w := t.Context(), store.NewWriter()
	k, tags := []string{"k"}, []string{"a", "b"}
	claim := store.Claim{Name: "n", Owner: w, TTL: time.Hour}
	for _, call := range []struct {
		says string
		do   func() error
	}{
		{"Lookup k a+b", func() error { return s.Lookup(ctx, &store.Lookup{Keys: k, Tags: tags}) }},
		{"Set k ", func() error { return s.Set(ctx, "k", nil, 0) }},
		{"SetAll k+l ", func() error { return store.SetAll(ctx, s, []store.Entry{{Key: "k"}, {Key: "l"}}) }},
		{"Delete k+l ", func() error { return s.Delete(ctx, "k", "l") }},
		{"Swap k+l ", func() error { return store.SwapperOf(s).Swap(ctx, []store.Swap{{Key: "k"}, {Key: "l"}}) }},
		{"Tokens  a+b", func() error { return s.Tokens(ctx, tags, make([]store.State, 2)) }},
		{"Mark  a+b", func() error { return s.Mark(ctx, tags, w, time.Hour) }},
		{"Settle  a+b", func() error { return s.Settle(ctx, tags, w, 0) }},
		{"Unmark  a+b", func() error { return s.Unmark(ctx, tags, w) }},
		{"Inspect  a+b", func() error { _, err := store.Inspect(ctx, s, tags); return err }},
		{"Check  ", func() error { return s.(store.Checker).Check(ctx) }},
		{"Claim n ", func() error { _, err := store.ClaimerOf(s).Claim(ctx, &claim); return err }},
		{"Renew n ", func() error { _, err := store.ClaimerOf(s).Renew(ctx, &claim); return err }},
		{"Claims n ", func() error { _, err := store.ClaimerOf(s).Claims(ctx, "n"); return err }},
		{"Release n ", func() error { _, err := store.ClaimerOf(s).Release(ctx, "n", w); return err }},
	} {
		told = nil
		if err := call.do(); err != nil || !slices.Equal(told, []string{call.says}) {
			t.Errorf("%q: it tells %q, %v", call.says, told, err)
		}
	}
}

// TestWrapMayRefuse: what a function refuses does not reach the store, and looks like any other error.
func TestWrapMayRefuse(t *testing.T) {
	refused := errors.New("refused")
	below := memory.New()
	if err := below.Set(t.Context(), "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	var after bool
	s := store.Wrap(below, func(ctx context.Context, _ store.Call, next func(context.Context) error) error {
		if after {
			_ = next(ctx)
		}
		return refused
	})
	for _, after = range []bool{false, true} {
		l := store.Lookup{Keys: []string{"k"}, Values: [][]byte{[]byte("of an earlier lookup")}}
		if err := s.Lookup(t.Context(), &l); !errors.Is(err, refused) || l.Values[0] != nil {
			t.Errorf("a refused lookup gives %q, %v", l.Values, err)
		}
		if granted, err := store.ClaimerOf(s).Claim(t.Context(), &store.Claim{Name: "n", TTL: time.Hour}); granted || !errors.Is(err, refused) {
			t.Errorf("a refused claim gives %v, %v", granted, err)
		}
	}
}

// meddler sets an entry anew between a swap's lookup and its change, once.
type meddler struct {
	*memory.Store
	meddle func()
	once   sync.Once
}

func (m *meddler) Swap(ctx context.Context, swaps []store.Swap) error {
	m.once.Do(m.meddle)
	return m.Store.Swap(ctx, swaps)
}

// TestASwapMeetsTheSameEntryKeptOtherwise: the entry is what the caller saw all the time, but as other bytes below.
func TestASwapMeetsTheSameEntryKeptOtherwise(t *testing.T) {
	for becomes, want := range map[string]bool{"seen": true, "other": false} {
		m := &meddler{Store: memory.New()}
		s := store.NewCoded(m, salted)
		m.meddle = func() {
			if err := s.Set(t.Context(), "k", []byte(becomes), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Set(t.Context(), "k", []byte("seen"), 0); err != nil {
			t.Fatal(err)
		}
		swaps := []store.Swap{{Key: "k", Old: []byte("seen"), Value: []byte("new")}}
		if err := store.SwapperOf(s).Swap(t.Context(), swaps); err != nil || swaps[0].Done != want {
			t.Errorf("set to %q in between: Done is %v, %v", becomes, swaps[0].Done, err)
		}
	}
}

// TestASwapReplacesWhatDoesNotDecode: readers see no entry there.
func TestASwapReplacesWhatDoesNotDecode(t *testing.T) {
	below := memory.New()
	s := store.NewCoded(below, salted)
	if err := below.Set(t.Context(), "k", []byte("garbage of another program"), 0); err != nil {
		t.Fatal(err)
	}
	l := store.Lookup{Keys: []string{"k"}}
	if err := s.Lookup(t.Context(), &l); err != nil || l.Values[0] != nil || s.Rejected() != 1 {
		t.Fatalf("garbage gives %q, %v, and %d are rejected", l.Values, err, s.Rejected())
	}
	swaps := []store.Swap{{Key: "k", Value: []byte("new")}}
	if err := store.SwapperOf(s).Swap(t.Context(), swaps); err != nil || !swaps[0].Done {
		t.Errorf("Done is %v, %v", swaps[0].Done, err)
	}
}

// Falls if: a function around calls that makes none, or hides that one has failed, lets the caller believe that all is well: a
// writer would take its marks for set, and a reader what an earlier call had found for what is there now.
func TestAFunctionAroundHidesNothing(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		around store.Around
		want   string
	}{
		"makes no call": {func(context.Context, store.Call, func(context.Context) error) error { return nil }, "has not called next"},
		"hides the error": {func(ctx context.Context, _ store.Call, next func(context.Context) error) error {
			_ = next(ctx)
			return nil
		}, "down"},
	} {
		below := &failing{Store: memory.New(), err: down}
		s := store.Wrap(below, c.around)
		tags, w := []string{"s:t:users"}, store.NewWriter()
		l := store.Lookup{Keys: []string{"k"}, Tags: tags, Values: [][]byte{[]byte("of before")}, States: []store.State{{Known: true}}}
		claim := store.Claim{Name: "n", Owner: w, TTL: time.Minute}
		granted, claimed := s.Claimer().Claim(t.Context(), &claim)
		for i, err := range []error{
			s.Lookup(t.Context(), &l), s.Mark(t.Context(), tags, w, time.Minute), s.Settle(t.Context(), tags, w, 0),
			s.Swapper().Swap(t.Context(), []store.Swap{{Key: "k", Value: []byte("v")}}), claimed,
		} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: call %d gives %v", name, i, err)
			}
		}
		if l.Values[0] != nil || l.States[0].Known || granted {
			t.Errorf("%s: %q, %v, granted %v", name, l.Values, l.States, granted)
		}
	}
	// One that tries again is right: what counts is how the last call ended.
	tries := 0
	below := &failing{Store: memory.New(), err: down}
	s := store.Wrap(below, func(ctx context.Context, _ store.Call, next func(context.Context) error) error {
		for tries = 1; next(ctx) != nil; tries++ {
			below.err = nil
		}
		return nil
	})
	if err := s.Mark(t.Context(), []string{"s:t:users"}, store.NewWriter(), time.Minute); err != nil || tries != 2 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	if err := store.Wrap(memory.New(), nil).Set(t.Context(), "k", nil, 0); err != nil {
		t.Errorf("without a function: %v", err)
	}
}

// failing is a store whose calls fail.
type failing struct {
	*memory.Store
	err error
}

func (f *failing) Lookup(ctx context.Context, l *store.Lookup) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Lookup(ctx, l)
}

func (f *failing) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Mark(ctx, tags, w, grace)
}

func (f *failing) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Settle(ctx, tags, w, linger)
}

func (f *failing) Swap(ctx context.Context, swaps []store.Swap) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Swap(ctx, swaps)
}

func (f *failing) Claim(ctx context.Context, c *store.Claim) (bool, error) {
	if f.err != nil {
		return false, f.err
	}
	return f.Store.Claim(ctx, c)
}
