package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.RunConfig(t, storetest.Config{
		Open: func(*testing.T) store.Store {
			// Conformance includes calls that must fail; they are no outage.
			return breaker.New(memory.New(), breaker.Config{Failures: 1_000_000, Cooldown: time.Hour})
		},
		Around: synctest.Test,
	})
}

// sick is a store that fails, hangs or panics on command.
type sick struct {
	store.Store
	mu    sync.Mutex
	err   error
	hang  bool
	panic bool
	calls int
}

// be makes the store sick in another way, or well.
func (s *sick) be(err error, hang, panic bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hang, s.panic = err, hang, panic
}

func (s *sick) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *sick) do(ctx context.Context) error {
	s.mu.Lock()
	s.calls++
	err, hang, sick := s.err, s.hang, s.panic
	s.mu.Unlock()
	if sick {
		panic("sick")
	}
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (s *sick) Lookup(ctx context.Context, _ *store.Lookup) error { return s.do(ctx) }

func (s *sick) Mark(ctx context.Context, _ []string, _ store.Writer, _ time.Duration) error {
	return s.do(ctx)
}

func (s *sick) Unmark(ctx context.Context, _ []string, _ store.Writer) error { return s.do(ctx) }

func (s *sick) Close() error { return nil }

// closing closes the store before the bubble ends, which waits for what works in the background.
func closing(t *testing.T, s *breaker.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// budget is a context as gormcache makes it.
func budget(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, store.ErrBudget)
	t.Cleanup(cancel)
	return ctx
}

var errDown = errors.New("down")

func TestItOpensAfterFailuresInARowAndClosesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Minute})
		defer closing(t, s)
		look := func(want error) {
			t.Helper()
			if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		look(errDown)
		look(errDown)
		below.be(nil, false, false)
		look(nil) // a success in between starts the count anew
		below.be(errDown, false, false)
		for range 3 {
			look(errDown)
		}
		calls := below.count()
		look(breaker.ErrOpen)
		if below.count() != calls || !s.Open() {
			t.Fatal("the open breaker asked the store")
		}
		time.Sleep(time.Minute)
		synctest.Wait() // for the probe
		if got := below.count() - calls; got != 1 {
			t.Fatalf("%d probes", got)
		}
		look(breaker.ErrOpen)
		below.be(nil, false, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		look(nil) // without a caller that had to fail first
		if s.Open() {
			t.Fatal("still open")
		}
		below.be(errDown, false, false)
		for range 3 {
			look(errDown)
		}
		look(breaker.ErrOpen) // and it opens again
	})
}

// A store that hangs must cost no caller a probe's time, reader or writer, for however long it hangs.
func TestNobodyWaitsForAProbe(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, s *breaker.Store) error{
		"readers": func(ctx context.Context, s *breaker.Store) error { return s.Lookup(ctx, new(store.Lookup)) },
		"writers": func(ctx context.Context, s *breaker.Store) error {
			return s.Mark(ctx, []string{"t"}, store.NewWriter(), time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := &sick{hang: true}
				s := breaker.New(below, breaker.Config{Failures: 2, Cooldown: time.Second})
				defer closing(t, s)
				for range 2 {
					if err := call(budget(t, time.Second), s); !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
				}
				calls := below.count()
				for range 1000 {
					began := time.Now()
					if err := call(budget(t, time.Second), s); !errors.Is(err, breaker.ErrOpen) || time.Since(began) > 0 {
						t.Fatalf("%v after %v", err, time.Since(began))
					}
					time.Sleep(10 * time.Millisecond)
				}
				probes := 5 // a second of rest and one of hanging, each
				if name == "writers" {
					probes *= 2 // readers' part is probed as well
				}
				if got := below.count() - calls; got != probes {
					t.Errorf("%d probes in 10 s, want %d", got, probes)
				}
				below.be(nil, false, false)
				time.Sleep(2*time.Second + time.Millisecond)
				if err := call(budget(t, time.Second), s); err != nil {
					t.Errorf("well again: %v", err)
				}
			})
		})
	}
}

// Writers look up before they mark, and have a second for each: where marks hang, lookups must not cost
// another five. Where marks are refused, as by a replica, what can be read is read.
func TestHangingWritersStopReaders(t *testing.T) {
	for name, hang := range map[string]bool{"hangs": true, "refuses": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := &sick{err: errDown, hang: hang}
				s := breaker.New(below, breaker.Config{Failures: 2, Cooldown: time.Second})
				defer closing(t, s)
				for range 2 {
					_ = s.Mark(budget(t, time.Second), []string{"t"}, store.NewWriter(), time.Hour)
				}
				if err := s.Lookup(budget(t, time.Second), new(store.Lookup)); errors.Is(err, breaker.ErrOpen) != hang {
					t.Error(err)
				}
				below.be(nil, false, false)
				time.Sleep(3 * time.Second)
				if s.Open() {
					t.Error("still open")
				}
			})
		})
	}
}

// slow is a store that answers late.
type slow struct {
	store.Store
	by    time.Duration
	calls atomic.Int64
}

func (s *slow) Lookup(ctx context.Context, _ *store.Lookup) error {
	s.calls.Add(1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(s.by):
		return nil
	}
}

// A store that is too slow for its callers is not well because a probe has a longer timeout than they have.
func TestAProbeIsAsHastyAsItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &slow{Store: memory.New(), by: 200 * time.Millisecond}
		s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Second, ReadTimeout: 100 * time.Millisecond})
		defer closing(t, s)
		for range 3 {
			_ = s.Lookup(budget(t, 100*time.Millisecond), new(store.Lookup))
		}
		time.Sleep(10 * time.Second)
		if !s.Open() {
			t.Error("it has closed, though each caller would time out again")
		}
	})
}

// impatient calls the store with a context of the caller's own, inside of which gormcache has set its budget.
func impatient(t *testing.T, d time.Duration, call func(ctx context.Context) error) error {
	t.Helper()
	hasty, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	ctx, stop := context.WithTimeoutCause(hasty, time.Second, store.ErrBudget)
	defer stop()
	return call(ctx)
}

func look(s *breaker.Store) func(ctx context.Context) error {
	return func(ctx context.Context) error { return s.Lookup(ctx, new(store.Lookup)) }
}

func mark(s *breaker.Store) func(ctx context.Context) error {
	return func(ctx context.Context) error { return s.Mark(ctx, []string{"t"}, store.NewWriter(), time.Hour) }
}

// Falls if: the time-outs of callers in a hurry count, or each of them has the store probed.
func TestCallersInAHurryAreNoFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &slow{Store: memory.New(), by: 40 * time.Millisecond}
		s := breaker.New(below, breaker.Config{Failures: 1, ReadTimeout: 50 * time.Millisecond})
		defer closing(t, s)
		for range 1000 {
			err := impatient(t, 3*time.Millisecond, look(s))
			if !errors.Is(err, context.DeadlineExceeded) || s.Open() {
				t.Fatalf("%v; open: %v", err, s.Open())
			}
		}
		// 3 s of time-outs, one probe of 40 ms after the other.
		if probes := below.calls.Load() - 1000; probes < 60 || probes > 75 {
			t.Errorf("%d probes", probes)
		}
	})
}

// A store that hangs is found out by callers in a hurry alone, whether they have deadlines or cancel.
//
// Falls if: what their calls say is forgotten. Then each of them waits for the store, for as long as it hangs.
func TestCallersInAHurryFindOutAStoreThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		call   func(*breaker.Store) func(context.Context) error
		opens  time.Duration
		cancel bool
	}{
		"readers":            {look, 50 * time.Millisecond, false},
		"readers who cancel": {look, 50 * time.Millisecond, true},
		"writers":            {mark, 400 * time.Millisecond, false},
		"writers who cancel": {mark, 400 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := &sick{hang: true}
				s := breaker.New(below, breaker.Config{ReadTimeout: 50 * time.Millisecond, WriteTimeout: 400 * time.Millisecond})
				defer closing(t, s)
				began := time.Now()
				for !s.Open() {
					if time.Since(began) > time.Minute {
						t.Fatal("it does not open")
					}
					if c.cancel {
						ctx, cancel := context.WithCancel(t.Context())
						time.AfterFunc(3*time.Millisecond, cancel)
						_ = c.call(s)(ctx)
					} else {
						_ = impatient(t, 3*time.Millisecond, c.call(s))
					}
					synctest.Wait()
				}
				if took := time.Since(began); took < c.opens || took > c.opens+10*time.Millisecond {
					t.Errorf("it opens after %v, want %v", took, c.opens)
				}
				for _, call := range []func(context.Context) error{look(s), c.call(s)} { // writers look up too
					if err := impatient(t, 3*time.Millisecond, call); !errors.Is(err, breaker.ErrOpen) {
						t.Error(err)
					}
				}
				below.be(nil, false, false)
				time.Sleep(3 * time.Second)
				if err := c.call(s)(budget(t, time.Second)); err != nil || s.Open() {
					t.Errorf("well again: %v; open: %v", err, s.Open())
				}
			})
		})
	}
}

// The budget that gormcache gives is what counts, also where the network notices its end before the context does.
//
// Falls if: an error that comes at the very end of a call's time counts by whether the context has ended by then.
func TestWhoseTimeWasUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &punctual{}
		s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Hour, ReadTimeout: time.Hour})
		defer closing(t, s)
		for range 10 {
			if _ = impatient(t, time.Millisecond, look(s)); s.Open() {
				t.Fatal("a caller in a hurry counts")
			}
		}
		for range 3 {
			if s.Open() {
				t.Fatal("it opens too early")
			}
			_ = look(s)(budget(t, time.Second))
		}
		if !s.Open() {
			t.Error("the budget does not count")
		}
	})
}

// punctual fails when a call's deadline is there, not when its context ends.
type punctual struct{ sick }

func (p *punctual) Lookup(ctx context.Context, _ *store.Lookup) error {
	deadline, _ := ctx.Deadline()
	select {
	case <-time.After(time.Until(deadline)):
		return errDown
	case <-ctx.Done():
		return errDown
	}
}

// A probe that succeeds is a success: failures in a row begin anew.
func TestAProbeForCallersInAHurryCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &slow{Store: &sick{}, by: 10 * time.Millisecond}
		s := breaker.New(below, breaker.Config{Failures: 3, ReadTimeout: time.Second})
		defer closing(t, s)
		for range 2 {
			_ = look(s)(budget(t, time.Millisecond))
		}
		_ = impatient(t, time.Millisecond, look(s))
		time.Sleep(time.Second) // for the probe
		for range 2 {
			if _ = look(s)(budget(t, time.Millisecond)); s.Open() {
				t.Fatal("failures from before count")
			}
		}
		if _ = look(s)(budget(t, time.Millisecond)); !s.Open() {
			t.Error("it does not open")
		}
	})
}

// Falls if: a probe that panics takes the program with it, or one that Stop has cut off opens the breaker.
func TestProbesForCallersInAHurryEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{hang: true}
		s := breaker.New(below, breaker.Config{ReadTimeout: time.Hour})
		_ = impatient(t, time.Millisecond, look(s))
		synctest.Wait()
		began := time.Now()
		s.Stop()
		if took := time.Since(began); took > 0 || s.Open() {
			t.Errorf("stopped after %v, open: %v", took, s.Open())
		}
		calls := below.count()
		if _ = impatient(t, time.Millisecond, look(s)); below.count() != calls+1 {
			t.Error("a breaker that was stopped works in the background")
		}
		s = breaker.New(&frail{sick: &sick{hang: true}}, breaker.Config{Cooldown: time.Hour})
		defer closing(t, s)
		_ = impatient(t, time.Millisecond, look(s))
		synctest.Wait()
		if !s.Open() {
			t.Error("a panic counts as a success")
		}
	})
}

// frail hangs once, and panics from then on.
type frail struct {
	*sick
	asked atomic.Bool
}

func (f *frail) Lookup(ctx context.Context, l *store.Lookup) error {
	if f.asked.Swap(true) {
		panic("frail")
	}
	return f.sick.Lookup(ctx, l)
}

// A store that panics must not take the program with it where no caller could recover.
func TestAProbeThatPanicsIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, breaker.Config{Failures: 1, Cooldown: time.Second})
		defer closing(t, s)
		_ = s.Lookup(t.Context(), new(store.Lookup))
		below.be(nil, false, true)
		time.Sleep(5 * time.Second)
		if !s.Open() {
			t.Error("a panic counts as a success")
		}
		below.be(nil, false, false)
		time.Sleep(2 * time.Second)
		if err := s.Lookup(t.Context(), new(store.Lookup)); err != nil || s.Open() {
			t.Errorf("%v; open: %v", err, s.Open())
		}
	})
}

// Who has closed the plugin may go on to write: then nothing works in the background any more, and one
// caller at a time is the probe.
func TestAStoppedBreakerIsProbedByItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, breaker.Config{Failures: 1, Cooldown: time.Second})
		_ = s.Lookup(t.Context(), new(store.Lookup))
		s.Stop()
		time.Sleep(time.Second)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Lookup(gone, new(store.Lookup)) // a probe that tells nothing
		below.be(nil, false, true)
		func() {
			defer func() { _ = recover() }()
			_ = s.Lookup(t.Context(), new(store.Lookup)) // one that panics
		}()
		time.Sleep(time.Second)
		below.be(nil, true, false)
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Lookup(budget(t, time.Minute), new(store.Lookup)) })
		synctest.Wait()
		if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("a second probe went beside the first: %v", err)
		}
		wg.Wait()
		time.Sleep(time.Second)
		below.be(nil, false, false)
		if err := s.Lookup(t.Context(), new(store.Lookup)); err != nil || s.Open() {
			t.Errorf("%v; open: %v", err, s.Open())
		}
	})
}

// failing fails readers only.
type failing struct{ store.Store }

func (failing) Lookup(context.Context, *store.Lookup) error { return errDown }

// Lookups that are too slow for their budget must not keep marks and new tokens from the store: the
// commit would return, and other processes would serve what it replaced.
func TestFailingReadersDoNotStopWriters(t *testing.T) {
	s := breaker.New(&failing{memory.New()}, breaker.Config{Failures: 1, Cooldown: time.Hour})
	defer closing(t, s)
	if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	if err := s.Lookup(t.Context(), new(store.Lookup)); !errors.Is(err, breaker.ErrOpen) {
		t.Fatal(err)
	}
	w := store.NewWriter()
	if err := errors.Join(s.Mark(t.Context(), []string{"t"}, w, time.Hour), store.Failure(s.Settle(t.Context(), []string{"t"}, w, 0)), s.Unmark(t.Context(), []string{"t"}, w)); err != nil {
		t.Error(err)
	}
}

// BenchmarkLookup is what the breaker adds to each call: it is on the path of every hit.
func BenchmarkLookup(b *testing.B) {
	s := breaker.New(&nothing{}, breaker.Config{})
	l, ctx := new(store.Lookup), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Lookup(ctx, l)
	}
}

type nothing struct{ store.Store }

func (*nothing) Lookup(context.Context, *store.Lookup) error { return nil }

func (s *sick) Settle(ctx context.Context, _ []string, _ store.Writer, _ time.Duration) error {
	return s.do(ctx)
}

// Writers learn of an outage by their settling too, as where marks are refused no more; marks that were lost are
// the store's answer.
//
// Falls if: what a Settle fails with is not counted. Then each commit waits for its settling to time out.
func TestSettlingsThatFailOpenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := &store.LostMarks{Tags: []string{"tag"}}
		below := &sick{err: lost}
		s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Minute})
		defer closing(t, s)
		settle := func(want error) {
			t.Helper()
			if err := s.Settle(t.Context(), []string{"tag"}, store.NewWriter(), 0); !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}
		for range 4 {
			settle(lost)
		}
		below.be(errDown, false, false)
		for range 3 {
			settle(errDown)
		}
		settle(breaker.ErrOpen)
	})
}

// picky takes no value.
type picky struct{ store.Store }

func (picky) Set(context.Context, string, []byte, time.Duration) error {
	return fmt.Errorf("picky: %w", store.ErrTooLarge)
}

// TestLargeValuesAreNoOutage: what is too large says nothing about the store.
//
// Falls if: values that memcached refuses turn the cache off.
func TestLargeValuesAreNoOutage(t *testing.T) {
	s := breaker.New(picky{memory.New()}, breaker.Config{Failures: 2, Cooldown: time.Hour})
	defer closing(t, s)
	for range 10 {
		if err := s.Set(t.Context(), "k", nil, 0); !errors.Is(err, store.ErrTooLarge) {
			t.Fatalf("got %v", err)
		}
	}
	if s.Open() {
		t.Error("the breaker has opened")
	}
}
