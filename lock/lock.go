package lock

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Lock is a lock, or a slot of a pool, that the caller has. It is safe for concurrent use.
type Lock struct {
	locks  *Locks
	target target
	claim  store.Claim
	gone   context.Context // ends when the lock is lost, with the reason
	lose   context.CancelCauseFunc

	expiry  *time.Timer // tells of the loss when the TTL has passed
	renewal *time.Timer // begins to renew; nil: it is not renewed
	closing func() bool // stops looking at Locks.Close

	mu       sync.Mutex
	deadline time.Time     // until when the lock is the holder's for certain
	trouble  error         // of the last renewal
	released bool          // the holder has called Release
	quit     func()        // ends the renewal, and
	kept     chan struct{} // is closed when it has ended; nil: it has not begun

	ending  sync.Mutex // one Release at a time
	ended   bool       // the store has answered Release
	outcome error      // with this
}

// newLock returns a lock that the store has granted to a caller who asked at that moment.
func newLock(locks *Locks, t target, c store.Claim, asked time.Time) *Lock {
	l := &Lock{locks: locks, target: t, claim: c, deadline: certain(asked, c.TTL)}
	l.gone, l.lose = context.WithCancelCause(context.Background())
	// What the timers call waits for this: they may fire before their fields are set.
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expiry = time.AfterFunc(time.Until(l.deadline), l.expire)
	l.closing = context.AfterFunc(locks.base.life, func() { l.end(ErrClosed) })
	if locks.settings.keep {
		// Most locks are released before: they need no goroutine.
		l.renewal = time.AfterFunc(c.TTL/renewals, l.begin)
	}
	return l
}

// certain returns until when a lock is the holder's that was asked for at that moment. The store begins to count later, but
// its clock may run faster than the holder's (a clock that NTP is setting right does, by up to 0.05 %), and it may count in
// whole milliseconds: without a margin two could have the lock for a moment.
func certain(asked time.Time, ttl time.Duration) time.Time {
	return asked.Add(ttl - ttl/100 - 2*time.Millisecond)
}

// Key returns the key that the lock or pool was asked for by.
func (l *Lock) Key() string { return l.target.key }

// Fence returns a number that is greater than that of every holder before. Write it beside the data that the lock
// protects, and refuse writes with a smaller one, as the package's documentation shows: then a holder that has lost the lock
// without knowing can do no harm.
func (l *Lock) Fence() uint64 { return l.claim.Fence }

// Held reports whether the lock is the caller's. It asks the clock and not the store: true means that nobody else gets the
// lock until its TTL has passed since the last renewal, unless it is broken by force or the store loses it. A process that
// is stopped right after Held may be wrong when it goes on, which is what the fence is for.
func (l *Lock) Held() bool {
	l.expireIf()
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.released && l.gone.Err() == nil
}

// Lost is closed when the lock is lost. It stays open when the holder releases the lock.
func (l *Lock) Lost() <-chan struct{} { return l.gone.Done() }

// Err returns why the lock was lost, an error that wraps [ErrLost]; nil if the holder has it, or has released it.
func (l *Lock) Err() error {
	l.expireIf()
	return context.Cause(l.gone)
}

// Context returns a context that ends when parent does, and when the lock is lost: its context.Cause wraps [ErrLost] then.
// Pass it to all that the lock protects. cancel must be called when that is done.
func (l *Lock) Context(parent context.Context) (ctx context.Context, cancel context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.WithValue(parent, heldKey{}, &held{name: l.claim.Name, next: heldBy(parent)}))
	stop := context.AfterFunc(l.gone, func() { end(context.Cause(l.gone)) })
	return ctx, func() { stop(); end(context.Canceled) }
}

// Renew makes the lock last for its TTL from now. It is for locks with [NoRenewal]; others are renewed by themselves. The
// error wraps [ErrLost] if the lock is lost; after any other, such as [ErrUnavailable], the lock is held as long as it was before.
func (l *Lock) Renew(ctx context.Context) error {
	if err := l.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	released, left := l.released, time.Until(l.deadline)
	l.mu.Unlock()
	if released {
		return l.target.fail(ErrReleased)
	}
	call, cancel := context.WithTimeoutCause(ctx, min(l.locks.settings.budget(), left), store.ErrBudget)
	defer cancel()
	asked, c := time.Now(), l.claim
	held, err := l.locks.base.claimer.Renew(call, &c)
	switch {
	case err != nil:
		l.mu.Lock()
		l.trouble = explain(call, err) // a lock that is lost for it is lost: its holder has had it, and run
		l.mu.Unlock()
		return l.target.fail(unavailable(call, err))
	case !held:
		l.end(errors.New("the store has it no more: it was broken, or its server has lost it"))
	default:
		l.extend(certain(asked, c.TTL))
	}
	return l.Err()
}

// extend moves the deadline on. A lock that was lost meanwhile stays lost.
func (l *Lock) extend(deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trouble = nil; deadline.After(l.deadline) && l.gone.Err() == nil && !l.released {
		l.deadline = deadline
		l.expiry.Reset(time.Until(deadline))
	}
}

// Release gives the lock back and wakes who waits for it. It is done whether or not ctx has ended, and takes as long as one
// call of the store may, so `defer l.Release(ctx)` is right where the warning that is logged of a loss is enough. Only the holder's own claim is taken away, never that of who
// has the lock now.
//
// The error wraps [ErrLost] where the lock had been lost before: what was done under it may have been done together with
// another holder. Any other error says that the store could not be told: the lock runs out after its TTL, and Release may be
// called again. After a Release without an error, further ones do nothing.
func (l *Lock) Release(ctx context.Context) error {
	l.ending.Lock()
	defer l.ending.Unlock()
	if l.ended {
		return l.outcome
	}
	lost := l.Err() // before the renewal ends
	l.mu.Lock()
	again := l.released
	l.released = true
	l.stop()
	kept := l.kept
	l.mu.Unlock()
	if kept != nil {
		<-kept
	}
	call, cancel := l.locks.call(context.WithoutCancel(ctx))
	defer cancel()
	released, err := l.locks.base.claimer.Release(call, l.claim.Name, l.claim.Owner)
	switch {
	case lost != nil:
		l.outcome = lost
	case err != nil:
		return l.target.fail(unavailable(call, err))
	case !released && !again: // a second Release does not find what the first, whose answer was lost, has taken away
		reason := errors.New("the store had it no more when it was to be released")
		l.outcome = l.lost(reason)
		l.warn(reason) // nobody was told before, and a deferred Release tells nobody
	}
	l.ended = true
	return l.outcome
}

// renewals is how often a lock is renewed within its TTL: twice a renewal may fail before it is lost.
const renewals = 3

// begin begins to renew the lock.
func (l *Lock) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released || l.gone.Err() != nil {
		return
	}
	ctx, quit := context.WithCancel(l.gone)
	kept := make(chan struct{})
	l.quit = quit
	if l.locks.base.background(func() { defer close(kept); l.keep(ctx) }) {
		l.kept = kept
	}
}

// keep renews the lock until ctx ends.
func (l *Lock) keep(ctx context.Context) {
	for {
		next := l.claim.TTL / renewals
		if l.Renew(ctx) != nil {
			next = l.claim.TTL / (10 * renewals) // a server that is back is found in time
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// stop ends what looks after the lock, under mu.
func (l *Lock) stop() {
	l.expiry.Stop()
	l.closing()
	if l.renewal != nil {
		l.renewal.Stop()
	}
	if l.quit != nil {
		l.quit()
	}
}

// expire tells of the loss of a lock whose time has passed. The deadline may have moved on since the timer was set.
func (l *Lock) expire() {
	if !l.expireIf() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.released && l.gone.Err() == nil {
			l.expiry.Reset(time.Until(l.deadline))
		}
	}
}

// expireIf ends the lock if its time has passed, and reports whether it has. Timers of a process that was stopped fire some
// time after it goes on; a holder who asks must not be told that it has the lock until then.
func (l *Lock) expireIf() bool {
	l.mu.Lock()
	passed, released, trouble := !time.Now().Before(l.deadline), l.released, l.trouble
	l.mu.Unlock()
	if !passed || released {
		return passed
	}
	switch {
	case trouble != nil:
		l.end(fault.Errorf("it could not be renewed within its TTL of %s: %w", l.claim.TTL, trouble))
	case l.locks.settings.keep:
		l.end(errors.New("it was not renewed within its TTL of " + l.claim.TTL.String() + ": the process stood still"))
	default:
		l.end(errors.New("its TTL of " + l.claim.TTL.String() + " has passed, and it is not renewed"))
	}
	return true
}

// end makes a lock that is held a lost one, for that reason.
func (l *Lock) end(reason error) {
	l.mu.Lock()
	first := l.gone.Err() == nil && !l.released
	if first {
		l.lose(l.lost(reason))
		l.stop()
	}
	l.mu.Unlock()
	if first {
		l.warn(reason)
	}
}

// warn logs the loss.
func (l *Lock) warn(reason error) {
	l.locks.settings.logger.LogAttrs(context.Background(), slog.LevelWarn, "gormcache: a "+l.target.kind+" was lost while it was held",
		slog.String("key", l.target.key), slog.Uint64("fence", l.claim.Fence), slog.String("error", fault.Text(reason)))
}

// lost is the error of a lock that was lost for that reason.
func (l *Lock) lost(reason error) error {
	return fault.Errorf("%s %q: %w: %w", l.target.kind, l.target.key, ErrLost, reason)
}

// held is a lock that the caller of a context has.
type held struct {
	name string
	next *held
}

type heldKey struct{}

func heldBy(ctx context.Context) *held {
	h, _ := ctx.Value(heldKey{}).(*held)
	return h
}

// holds reports whether the context comes from a lock of that name.
func holds(ctx context.Context, name string) bool {
	for h := heldBy(ctx); h != nil; h = h.next {
		if h.name == name {
			return true
		}
	}
	return false
}
