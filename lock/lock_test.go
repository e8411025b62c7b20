package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// bare is a store without claims.
type bare struct{ store.Store }

// Falls if: New accepts what can't work, or its Locks panic or do something instead of returning the same error.
func TestNewNamesWhatIsWrong(t *testing.T) {
	s := memory.New()
	defer s.Close()
	for _, c := range []struct {
		store     store.Store
		namespace string
		opts      []lock.Option
		is        error
		want      string
	}{
		{store: bare{s}, namespace: "shop", is: store.ErrNoClaim, want: "store.Claimer"},
		{store: nil, namespace: "shop", is: store.ErrNoClaim, want: "store.Claimer"},
		{store: s, namespace: "", want: "namespace is empty"},
		{store: s, namespace: "a:b", want: "use only letters"},
		{store: s, namespace: "shop", opts: []lock.Option{lock.TTL(0)}, want: "TTL is 0s"},
		{store: s, namespace: "shop", opts: []lock.Option{lock.TTL(time.Millisecond)}, want: "at least 50ms"},
		{store: s, namespace: "shop", opts: []lock.Option{lock.Poll(-1)}, want: "Poll is -1ns"},
		{store: s, namespace: "shop", opts: []lock.Option{lock.Timeout(0)}, want: "Timeout is 0s"},
		{store: s, namespace: "shop", opts: []lock.Option{lock.Logger(nil)}, want: "Logger is nil"},
	} {
		l, err := lock.New(c.store, c.namespace, c.opts...)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%q: %v", c.want, err)
			continue
		}
		_, try := l.TryAcquire(t.Context(), "k")
		_, wait := l.With(lock.TTL(time.Minute)).Acquire(t.Context(), "k")
		_, locked := l.Locked(t.Context(), "k")
		_, size := lock.NewPool(l, "k", 2).Size(t.Context())
		_, call := lock.Once(l, "k", increment).Call(t.Context(), 1)
		for i, e := range []error{try, wait, locked, size, call, l.Break(t.Context(), "k")} {
			if e == nil || e.Error() != err.Error() {
				t.Errorf("call %d gives %v, and New %v", i, e, err)
			}
		}
		must(t, l.Close())
	}
	good, err := lock.New(s, "shop", nil)
	must(t, err)
	defer good.Close()
	for _, err := range []error{
		second(good.TryAcquire(t.Context(), "")), second(good.With(lock.TTL(1)).Acquire(t.Context(), "k")),
		second((*lock.Locks)(nil).Acquire(t.Context(), "k")), second((*lock.Locks)(nil).With(lock.TTL(1)).TryAcquire(t.Context(), "k")),
		second((&lock.Locks{}).TryAcquire(t.Context(), "k")), second((*lock.Pool)(nil).Acquire(t.Context())),
		second(lock.NewPool(good, "k", 0).TryAcquire(t.Context())), second(lock.NewPool(good, "", 1).TryAcquire(t.Context())),
		second(lock.NewPool(nil, "k", 1).Acquire(t.Context())),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "gormcache: ") {
			t.Errorf("misuse gives %v", err)
		}
	}
	must(t, (*lock.Locks)(nil).Close())
}

func second[T any](_ T, err error) error { return err }

// Falls if: two have a lock at once, a lock can't be had again, a fence does not grow, or a key is not its own.
func TestOneHolderAtATime(t *testing.T) {
	l, _ := open(t)
	ctx, last := t.Context(), uint64(0)
	for range 3 {
		a := got(t)(l.TryAcquire(ctx, "a"))
		if _, err := l.TryAcquire(ctx, "a"); !errors.Is(err, lock.ErrLocked) || err.Error() != `gormcache: lock "a": held by another` {
			t.Errorf("a second holder: %v", err)
		}
		b := got(t)(l.Acquire(ctx, "b"))
		if is(t)(l.Locked(ctx, "a")) != true || a.Key() != "a" || a.Fence() <= last {
			t.Errorf("lock %q with fence %d after %d is not seen", a.Key(), a.Fence(), last)
		}
		last = a.Fence()
		must(t, a.Release(ctx))
		must(t, a.Release(ctx)) // by defer, after a call of one's own
		if a.Held() || a.Err() != nil || is(t)(l.Locked(ctx, "a")) || !is(t)(l.Locked(ctx, "b")) {
			t.Errorf("after Release: held %v, %v", a.Held(), a.Err())
		}
		select {
		case <-a.Lost():
			t.Error("a lock that was released is lost")
		default:
		}
		if err := a.Renew(ctx); !errors.Is(err, lock.ErrReleased) {
			t.Errorf("Renew after Release: %v", err)
		}
		must(t, b.Release(ctx))
	}
}

func is(t *testing.T) func(bool, error) bool {
	return func(b bool, err error) bool { t.Helper(); must(t, err); return b }
}

// Falls if: Acquire returns before its context ends, without saying both that others have the lock and why it gave up.
func TestAcquireWaitsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t)
		defer func() { must(t, got(t)(l.Acquire(t.Context(), "k")).Release(t.Context())) }()
		a := got(t)(l.Acquire(t.Context(), "k"))
		for range 2 { // the first in line, and one behind
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				_, err := l.Acquire(ctx, "k")
				if !errors.Is(err, lock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("given up with %v", err)
				}
			}()
		}
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if !a.Held() {
			t.Error("a lock is not renewed")
		}
		must(t, a.Release(t.Context()))
	})
}

// Falls if: a release does not wake who waits, in a process or in another (here: other Locks of the same store).
func TestReleaseWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.Poll(time.Hour))
		other, err := lock.New(s, "test", lock.Poll(time.Hour))
		must(t, err)
		defer other.Close()
		a := got(t)(l.Acquire(t.Context(), "k"))
		won := make(chan *lock.Lock)
		for _, locks := range []*lock.Locks{l, other} {
			go func() { won <- got(t)(locks.Acquire(t.Context(), "k")) }()
		}
		synctest.Wait()
		began := time.Now()
		must(t, a.Release(t.Context()))
		for range 2 {
			b := <-won
			must(t, b.Release(t.Context()))
		}
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("woken after %s", waited)
		}
	})
}

// Falls if: a release between the answer that others have the lock and the watch for its release is missed.
func TestAReleaseBetweenTheAnswerAndTheWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.Poll(time.Hour))
		a := got(t)(l.Acquire(t.Context(), "k"))
		s.refused = func() {
			s.refused = nil
			must(t, a.Release(t.Context()))
		}
		began := time.Now()
		must(t, got(t)(l.Acquire(t.Context(), "k")).Release(t.Context()))
		if waited := time.Since(began); waited > 0 {
			t.Errorf("had after %s", waited)
		}
	})
}

// Falls if: a holder counts its TTL from the store's answer, which comes after the store has begun to count.
func TestASlowAnswerShortensTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.TTL(10*time.Second), lock.Timeout(time.Minute), lock.NoRenewal())
		s.slow = 4 * time.Second
		a := got(t)(l.TryAcquire(t.Context(), "k"))
		s.slow = 0
		time.Sleep(6 * time.Second)
		if a.Held() {
			t.Error("held 10 s after it was asked for, with a TTL of 10 s")
		}
	})
}

// Falls if: a holder believes in its lock until the very moment at which the store gives it to another, by a clock that may run
// a little faster; or gives up much earlier.
func TestAHolderStopsALittleEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ttl := range []time.Duration{lock.MinTTL, time.Second, time.Hour} {
			l, _ := open(t, lock.TTL(ttl), lock.NoRenewal())
			a := got(t)(l.TryAcquire(t.Context(), "k"))
			time.Sleep(ttl * 90 / 100)
			must(t, a.Err())
			must(t, a.Renew(t.Context()))
			time.Sleep(ttl * 90 / 100)
			if !a.Held() {
				t.Errorf("TTL %s: lost at 90 %%", ttl)
			}
			time.Sleep(ttl*10/100 - time.Millisecond)
			if a.Held() {
				t.Errorf("TTL %s: held 1 ms before its end", ttl)
			}
			must(t, l.Break(t.Context(), "k"))
		}
	})
}

// Falls if: those who wait in a process get the lock in another order than they came, or if each release makes more than
// the first of them ask the store.
func TestWaitersOfAProcessGetTheLockInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 50
		l, s := open(t, lock.Poll(time.Hour))
		a := got(t)(l.Acquire(t.Context(), "k"))
		var order []int
		for i := range waiters {
			go func() {
				b := got(t)(l.Acquire(t.Context(), "k"))
				order = append(order, i) // under the lock
				must(t, b.Release(t.Context()))
			}()
			synctest.Wait()
		}
		before := s.claims.Load()
		must(t, a.Release(t.Context()))
		synctest.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("the order is %v", order)
			}
		}
		if asked := s.claims.Load() - before; len(order) != waiters || asked > 3*waiters {
			t.Errorf("%d of %d waiters got the lock, with %d questions", len(order), waiters, asked)
		}
	})
}

// Falls if: a lock whose holder does not renew it lasts for longer or shorter than its TTL, or the holder is not told.
func TestWithoutRenewalALockEndsAtItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, lock.TTL(time.Minute))
		a := got(t)(l.With(lock.NoRenewal()).Acquire(t.Context(), "k"))
		ctx, cancel := a.Context(t.Context())
		defer cancel()
		time.Sleep(50 * time.Second)
		must(t, a.Renew(ctx))
		time.Sleep(50 * time.Second)
		if _, err := l.TryAcquire(ctx, "k"); !errors.Is(err, lock.ErrLocked) || !a.Held() {
			t.Errorf("renewed by hand: held %v, another gets %v", a.Held(), err)
		}
		b := got(t)(l.Acquire(t.Context(), "k"))
		<-a.Lost()
		if a.Held() || !errors.Is(a.Err(), lock.ErrLost) || !errors.Is(context.Cause(ctx), lock.ErrLost) || ctx.Err() == nil {
			t.Errorf("held %v, %v, %v", a.Held(), a.Err(), context.Cause(ctx))
		}
		if b.Fence() <= a.Fence() {
			t.Errorf("fence %d follows on %d", b.Fence(), a.Fence())
		}
		for range 2 {
			if err := a.Release(t.Context()); !errors.Is(err, lock.ErrLost) {
				t.Errorf("Release of a lost lock: %v", err)
			}
		}
		if err := a.Renew(t.Context()); !errors.Is(err, lock.ErrLost) {
			t.Errorf("Renew of a lost lock: %v", err)
		}
		if !b.Held() || !is(t)(l.Locked(t.Context(), "k")) {
			t.Error("a holder of before has released another's lock")
		}
		must(t, b.Release(t.Context()))
	})
}

// Falls if: renewal ends too early, goes on after Release, or a lock that was broken is still held after the next one.
func TestRenewalKeepsALockAndSeesThatItWasBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, lock.TTL(3*time.Second))
		a := got(t)(l.Acquire(t.Context(), "k"))
		time.Sleep(time.Hour)
		if !a.Held() {
			t.Fatal(a.Err())
		}
		must(t, l.Break(t.Context(), "k"))
		b := got(t)(l.TryAcquire(t.Context(), "k"))
		time.Sleep(time.Second)
		synctest.Wait()
		if a.Held() || !errors.Is(a.Err(), lock.ErrLost) || !strings.Contains(a.Err().Error(), "broken") {
			t.Errorf("after Break: held %v, %v", a.Held(), a.Err())
		}
		if !b.Held() {
			t.Error(b.Err())
		}
		must(t, b.Release(t.Context()))
		must(t, l.Break(t.Context(), "k")) // nobody has it
	})
}

// Falls if: Release of a lock that was taken away says nothing.
func TestReleaseOfABrokenLock(t *testing.T) {
	var log strings.Builder
	l, _ := open(t, lock.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	a := got(t)(l.Acquire(t.Context(), "k"))
	must(t, l.Break(t.Context(), "k"))
	b := got(t)(l.TryAcquire(t.Context(), "k"))
	if err := a.Release(t.Context()); !errors.Is(err, lock.ErrLost) {
		t.Errorf("Release: %v", err)
	}
	must(t, b.Release(t.Context()))
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "a lock was lost while it was held") || !strings.Contains(got, "key=k") {
		t.Errorf("logged is %q", got)
	}
}

// Falls if: a failure shorter than the TTL costs the lock, or a longer one does not end it in time.
func TestRenewalOutlivesAFailure(t *testing.T) {
	down := errors.New("connection refused")
	for name, f := range map[string]*fault{"refused": {err: down}, "hung": {}, "reply lost": {err: down, after: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := open(t, lock.TTL(30*time.Second))
				a := got(t)(l.Acquire(t.Context(), "k"))
				s.renew.Store(f)
				time.Sleep(25 * time.Second)
				if !a.Held() {
					t.Fatal(a.Err())
				}
				s.renew.Store(nil)
				time.Sleep(time.Hour)
				if !a.Held() {
					t.Fatal(a.Err())
				}
				s.renew.Store(f)
				time.Sleep(31 * time.Second)
				synctest.Wait()
				if a.Held() || !errors.Is(a.Err(), lock.ErrLost) {
					t.Errorf("31 s after the last renewal: held %v, %v", a.Held(), a.Err())
				}
				if errors.Is(a.Err(), lock.ErrUnavailable) { // it says that a function has not run
					t.Errorf("a lock that was held and lost: %v", a.Err())
				}
				if f.err != nil && !errors.Is(a.Err(), down) || f.err == nil && !errors.Is(a.Err(), store.ErrBudget) {
					t.Errorf("the reason is not said: %v", a.Err())
				}
				if err := a.Release(t.Context()); !errors.Is(err, lock.ErrLost) {
					t.Errorf("Release: %v", err)
				}
			})
		})
	}
}

// Falls if: a store that hangs or fails keeps a caller for longer than Timeout, or looks like a lock that others have.
func TestAFailingStoreIsAnErrorAtOnce(t *testing.T) {
	down := errors.New("connection refused")
	for name, f := range map[string]*fault{"refused": {err: down}, "hung": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, s := open(t, lock.Timeout(time.Second))
				s.claim.Store(f)
				began := time.Now()
				want := down
				if f.err == nil {
					want = store.ErrBudget
				}
				for _, err := range []error{
					second(l.TryAcquire(t.Context(), "k")), second(l.Acquire(t.Context(), "k")),
					second(lock.Once(l, "k", increment, lock.WhenLocked(0)).Call(t.Context(), 1)),
					second(lock.Pooled(lock.NewPool(l, "k", 1), increment, lock.OnFull(increment)).Call(t.Context(), 1)),
				} {
					if !errors.Is(err, want) || errors.Is(err, lock.ErrLocked) || !errors.Is(err, lock.ErrUnavailable) {
						t.Error(err)
					}
				}
				if waited := time.Since(began); waited > 4*time.Second {
					t.Errorf("%s for four calls", waited)
				}
				// A caller whose own time has ended is told that, not that something is wrong with the store.
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				s.claim.Store(&fault{})
				if err := second(l.TryAcquire(ctx, "k")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lock.ErrUnavailable) {
					t.Error(err)
				}
			})
		})
	}
}

// Falls if: a waiter gives up at a failure that ends, or waits for ever for a store that is gone.
func TestAWaiterOutlivesAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.TTL(30*time.Second))
		a := got(t)(l.Acquire(t.Context(), "k"))
		won := make(chan error)
		go func() { won <- second(l.Acquire(t.Context(), "k")) }()
		synctest.Wait()
		s.claim.Store(&fault{err: errors.New("connection refused")})
		time.Sleep(20 * time.Second)
		s.claim.Store(nil)
		must(t, a.Release(t.Context()))
		must(t, <-won)
		go func() { won <- second(l.Acquire(t.Context(), "k")) }()
		synctest.Wait()
		s.claim.Store(&fault{err: errors.New("connection refused")})
		began := time.Now()
		if err := <-won; err == nil || errors.Is(err, lock.ErrLocked) || time.Since(began) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		s.claim.Store(nil)
		must(t, l.Break(t.Context(), "k"))
	})
}

// A call whose answer is lost may have been granted. Falls if: nobody gets the lock until its TTL then.
func TestAGrantWhoseAnswerIsLostIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.TTL(time.Hour))
		for _, acquire := range []func(context.Context, string) (*lock.Lock, error){l.TryAcquire, l.Acquire} {
			s.claim.Store(&fault{after: true})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := time.Now()
			if _, err := acquire(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 100*time.Millisecond {
				t.Errorf("%v after %s", err, time.Since(began))
			}
			cancel()
			synctest.Wait()
			s.claim.Store(nil)
			must(t, got(t)(l.TryAcquire(t.Context(), "k")).Release(t.Context()))
		}
	})
}

// Falls if: `defer l.Release(ctx)` does nothing where ctx has ended.
func TestReleaseWithAContextThatHasEnded(t *testing.T) {
	l, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	a := got(t)(l.Acquire(ctx, "k"))
	cancel()
	must(t, a.Release(ctx))
	must(t, got(t)(l.TryAcquire(t.Context(), "k")).Release(t.Context()))
}

// Falls if: a Release that failed can't be repeated, or the repetition takes its own success for a loss.
func TestReleaseMayBeRepeated(t *testing.T) {
	for _, after := range []bool{false, true} {
		l, s := open(t)
		a := got(t)(l.Acquire(t.Context(), "k"))
		s.release.Store(&fault{err: errors.New("connection reset"), after: after})
		if err := a.Release(t.Context()); err == nil || errors.Is(err, lock.ErrLost) || a.Held() {
			t.Errorf("a Release that failed: %v, held %v", err, a.Held())
		}
		s.release.Store(nil)
		must(t, a.Release(t.Context()))
		must(t, got(t)(l.TryAcquire(t.Context(), "k")).Release(t.Context()))
	}
}

// Falls if: Close leaves a waiter waiting, a holder in the belief that it has the lock, or gives the lock to another while
// the holder may be at work.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t)
		other, err := lock.New(s, "test")
		must(t, err)
		defer other.Close()
		a := got(t)(l.Acquire(t.Context(), "k"))
		b := got(t)(l.With(lock.NoRenewal()).Acquire(t.Context(), "other"))
		won := make(chan error, 2)
		for range 2 {
			go func() { won <- second(l.Acquire(t.Context(), "k")) }()
		}
		synctest.Wait()
		must(t, l.Close())
		must(t, l.Close())
		for _, held := range []*lock.Lock{a, b} {
			<-held.Lost()
			if held.Held() || !errors.Is(held.Err(), lock.ErrLost) || !errors.Is(held.Err(), lock.ErrClosed) {
				t.Error(held.Err())
			}
		}
		for range 2 {
			if err := <-won; !errors.Is(err, lock.ErrClosed) {
				t.Errorf("a waiter gets %v", err)
			}
		}
		if _, err := l.With(lock.Poll(1)).TryAcquire(t.Context(), "new"); !errors.Is(err, lock.ErrClosed) {
			t.Error(err)
		}
		if _, err := other.TryAcquire(t.Context(), "k"); !errors.Is(err, lock.ErrLocked) {
			t.Errorf("another gets the lock of one who may be at work: %v", err)
		}
		if err := a.Release(t.Context()); !errors.Is(err, lock.ErrClosed) {
			t.Error(err)
		}
		must(t, got(t)(other.TryAcquire(t.Context(), "k")).Release(t.Context()))
	})
}

// Falls if: a caller that waits for itself is not told, or one that does not is.
func TestReentry(t *testing.T) {
	l, _ := open(t)
	a := got(t)(l.Acquire(t.Context(), "a"))
	ctx, cancelA := a.Context(t.Context())
	defer cancelA()
	b := got(t)(l.Acquire(ctx, "b"))
	ctx, cancelB := b.Context(ctx)
	defer cancelB()
	for _, key := range []string{"a", "b"} {
		if _, err := l.Acquire(ctx, key); !errors.Is(err, lock.ErrReentrant) {
			t.Errorf("%s again: %v", key, err)
		}
		if _, err := l.TryAcquire(ctx, key); !errors.Is(err, lock.ErrLocked) {
			t.Errorf("%s again: %v", key, err)
		}
	}
	must(t, a.Release(ctx))
	must(t, b.Release(ctx))
}

// Falls if: the names of waiters or claims pile up.
func TestNothingPilesUp(t *testing.T) {
	l, s := open(t)
	for i := range 100 {
		a := got(t)(l.Acquire(t.Context(), fmt.Sprint(i)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := l.Acquire(ctx, fmt.Sprint(i)); !errors.Is(err, lock.ErrLocked) {
			t.Error(err)
		}
		cancel()
		must(t, a.Release(t.Context()))
	}
	if n := lock.Lines(l); n != 0 {
		t.Errorf("%d lines are left", n)
	}
	claims, err := s.Claims(t.Context(), store.Namespace("test").Lock("1"))
	if err != nil || len(claims) != 0 {
		t.Errorf("%v, %v", claims, err)
	}
}
