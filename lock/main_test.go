package lock_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// faulty is a store whose calls can be made to fail or to hang.
type faulty struct {
	*memory.Store
	claim   atomic.Pointer[fault]
	renew   atomic.Pointer[fault]
	release atomic.Pointer[fault]
	claims  atomic.Int64 // how often it was asked for one
}

// fault is what a call does: it waits for its context to end or returns an error, before or after the store has done it.
type fault struct {
	err   error // nil: it hangs
	after bool
}

func (f *fault) do(ctx context.Context, call func() error) error {
	if f == nil {
		return call()
	}
	if f.after {
		_ = call()
	}
	if f.err != nil {
		return f.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *faulty) Claim(ctx context.Context, c *store.Claim) (granted bool, err error) {
	s.claims.Add(1)
	err = s.claim.Load().do(ctx, func() error { granted, err = s.Store.Claim(ctx, c); return err })
	return granted && err == nil, err
}

func (s *faulty) Renew(ctx context.Context, c *store.Claim) (held bool, err error) {
	err = s.renew.Load().do(ctx, func() error { held, err = s.Store.Renew(ctx, c); return err })
	return held && err == nil, err
}

func (s *faulty) Release(ctx context.Context, name string, owner store.Writer) (released bool, err error) {
	err = s.release.Load().do(ctx, func() error { released, err = s.Store.Release(ctx, name, owner); return err })
	return released && err == nil, err
}

// open returns locks in a store of the process, and that store.
func open(t *testing.T, opts ...lock.Option) (*lock.Locks, *faulty) {
	t.Helper()
	s := &faulty{Store: memory.New()}
	l, err := lock.New(s, "test", append([]lock.Option{lock.Logger(slog.New(slog.DiscardHandler))}, opts...)...)
	must(t, err)
	t.Cleanup(func() {
		must(t, l.Close())
		must(t, s.Store.Close())
	})
	return l, s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got returns the lock, or fails.
func got(t *testing.T) func(*lock.Lock, error) *lock.Lock {
	return func(l *lock.Lock, err error) *lock.Lock {
		t.Helper()
		must(t, err)
		if !l.Held() || l.Err() != nil {
			t.Fatalf("a lock that was just acquired: held %v, %v", l.Held(), l.Err())
		}
		return l
	}
}
