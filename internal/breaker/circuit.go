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

// What a probe may take: what the hastiest of the callers that failed in a row had, since a store that is
// too slow for them is not well; but enough for a network, whatever deadlines callers have of their own.
const (
	leastBudget = 50 * time.Millisecond
	mostBudget  = time.Second
)

// check is a call of the store that changes nothing.
type check func(context.Context) error

// circuit is one breaker.
type circuit struct {
	failures int64
	cooldown time.Duration
	life     context.Context // ends with stop
	end      context.CancelFunc
	work     sync.WaitGroup

	open atomic.Bool  // these two are read without the lock
	run  atomic.Int64 // failures in a row

	mu      sync.Mutex
	budget  time.Duration // the shortest that failed in a row; 0: none is known
	probing bool          // a probe is under way, or one in the background will be
	stopped bool
	turns   turns
	until   time.Time // open and stopped: when the next probe may go
}

func newCircuit(failures int, cooldown time.Duration) *circuit {
	c := &circuit{failures: int64(failures), cooldown: cooldown}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// do runs one call, if the breaker lets it. probe makes what the store is asked in the background if this
// call is the one that opens the breaker.
func (c *circuit) do(ctx context.Context, call func() error, probe func() check) error {
	own := false // this call is the probe
	if c.open.Load() {
		if own = c.admit(); !own {
			return ErrOpen
		}
	}
	var began time.Time
	if c.run.Load() > 0 { // a call that follows no failure does not pay for the time
		began = time.Now()
	}
	returned := false
	defer func() {
		if !returned && own { // a store that panics must not leave the probe under way for ever
			c.release(own)
			c.record(errors.ErrUnsupported, 0, probe)
			c.tell(errors.ErrUnsupported)
		}
	}()
	err := call()
	returned = true
	c.release(own)
	if (err == nil || !gaveUp(ctx)) && (err != nil || own || !began.IsZero()) {
		c.record(err, given(ctx, began), probe)
		c.tell(err)
	}
	return err
}

// gaveUp tells that the caller's own context has ended, which says nothing of the store. Only a call
// that outlasts the budget that gormcache sets is the store's failure.
func gaveUp(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), store.ErrBudget)
}

// given is how much time a call had; 0 if that is not known.
func given(ctx context.Context, began time.Time) time.Duration {
	if deadline, ok := ctx.Deadline(); ok && !began.IsZero() {
		return deadline.Sub(began)
	}
	return 0
}

// admit tells whether the caller may be the probe.
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
func (c *circuit) record(err error, budget time.Duration, probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open.Load() && !c.stopped {
		return
	}
	if err == nil {
		c.close()
		return
	}
	if budget > 0 && (c.budget == 0 || budget < c.budget) {
		c.budget = budget
	}
	if c.run.Add(1) < c.failures && !c.open.Load() {
		return
	}
	c.opens(probe)
}

// trip opens the breaker whatever its calls have said.
func (c *circuit) trip(probe func() check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open.Load() {
		c.opens(probe)
	}
}

// opens opens the breaker, and has the store probed. The lock is held.
func (c *circuit) opens(probe func() check) {
	c.open.Store(true)
	c.until = time.Now().Add(c.cooldown)
	if !c.stopped {
		c.probing = true
		check, budget := probe(), min(max(c.budget, leastBudget), mostBudget)
		if c.budget == 0 {
			budget = mostBudget
		}
		c.work.Go(func() { c.heal(check, budget) })
	}
}

// close lets all calls through again. The lock is held.
func (c *circuit) close() {
	c.run.Store(0)
	c.open.Store(false)
	c.budget = 0
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
