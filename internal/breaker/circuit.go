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

// What a probe of an open breaker may take: what its callers have, since a store that is too slow for them is not
// well; but enough for a network, and not so much that a store which is well again is left alone for long.
const (
	leastBudget = 50 * time.Millisecond
	mostBudget  = time.Second
)

// leeway is how long an error of the network may come before the end of the context that it is due to.
const leeway = 20 * time.Millisecond

// check is a call of the store that changes nothing.
type check func(context.Context) error

// circuit is one breaker.
type circuit struct {
	failures int64
	cooldown time.Duration
	patience time.Duration   // what a call may take before it counts as failed
	life     context.Context // ends with stop
	end      context.CancelFunc
	work     sync.WaitGroup

	open atomic.Bool  // these two are read without the lock
	run  atomic.Int64 // failures in a row

	mu        sync.Mutex
	probing   bool // a probe is under way, or one in the background will be
	suspected bool // the store is being asked whether callers in a hurry were right to give up
	stopped   bool
	turns     turns
	until     time.Time // open and stopped: when the next probe may go
}

func newCircuit(failures int, cooldown, patience time.Duration) *circuit {
	c := &circuit{failures: int64(failures), cooldown: cooldown, patience: patience}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// do runs one call, if the breaker lets it. probe makes what the store is asked in the background if this
// call is the one that opens the breaker, or was ended by a caller in a hurry.
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
		if !returned && own { // a store that panics must not leave the probe under way for ever
			c.release(own)
			c.record(errors.ErrUnsupported, probe)
			c.tell(errors.ErrUnsupported)
		}
	}()
	err := call()
	returned = true
	c.release(own)
	switch {
	case err != nil && hurried(ctx):
		c.suspect(probe)
	case err != nil || own || failing:
		c.record(err, probe)
		c.tell(err)
	}
	return err
}

// hurried reports whether a call was ended by its caller's own deadline or cancellation, and not by the whole
// budget that gormcache gives, which alone makes it the store's failure.
func hurried(ctx context.Context) bool {
	return ended(ctx) && !errors.Is(context.Cause(ctx), store.ErrBudget)
}

// ended reports whether the call's time was up. Deadlines reach the network by themselves, so a connection may fail
// a moment before its context says whose deadline it was: that moment is waited for.
func ended(ctx context.Context) bool {
	if ctx.Err() == nil && over(ctx) {
		select {
		case <-ctx.Done():
		case <-time.After(leeway):
		}
		return true
	}
	return ctx.Err() != nil
}

// suspect asks the store in the background, once at a time, what a caller in a hurry had no time to wait for. Its
// time-out alone proves nothing: five callers with 3 ms would open the breaker of a store that is well. But where it
// counted for nothing, and all callers are in a hurry, a store that hangs would be asked by each of them for ever.
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

// examine gives the store as long as a call may take. A failure opens the breaker.
func (c *circuit) examine(check check) {
	err := c.try(check, c.patience)
	defer c.tell(err) // once the lock is given back
	c.mu.Lock()
	defer c.mu.Unlock()
	c.suspected = false
	switch {
	case c.stopped || c.open.Load(): // by now there is nothing to find out
	case err == nil:
		c.close()
	default:
		c.opens(check)
	}
}

// admit reports whether the caller may be the probe.
func (c *circuit) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probing || time.Now().Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

// release notes that a call has ended that was, perhaps, the probe.
func (c *circuit) release(own bool) {
	if !own {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}

// record takes note of a call's outcome. While the store is probed in the background, what calls say that
// began before the breaker opened changes nothing.
func (c *circuit) record(err error, probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open.Load() && !c.stopped {
		return
	}
	if err == nil {
		c.close()
		return
	}
	if c.run.Add(1) < c.failures && !c.open.Load() {
		return
	}
	c.opens(probe())
}

// trip opens the breaker whatever its calls have said.
func (c *circuit) trip(probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open.Load() {
		c.opens(probe())
	}
}

// opens opens the breaker, and has the store probed. The lock is held.
func (c *circuit) opens(check check) {
	c.open.Store(true)
	c.until = time.Now().Add(c.cooldown)
	if !c.stopped {
		c.probing = true
		c.work.Go(func() { c.heal(check, min(max(c.patience, leastBudget), mostBudget)) })
	}
}

// close lets all calls through again. The lock is held.
func (c *circuit) close() {
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
			c.close()
			c.probing = false
			c.mu.Unlock()
			c.tell(nil)
			return
		}
	}
}

// try probes once. A store that panics fails: here nobody could recover.
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

// stop ends the probes in the background, and lets callers be probes instead.
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
