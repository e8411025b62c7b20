package lock

import (
	"context"
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// Pool lets so many holders at a time do something, in all processes together: a semaphore. Its slots are locks, with a TTL,
// renewal and a fence. It is safe for concurrent use.
type Pool struct {
	locks  *Locks
	target target
	err    error
}

// NewPool returns a pool with n slots. All processes must give the same number: where they differ while a program is deployed,
// the one with the greater number fills up to that. An error, as of an n below 1, is that of each call. A pool and a lock of
// the same key are two things.
func NewPool(locks *Locks, key string, n int) *Pool {
	p := &Pool{locks: locks, target: target{kind: "pool", key: key, slots: n, full: ErrPoolFull}}
	if locks != nil && locks.base != nil {
		p.target.name = locks.base.ns.Pool(key)
	}
	if n < 1 {
		p.err = fault.Errorf("pool %q: it has %d slots: give it at least 1", key, n)
	}
	return p
}

// Acquire waits until it has a slot, or ctx ends, as [Locks.Acquire] does for a lock.
func (p *Pool) Acquire(ctx context.Context) (*Lock, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	return p.locks.acquire(ctx, p.target)
}

// TryAcquire returns a slot, or [ErrPoolFull] at once where none is free.
func (p *Pool) TryAcquire(ctx context.Context) (*Lock, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	return p.locks.tryAcquire(ctx, p.target)
}

// Size returns how many slots are taken at this moment.
func (p *Pool) Size(ctx context.Context) (int, error) {
	if err := p.usable(); err != nil {
		return 0, err
	}
	return p.locks.count(ctx, p.target)
}

func (p *Pool) usable() error {
	switch {
	case p == nil:
		return errors.New("gormcache: the pool is nil: make it with lock.NewPool")
	case p.err != nil:
		return p.err
	}
	return p.locks.wrong(p.target.kind, p.target.key)
}

// PoolFunc is a function of which as many calls as a pool has slots run at a time. [Pooled] returns it. It is safe for
// concurrent use.
type PoolFunc[In, Out any] struct {
	pool   *Pool
	fn     func(context.Context, In) (Out, error)
	onFull func(context.Context, In) (Out, error)
}

// PooledOption changes what [Pooled] returns.
type PooledOption[In, Out any] func(*PoolFunc[In, Out])

// OnFull is called in the place of the function where no slot is free. Without it such calls return [ErrPoolFull].
func OnFull[In, Out any](f func(ctx context.Context, in In) (Out, error)) PooledOption[In, Out] {
	return func(p *PoolFunc[In, Out]) { p.onFull = f }
}

// Pooled returns fn with a slot of the pool around each call. It does not wait for one.
func Pooled[In, Out any](p *Pool, fn func(ctx context.Context, in In) (Out, error), opts ...PooledOption[In, Out]) *PoolFunc[In, Out] {
	f := &PoolFunc[In, Out]{pool: p, fn: fn}
	for _, opt := range opts {
		if opt != nil {
			opt(f)
		}
	}
	return f
}

// Err returns what is wrong with the pool or the function, or nil. A program may look at it when it starts; otherwise each
// call returns it.
func (f *PoolFunc[In, Out]) Err() error {
	if f == nil || f.fn == nil {
		return fault.Errorf("lock.Pooled: %w", errNoFunction)
	}
	return f.pool.usable()
}

// Call runs the function with a slot, which it gives back also if the function panics. The function's context ends if the slot
// is lost; then the error wraps [ErrLost], whatever the function returns.
func (f *PoolFunc[In, Out]) Call(ctx context.Context, in In) (Out, error) {
	if err := f.Err(); err != nil {
		return *new(Out), err
	}
	slot, err := f.pool.TryAcquire(ctx)
	switch {
	case err == nil:
		return under(ctx, slot, in, f.fn)
	case errors.Is(err, ErrPoolFull) && f.onFull != nil:
		return f.onFull(ctx, in)
	}
	return *new(Out), err
}

// Size returns how many calls run at this moment, in all processes.
func (f *PoolFunc[In, Out]) Size(ctx context.Context) (int, error) {
	if f == nil {
		return 0, fault.Errorf("lock.Pooled: %w", errNoFunction)
	}
	return f.pool.Size(ctx)
}
