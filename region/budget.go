package region

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// budgets end lookups that take too long. All have the same time, so that those which began first are the first
// to end, and one timer serves them all: it is set to the end of one, and set anew when it fires, not when another
// lookup begins. A timer for each would often be due before all others, and the runtime wakes a thread to wait for
// such a one: two system calls more than the handful that a lookup in Redis takes.
type budgets struct {
	length time.Duration

	mu    sync.Mutex
	under budget // the ring of those under way, the first to end behind this one
	timer *time.Timer
	set   bool // the timer will fire, no later than the first of them ends
}

// budget is the context of one lookup, as of context.WithTimeoutCause with store.ErrBudget.
type budget struct {
	context.Context // ends with the caller's, or by cancel
	cancel          context.CancelCauseFunc
	deadline        time.Time
	prev, next      *budget // nil when it is no longer under way
}

func newBudgets(length time.Duration) *budgets {
	bs := &budgets{length: length}
	bs.under.prev, bs.under.next = &bs.under, &bs.under
	return bs
}

// begin returns the context of a lookup that begins now. The caller must end it.
func (bs *budgets) begin(ctx context.Context) *budget {
	b := &budget{}
	b.Context, b.cancel = context.WithCancelCause(ctx)
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b.deadline = time.Now().Add(bs.length) // under the lock, so that the ring is in order
	b.prev, b.next = bs.under.prev, &bs.under
	b.prev.next, b.next.prev = b, b
	if !bs.set {
		bs.arm(bs.length)
	}
	return b
}

// arm sets the timer. The lock is held.
func (bs *budgets) arm(d time.Duration) {
	bs.set = true
	if bs.timer == nil {
		bs.timer = time.AfterFunc(d, bs.expire)
	} else {
		bs.timer.Reset(d)
	}
}

// end ends a lookup that has its answer.
func (bs *budgets) end(b *budget) {
	bs.mu.Lock()
	b.leave()
	bs.mu.Unlock()
	b.cancel(nil)
}

// expire ends those whose time is up, and sets the timer for the next.
func (bs *budgets) expire() {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.set = false
	for first := bs.under.next; first != &bs.under; first = bs.under.next {
		if left := time.Until(first.deadline); left > 0 {
			bs.arm(left)
			return
		}
		first.leave()
		first.cancel(store.ErrBudget)
	}
}

// leave takes the budget out of the ring. The lock is held.
func (b *budget) leave() {
	if b.next != nil {
		b.prev.next, b.next.prev = b.next, b.prev
		b.prev, b.next = nil, nil
	}
}

// Deadline implements context.Context.
func (b *budget) Deadline() (time.Time, bool) {
	if callers, ok := b.Context.Deadline(); ok && callers.Before(b.deadline) {
		return callers, true
	}
	return b.deadline, true
}

// Err implements context.Context. What a store derives from the budget ends with it and has its cause, but calls
// itself canceled.
func (b *budget) Err() error {
	err := b.Context.Err()
	if err != nil && errors.Is(context.Cause(b.Context), store.ErrBudget) {
		return context.DeadlineExceeded
	}
	return err
}
