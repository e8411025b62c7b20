package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// leastBudget and mostBudget bound the time that a probe of an open breaker may take. Within them it is the timeout of
// the callers, since a store that is too slow for them has not recovered. The least is enough for a network; the most
// keeps a recovered store from waiting long for its next probe.
const (
	leastBudget = 50 * time.Millisecond
	mostBudget  = time.Second
)

// leeway is how much earlier than its context's deadline a network error caused by that deadline may arrive.
const leeway = 20 * time.Millisecond

// check is a call of the store that changes nothing: a probe.
type check func(context.Context) error

// circuit is one breaker.
type circuit struct {
	failures int64
	cooldown time.Duration
	timeout  time.Duration   // how long a call may take before it counts as failed
	life     context.Context // canceled by stop
	end      context.CancelFunc
	work     sync.WaitGroup

	open atomic.Bool  // these two are read without the lock
	run  atomic.Int64 // failures in a row

	mu        sync.Mutex
	probing   bool // a probe is under way, or one in the background will be
	suspected bool // a probe is under way because a caller in a hurry gave up
	stopped   bool
	announced announced
	until     time.Time // open and stopped: when the next probe may go
}

func newCircuit(failures int, cooldown, timeout time.Duration) *circuit {
	c := &circuit{failures: int64(failures), cooldown: cooldown, timeout: timeout}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// do runs one call unless the breaker is open. probe makes the check for the background probe, in case this call opens
// the breaker or was ended by a caller in a hurry.
func (c *circuit) do(ctx context.Context, call func() error, probe func() check) error {
	own := false // this call is the probe
	if c.open.Load() {
		if own = c.admit(); !own {
			return ErrOpen
		}
	}
	failing := c.run.Load() > 0 // a call that follows no failure takes no lock
	returned := false
	defer func() {
		if !returned && own { // a store that panics must not leave the probe under way forever
			c.release(own)
			c.record(errors.ErrUnsupported, probe)
			c.announce(errors.ErrUnsupported)
		}
	}()
	err := call()
	returned = true
	c.release(own)
	switch {
	case err != nil && endedByCaller(ctx):
		c.suspect(probe)
	case err != nil || own || failing:
		outcome := err
		if errors.Is(err, store.ErrTooLarge) { // the store has answered: five large values must not turn it off
			outcome = nil
		}
		c.record(outcome, probe)
		c.announce(outcome)
	}
	return err
}

// endedByCaller reports whether a call was ended by its caller's own deadline or cancellation. Only a call that has used
// the whole budget that gormcache gives counts as a failure of the store.
func endedByCaller(ctx context.Context) bool {
	return ended(ctx) && !errors.Is(context.Cause(ctx), store.ErrBudget)
}

// ended reports whether the call's time was up. The network has the deadline too, so a connection may fail a moment
// before its context reports the cause: ended waits for that moment.
func ended(ctx context.Context) bool {
	if ctx.Err() == nil && pastDeadline(ctx) {
		select {
		case <-ctx.Done():
		case <-time.After(leeway):
		}
		return true
	}
	return ctx.Err() != nil
}

// suspect probes the store in the background, one probe at a time, after a caller in a hurry gave up. The caller's
// timeout alone proves nothing: five callers with 3 ms would open the breaker of a healthy store. But if these timeouts
// were ignored, and all callers are in a hurry, each of them would ask a store that hangs, forever.
func (c *circuit) suspect(probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.suspected || c.stopped || c.open.Load() {
		return
	}
	c.suspected = true
	check := probe()
	c.work.Go(func() { c.examine(check) })
}

// examine probes the store, with as much time as a call may take. A failure opens the breaker.
func (c *circuit) examine(check check) {
	err := c.try(check, c.timeout)
	defer c.announce(err) // after the lock is released
	c.mu.Lock()
	defer c.mu.Unlock()
	c.suspected = false
	switch {
	case c.stopped || c.open.Load(): // the probe no longer matters
	case err == nil:
		c.closeLocked()
	default:
		c.openLocked(check)
	}
}

// admit reports whether this call may go through as the probe.
func (c *circuit) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probing || time.Now().Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

// release records that a call has ended; own reports whether it was the probe.
func (c *circuit) release(own bool) {
	if !own {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// record records the outcome of a call. While the store is probed in the background, outcomes of calls that began before
// the breaker opened are ignored.
func (c *circuit) record(err error, probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open.Load() && !c.stopped {
		return
	}
	if err == nil {
		c.closeLocked()
		return
	}
	if c.run.Add(1) < c.failures && !c.open.Load() {
		return
	}
	c.openLocked(probe())
}

// trip opens the breaker regardless of its count of failures.
func (c *circuit) trip(probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open.Load() {
		c.openLocked(probe())
	}
}

// openLocked opens the breaker and starts the background probe. The caller holds the lock.
func (c *circuit) openLocked(check check) {
	c.open.Store(true)
	c.until = time.Now().Add(c.cooldown)
	if !c.stopped {
		c.probing = true
		c.work.Go(func() { c.heal(check, min(max(c.timeout, leastBudget), mostBudget)) })
	}
}

// closeLocked lets all calls through again. The caller holds the lock.
func (c *circuit) closeLocked() {
	c.run.Store(0)
	c.open.Store(false)
}

// heal probes the store until it answers, or the breaker is stopped.
func (c *circuit) heal(check check, budget time.Duration) {
	for {
		select {
		case <-c.life.Done():
			return
		case <-time.After(c.cooldown):
		}
		if c.try(check, budget) == nil {
			c.mu.Lock()
			c.closeLocked()
			c.probing = false
			c.mu.Unlock()
			c.announce(nil)
			return
		}
	}
}

// try probes once. A panic of the store counts as a failure: in this goroutine no caller could recover it.
func (c *circuit) try(check check, budget time.Duration) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gormcache: the store panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeoutCause(c.life, budget, store.ErrBudget)
	defer cancel()
	return check(ctx)
}

// stop ends the background probes. From then on calls go through as probes instead.
func (c *circuit) stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.end()
	c.work.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}
