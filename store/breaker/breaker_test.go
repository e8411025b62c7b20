package breaker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/breaker"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.RunConfig(t, storetest.Config{
		Open: func(*testing.T) store.Store {
			// Conformance includes calls that must fail; they are no outage.
			return breaker.New(memory.New(), 1_000_000, time.Hour)
		},
		Around: synctest.Test,
	})
}

// sick is a store that fails, hangs or panics on command.
type sick struct {
	store.Store
	err   error
	hang  bool
	panic bool
	calls int
}

func (s *sick) Lookup(ctx context.Context, _ *store.Lookup) error {
	s.calls++
	if s.panic {
		panic("sick")
	}
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.err
}

var errDown = errors.New("down")

func TestItOpensAfterFailuresInARowAndClosesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, 3, time.Minute)
		look := func(want error) {
			t.Helper()
			if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		look(errDown)
		look(errDown)
		below.err = nil
		look(nil) // a success in between starts the count anew
		below.err = errDown
		for range 3 {
			look(errDown)
		}
		calls := below.calls
		look(breaker.ErrOpen)
		if below.calls != calls || !s.Open() {
			t.Fatal("the open breaker asked the store")
		}
		time.Sleep(time.Minute)
		look(errDown) // the probe
		look(breaker.ErrOpen)
		time.Sleep(time.Minute)
		below.err = nil
		look(nil)
		look(nil)
		if s.Open() {
			t.Fatal("still open")
		}
	})
}

func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, 1, time.Second)
		_ = s.Lookup(t.Context(), new(store.Lookup))
		time.Sleep(time.Second)
		below.hang = true
		budget, cancel := context.WithTimeoutCause(t.Context(), time.Minute, store.ErrBudget)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Lookup(budget, new(store.Lookup)) })
		synctest.Wait()
		if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("a second probe went beside the first: %v", err)
		}
		wg.Wait()
	})
}

func TestACallerWhoGivesUpIsNoFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := breaker.New(&sick{hang: true}, 1, time.Hour)
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		ctx, stop := context.WithTimeoutCause(hasty, time.Second, store.ErrBudget)
		defer stop()
		if err := s.Lookup(ctx, new(store.Lookup)); !errors.Is(err, context.DeadlineExceeded) || s.Open() {
			t.Fatalf("%v; open: %v", err, s.Open())
		}
		ctx, stop = context.WithTimeoutCause(t.Context(), time.Second, store.ErrBudget)
		defer stop()
		if err := s.Lookup(ctx, new(store.Lookup)); !errors.Is(err, context.DeadlineExceeded) || !s.Open() {
			t.Fatalf("%v; open: %v", err, s.Open())
		}
	})
}

func TestAProbeThatTellsNothingOrPanicsIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, 1, time.Second)
		_ = s.Lookup(t.Context(), new(store.Lookup))
		time.Sleep(time.Second)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Lookup(gone, new(store.Lookup))
		below.panic = true
		func() {
			defer func() { _ = recover() }()
			_ = s.Lookup(t.Context(), new(store.Lookup))
		}()
		time.Sleep(time.Second)
		below.panic, below.err = false, nil
		if err := s.Lookup(t.Context(), new(store.Lookup)); err != nil || s.Open() {
			t.Errorf("%v; open: %v", err, s.Open())
		}
	})
}

// Lookups that are too slow for their budget must not keep marks and new tokens from the store: the
// commit would return, and other processes would serve what it replaced.
func TestFailingReadersDoNotStopWriters(t *testing.T) {
	s := breaker.New(&sick{Store: memory.New(), err: errDown}, 1, time.Hour)
	if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, breaker.ErrOpen) {
		t.Fatal(err)
	}
	w := store.NewWriter()
	if err := errors.Join(s.Mark(t.Context(), []string{"t"}, w, time.Hour), s.Settle(t.Context(), []string{"t"}, w, 0), s.Unmark(t.Context(), []string{"t"}, w)); err != nil {
		t.Error(err)
	}
}
