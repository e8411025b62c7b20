package lock_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
)

func increment(_ context.Context, n int) (int, error) { return n + 1, nil }

type input struct {
	UserID int `cache:"user_id"`
	Name   string
	Tags   []string
}

// gated is a function that says that it runs, and then waits.
type gated struct {
	entered chan input
	leave   chan error
	running atomic.Int32
}

func newGated() *gated { return &gated{entered: make(chan input, 9), leave: make(chan error)} }

func (g *gated) run(_ context.Context, in input) (string, error) {
	defer g.running.Add(-1)
	if g.running.Add(1) > 1 && in.UserID == 5 {
		return "", errors.New("two calls run at once")
	}
	g.entered <- in
	return in.Name, <-g.leave
}

// Falls if: a second call with the same key runs beside the first, or one with another key does not, or the value of
// WhenLocked is not the answer.
func TestOnce(t *testing.T) {
	l, _ := open(t)
	ctx, g := t.Context(), newGated()
	once := lock.Once(l, "update-user-{user_id}", g.run)
	quiet := lock.Once(l, "update-user-{user_id}", g.run, lock.WhenLocked("busy"))
	first := make(chan error)
	call := func(in input) {
		v, err := once.Call(ctx, in)
		if err == nil && v != in.Name {
			err = errors.New("the answer is " + v)
		}
		first <- err
	}
	go call(input{UserID: 5, Name: "a"})
	<-g.entered
	if v, err := once.Call(ctx, input{UserID: 5, Name: "b"}); !errors.Is(err, lock.ErrLocked) || v != "" {
		t.Errorf("a second call: %q, %v", v, err)
	}
	if v, err := quiet.Call(ctx, input{UserID: 5, Tags: []string{"x"}}); err != nil || v != "busy" {
		t.Errorf("a second call: %q, %v", v, err)
	}
	go call(input{UserID: 6, Name: "c"})
	<-g.entered
	if !is(t)(once.Locked(ctx, input{UserID: 5})) || !is(t)(quiet.Locked(ctx, input{UserID: 6})) || is(t)(once.Locked(ctx, input{UserID: 7})) {
		t.Error("Locked does not say which calls run")
	}
	for range 2 {
		g.leave <- nil
		must(t, <-first)
	}
	if is(t)(once.Locked(ctx, input{UserID: 5})) {
		t.Error("the lock is not released")
	}
	go call(input{UserID: 5})
	<-g.entered
	failed := errors.New("failed")
	g.leave <- failed
	if err := <-first; !errors.Is(err, failed) {
		t.Error(err)
	}
	go call(input{UserID: 5, Name: "d"})
	<-g.entered
	g.leave <- nil
	must(t, <-first)
}

// Falls if: Break does not let the next call run, or the one that goes on does not learn of it.
func TestBreakOfACall(t *testing.T) {
	l, _ := open(t)
	g := newGated()
	once := lock.Once(l, "{user_id}", g.run)
	done := make(chan error)
	go func() { done <- second(once.Call(t.Context(), input{UserID: 7})) }()
	<-g.entered
	must(t, once.Break(t.Context(), input{UserID: 7}))
	if is(t)(once.Locked(t.Context(), input{UserID: 7})) {
		t.Error("locked after Break")
	}
	g.leave <- nil
	if err := <-done; !errors.Is(err, lock.ErrLost) {
		t.Errorf("a call whose lock was broken ends with %v", err)
	}
}

// Falls if: a second call of Func is refused instead of waiting, or runs beside the first.
func TestFuncWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t)
		g := newGated()
		f := lock.Func(l, "user-{user_id}", g.run)
		done := make(chan error)
		for range 3 {
			go func() { done <- second(f.Call(t.Context(), input{UserID: 5})) }()
		}
		for range 3 {
			<-g.entered
			time.Sleep(time.Hour)
			g.leave <- nil
			must(t, <-done)
		}
	})
}

// Falls if: a function that calls itself waits for itself for ever, or WhenLocked hides it.
func TestAFunctionThatCallsItself(t *testing.T) {
	l, _ := open(t)
	var f *lock.Function[int, int]
	f = lock.Func(l, "n-{n}", func(ctx context.Context, n int) (int, error) {
		if n < 2 {
			return f.Call(ctx, n+1)
		}
		return f.Call(ctx, n)
	})
	if _, err := f.Call(t.Context(), 1); !errors.Is(err, lock.ErrReentrant) {
		t.Error(err)
	}
}

// Falls if: a panic leaves the lock behind, or is swallowed.
func TestAPanicReleases(t *testing.T) {
	l, _ := open(t)
	fail := func(context.Context, int) (int, error) { panic("boom") }
	for _, call := range []func(context.Context, int) (int, error){
		lock.Once(l, "k", fail).Call, lock.Func(l, "k", fail).Call, lock.Pooled(lock.NewPool(l, "k", 1), fail).Call,
	} {
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v", r)
				}
			}()
			_, _ = call(t.Context(), 1)
		}()
		if is(t)(l.Locked(t.Context(), "k")) {
			t.Error("locked after a panic")
		}
	}
}

// Falls if: the function's context does not end with its lock, or the caller gets an answer as if nothing had happened.
func TestAFunctionLearnsThatItsLockIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, lock.TTL(3*time.Second))
		wait := func(ctx context.Context, _ int) (int, error) {
			s.renew.Store(&fault{err: errors.New("connection refused")})
			defer s.renew.Store(nil)
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), lock.ErrLost) {
				t.Error(context.Cause(ctx))
			}
			return 7, nil
		}
		pool := lock.NewPool(l, "p", 1)
		for _, call := range []func(context.Context, int) (int, error){lock.Once(l, "k", wait, lock.WhenLocked(0)).Call, lock.Func(l, "k", wait).Call, lock.Pooled(pool, wait).Call} {
			if v, err := call(t.Context(), 1); !errors.Is(err, lock.ErrLost) || v != 7 {
				t.Errorf("%d, %v", v, err)
			}
		}
	})
}

// What is done under a lock is done, whether or not the lock could be released.
func TestAReleaseThatFailsIsNoErrorOfTheFunction(t *testing.T) {
	l, s := open(t)
	s.release.Store(&fault{err: errors.New("connection refused")})
	defer s.release.Store(nil)
	if v, err := lock.Once(l, "k", increment).Call(t.Context(), 1); v != 2 || err != nil {
		t.Error(v, err)
	}
	a := got(t)(l.TryAcquire(t.Context(), "other"))
	if err := a.Release(t.Context()); !errors.Is(err, lock.ErrUnavailable) || errors.Is(err, lock.ErrLost) {
		t.Error(err)
	}
	if err := l.Break(t.Context(), "other"); !errors.Is(err, lock.ErrUnavailable) {
		t.Error(err)
	}
	s.release.Store(nil)
	must(t, a.Release(t.Context()))
}

// Falls if: a remedy that a message names is none, or misuse panics.
func TestKeysOfFunctions(t *testing.T) {
	l, _ := open(t)
	of := func(_ context.Context, tags []string) (int, error) { return len(tags), nil }
	join := func(tags []string) string { return strings.Join(tags, ",") }
	for want, f := range map[string]interface {
		Call(ctx context.Context, tags []string) (int, error)
		Err() error
	}{
		"WithKeyFunc":             lock.Once(l, "tags-{tags}", of),
		"it is empty":             lock.Func(l, "", of),
		"the function is nil":     lock.Once[[]string, int](l, "k", nil),
		"its key function is nil": lock.Once(l, "k", of).WithKeyFunc(nil),
		"leave out one of":        lock.Once(l, "tags-{tags}", of).WithKeyFunc(join),
		"make it with lock.Once":  (*lock.Function[[]string, int])(nil).WithKeyFunc(nil),
		"lock.Pooled":             (*lock.PoolFunc[[]string, int])(nil),
		"lock.NewPool":            lock.Pooled(nil, of),
		"it has 0 slots":          lock.Pooled(lock.NewPool(l, "k", 0), of),
		"the key is empty":        lock.Pooled(lock.NewPool(l, "", 1), of),
		"the Locks are nil":       lock.Once(nil, "k", of).WithKeyFunc(join),
		"pool \"k\": the Locks":   lock.Pooled(lock.NewPool(nil, "k", 1), of),
		"TTL is 1ns":              lock.Once(l.With(lock.TTL(1)), "k", of).WithKeyFunc(join),
	} {
		if _, err := f.Call(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "gormcache: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		} else if early := f.Err(); early == nil || early.Error() != err.Error() {
			t.Errorf("before the first call: %v, want %v", early, err)
		}
	}
	must(t, lock.Once(l, "user-{id}", increment).Err())
	must(t, lock.Pooled(lock.NewPool(l, "k", 1), increment).Err())
	f := lock.Once(l, "tags", func(ctx context.Context, tags []string) (int, error) { return 1, nil }).WithKeyFunc(join)
	nested := lock.Once(l, "tags", func(ctx context.Context, tags []string) (int, error) {
		if _, err := f.Call(ctx, []string{"a"}); !errors.Is(err, lock.ErrLocked) || f.Err() != nil {
			t.Errorf("the same key: %v", err)
		}
		return f.Call(ctx, []string{"b"})
	}).WithKeyFunc(join)
	if v, err := nested.Call(t.Context(), []string{"a"}); v != 1 || err != nil {
		t.Error(v, err)
	}
}
