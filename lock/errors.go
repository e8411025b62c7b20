package lock

import (
	"context"
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Errors that locks and pools give, wrapped with the key.
var (
	// ErrLocked is returned by TryAcquire where another has the lock, and by Acquire, together with the context's error,
	// where that was so until the context ended.
	ErrLocked = errors.New("gormcache: held by another")
	// ErrPoolFull is what ErrLocked is for locks: all slots of the pool are taken.
	ErrPoolFull = errors.New("gormcache: all slots are taken")
	// ErrLost says that a lock or slot ended before its holder released it: it ran out since the store could not be
	// reached, or the process stood still, or it was taken away by Break, or the store lost it. Another may have it.
	ErrLost = errors.New("gormcache: lost before it was released: another may have it")
	// ErrUnavailable says that the store could not be asked, or not be told: it can't be reached, or does not answer in time.
	// Who wanted a lock has none then, and a function under a lock has not run. It is not the error of a caller whose own
	// context has ended.
	ErrUnavailable = errors.New("gormcache: the store does not answer")
	// ErrReleased is returned by Renew of a lock that its holder has released.
	ErrReleased = errors.New("gormcache: released already")
	// ErrReentrant is returned by Acquire, at once, where the context came from [Lock.Context] of the same lock: it would
	// wait for itself.
	ErrReentrant = errors.New("gormcache: the caller has the lock already and would wait for itself: locks are not reentrant")
	// ErrClosed is returned after [Locks.Close], and is the reason why locks that were held then are lost.
	ErrClosed = errors.New("gormcache: the locks are closed")
)

// errNoFunction is returned by calls of what was made without a function.
var errNoFunction = errors.New("the function is nil: pass the one to be called")

// target is what is locked: the name in the store, and how to speak of it.
type target struct {
	kind  string // "lock" or "pool"
	key   string // as the user named it
	name  string // in the store
	slots int
	full  error // ErrLocked or ErrPoolFull
}

// fail wraps an error with what it is about.
func (t target) fail(err error) error { return fault.Errorf("%s %q: %w", t.kind, t.key, err) }

// ended returns the error of a caller whose context has ended while the last answer of the store was that others have it.
func (t target) ended(ctx context.Context) error {
	return fault.Errorf("%s %q: %w: %w", t.kind, t.key, t.full, context.Cause(ctx))
}

// unavailable returns the error of a call of the store: [ErrUnavailable] and the reason, unless it is the caller's time
// that has ended.
func unavailable(call context.Context, err error) error {
	if call.Err() != nil && !errors.Is(context.Cause(call), store.ErrBudget) {
		return err
	}
	return fault.Errorf("%w: %w", ErrUnavailable, explain(call, err))
}

// explain returns the error of a call of the store. A store that took longer than the budget is named as such: the
// caller, who has time left, would not understand "deadline exceeded".
func explain(call context.Context, err error) error {
	if cause := context.Cause(call); errors.Is(cause, store.ErrBudget) && !errors.Is(err, store.ErrBudget) {
		return cause
	}
	return err
}
