package lock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
)

// Falls if: more than n have a slot, a slot is not free after Release, or a pool and a lock of one key meet.
func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t)
		ctx := t.Context()
		p := lock.NewPool(l, "k", 2)
		k := got(t)(l.TryAcquire(ctx, "k"))
		a, b := got(t)(p.TryAcquire(ctx)), got(t)(p.Acquire(ctx))
		if _, err := p.TryAcquire(ctx); !errors.Is(err, lock.ErrPoolFull) || err.Error() != `gormcache: pool "k": all slots are taken` {
			t.Error(err)
		}
		if b.Fence() <= a.Fence() || size(t, p) != 2 {
			t.Errorf("fences %d and %d, size %d", a.Fence(), b.Fence(), size(t, p))
		}
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := p.Acquire(short); !errors.Is(err, lock.ErrPoolFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		waiter := make(chan *lock.Lock)
		go func() { waiter <- got(t)(p.Acquire(ctx)) }()
		synctest.Wait()
		began := time.Now()
		must(t, a.Release(ctx))
		c := <-waiter
		if time.Since(began) > 0 || !b.Held() || !c.Held() || size(t, p) != 2 {
			t.Errorf("after a Release: %s, %v, %v, size %d", time.Since(began), b.Held(), c.Held(), size(t, p))
		}
		// A holder may have several slots, and wait for one with another's context.
		of, stop := b.Context(ctx)
		must(t, c.Release(of))
		must(t, got(t)(p.Acquire(of)).Release(of))
		stop()
		must(t, b.Release(ctx))
		must(t, k.Release(ctx))
		if size(t, p) != 0 {
			t.Errorf("size %d", size(t, p))
		}
	})
}

func size(t *testing.T, p interface {
	Size(ctx context.Context) (int, error)
}) int {
	t.Helper()
	n, err := p.Size(t.Context())
	must(t, err)
	return n
}

// Falls if: a call too many runs, or OnFull is not asked, or asked where a slot is free.
func TestPooled(t *testing.T) {
	l, _ := open(t)
	g := newGated()
	p := lock.NewPool(l, "imports", 2)
	f := lock.Pooled(p, g.run)
	full := lock.Pooled(p, g.run, lock.OnFull(func(_ context.Context, in input) (string, error) { return "full " + in.Name, nil }), nil)
	done := make(chan error)
	for i := range 2 {
		go func() { done <- second(full.Call(t.Context(), input{UserID: i})) }()
		<-g.entered
	}
	if _, err := f.Call(t.Context(), input{}); !errors.Is(err, lock.ErrPoolFull) {
		t.Error(err)
	}
	if v, err := full.Call(t.Context(), input{Name: "x"}); v != "full x" || err != nil {
		t.Error(v, err)
	}
	if size(t, f) != 2 {
		t.Errorf("size %d", size(t, f))
	}
	for range 2 {
		g.leave <- nil
		must(t, <-done)
	}
	if size(t, p) != 0 {
		t.Errorf("size %d", size(t, p))
	}
}
