package sealed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

var modes = []sealed.Mode{sealed.Encrypt, sealed.Sign}

// key makes the same key of the same id.
func key(id string) sealed.Key {
	return sealed.Key{ID: id, Secret: []byte(fmt.Sprintf("%032s", "secret of "+id))}
}

func seal(t testing.TB, next store.Store, keys sealed.Keys) *sealed.Store {
	t.Helper()
	s, err := sealed.New(next, keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newMemory(t testing.TB) *memory.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func set(t testing.TB, s store.Store, name string, value []byte) {
	t.Helper()
	if err := s.Set(t.Context(), name, value, time.Hour); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s store.Store, name string) []byte {
	t.Helper()
	l := store.Lookup{Keys: []string{name}}
	if err := s.Lookup(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	return l.Values[0]
}

// refused checks that an entry is a miss, and that it is counted.
func refused(t testing.TB, s *sealed.Store, name, what string) {
	t.Helper()
	before := s.Rejected()
	if v := get(t, s, name); v != nil {
		t.Errorf("%s: it opens as %q", what, v)
	}
	if n := s.Rejected() - before; n != 1 {
		t.Errorf("%s: counted %d times", what, n)
	}
}

func TestStore(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			storetest.RunConfig(t, storetest.Config{
				Open: func(t *testing.T) store.Store {
					return seal(t, memory.New(), sealed.Keys{Mode: mode, Current: key("a"), Others: []sealed.Key{key("b")}})
				},
				Around: synctest.Test,
			})
		})
	}
}

func TestEntriesAreHidden(t *testing.T) {
	value := []byte("a row that others must not read")
	for _, mode := range modes {
		below := newMemory(t)
		s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a")})
		set(t, s, "k", value)
		first := get(t, below, "k")
		if shown := bytes.Contains(first, value); shown != (mode == sealed.Sign) {
			t.Errorf("%v: the entry is readable: %v", mode, shown)
		}
		if got := get(t, s, "k"); !bytes.Equal(got, value) || s.Rejected() != 0 {
			t.Errorf("%v: %q set, %q read, %d rejected", mode, value, got, s.Rejected())
		}
		set(t, s, "k", value)
		if again := get(t, below, "k"); bytes.Equal(first, again) != (mode == sealed.Sign) {
			t.Errorf("%v: the same value sealed twice gives %x and %x", mode, first, again)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	for _, mode := range modes {
		below := newMemory(t)
		old := seal(t, below, sealed.Keys{Mode: mode, Current: key("old")})
		told := seal(t, below, sealed.Keys{Mode: mode, Current: key("old"), Others: []sealed.Key{key("new")}})
		rotated := seal(t, below, sealed.Keys{Mode: mode, Current: key("new"), Others: []sealed.Key{key("old")}})
		done := seal(t, below, sealed.Keys{Mode: mode, Current: key("new")})
		set(t, old, "before", []byte("before"))
		set(t, rotated, "after", []byte("after"))
		for _, s := range []*sealed.Store{told, rotated} {
			for _, name := range []string{"before", "after"} {
				if v := get(t, s, name); string(v) != name {
					t.Errorf("%v: %q is read as %q", mode, name, v)
				}
			}
		}
		refused(t, done, "before", mode.String()+": an entry of a key that was dropped")
		refused(t, old, "after", mode.String()+": an entry of a key that is not known yet")
	}
}

// An entry that was never sealed must not pass, or whoever can write to the store could forge one; nor
// may a sealed one be taken for the plain entry that it is not.
func TestSealedAndPlainDoNotMix(t *testing.T) {
	for _, mode := range modes {
		below := newMemory(t)
		s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a")})
		for _, plain := range []string{"", "g", "gs", "gs\x01", "gs\x01\x01", "gs\x01\x02\x00", "gs\x01\x01\x01a", "gs\x01\x02\x01a", "plain"} {
			set(t, below, "k", []byte(plain))
			refused(t, s, "k", fmt.Sprintf("%v: a plain entry %q", mode, plain))
		}
	}
}

// The store below hands out memory that it shares.
func TestTheStoreBelowIsNotChanged(t *testing.T) {
	for _, mode := range modes {
		below := newMemory(t)
		s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a")})
		given := []byte("value")
		set(t, s, "k", given)
		shared := get(t, below, "k")
		before := bytes.Clone(shared)
		got := get(t, s, "k")
		_ = append(got, "what a careless caller appends"...)
		if !bytes.Equal(shared, before) || string(given) != "value" {
			t.Errorf("%v: changed from %x to %x", mode, before, shared)
		}
	}
}

// failing is a store that fails, and leaves values behind as it should not.
type failing struct {
	store.Store
	checked bool
}

var errDown = errors.New("down")

func (f *failing) Lookup(_ context.Context, l *store.Lookup) error {
	l.Values = append(l.Values[:0], []byte("not opened"))
	return errDown
}

func (f *failing) Check(context.Context) error {
	f.checked = true
	return errDown
}

func TestFailuresPassThrough(t *testing.T) {
	below := &failing{Store: newMemory(t)}
	s := seal(t, below, sealed.Keys{Current: key("a")})
	l := store.Lookup{Keys: []string{"k"}}
	if err := s.Lookup(t.Context(), &l); !errors.Is(err, errDown) || l.Values[0] != nil {
		t.Errorf("%v, %q", err, l.Values)
	}
	if err := s.Check(t.Context()); !errors.Is(err, errDown) || !below.checked {
		t.Errorf("the store below was not checked: %v", err)
	}
	if err := seal(t, newMemory(t), sealed.Keys{Current: key("a")}).Check(t.Context()); err != nil {
		t.Errorf("a store without a check: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, mode := range modes {
		below := newMemory(t)
		s := seal(t, below, sealed.Keys{Mode: mode, Current: key("a"), Others: []sealed.Key{key("b")}})
		other := seal(t, below, sealed.Keys{Mode: mode, Current: key("b"), Others: []sealed.Key{key("a")}})
		ctx := t.Context()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				mine := []*sealed.Store{s, other}[i%2]
				for j := range 200 {
					name := fmt.Sprint("k", j%5)
					if err := mine.Set(ctx, name, []byte(name), 0); err != nil {
						t.Error(err)
					}
					l := store.Lookup{Keys: []string{name, "absent"}}
					if err := mine.Lookup(ctx, &l); err != nil || string(l.Values[0]) != name || l.Values[1] != nil {
						t.Errorf("%v: %q is read as %q: %v", mode, name, l.Values, err)
					}
				}
			})
		}
		wg.Wait()
		if n := s.Rejected() + other.Rejected(); n != 0 {
			t.Errorf("%v: %d rejected", mode, n)
		}
	}
}

// TestASealedStoreHasTheCapabilitiesOfTheStoreBehind: it neither hides them nor pretends to have them.
func TestASealedStoreHasTheCapabilitiesOfTheStoreBehind(t *testing.T) {
	keys := sealed.Keys{Current: key("1")}
	for has, next := range map[bool]store.Store{true: memory.New(), false: struct{ store.Store }{memory.New()}} {
		s, err := sealed.New(next, keys)
		if err != nil {
			t.Fatal(err)
		}
		if (store.SwapperOf(s) != nil) != has || (store.ClaimerOf(s) != nil) != has {
			t.Errorf("the store behind has them: %v; the sealed one: %v, %v", has, store.SwapperOf(s) != nil, store.ClaimerOf(s) != nil)
		}
	}
}
