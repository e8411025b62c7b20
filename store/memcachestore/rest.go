package memcachestore

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// A server that has let so many readers in a row wait in vain is not asked by readers for so long: where one of several
// hangs, the breaker before the store may stay closed, since the others answer, and each reader would wait for its whole
// budget. A server that refuses connections costs no time, and is asked again at once.
const (
	restAfter = 3
	restFor   = 250 * time.Millisecond
	// patience is how long a reader must have waited to count, unless gormcache's whole budget is shorter: callers with a
	// few milliseconds left say nothing about the server.
	patience = 20 * time.Millisecond
)

// rest keeps readers from a server that hangs. Writers always ask: what they invalidate must arrive.
type rest struct {
	failures atomic.Int64
	until    atomic.Int64 // Unix nanoseconds
}

// asks reports whether a reader may ask the server. After each rest one may, and the next when it has failed.
func (r *rest) asks() bool {
	until := r.until.Load()
	if until == 0 {
		return true
	}
	now := time.Now().UnixNano()
	return now >= until && r.until.CompareAndSwap(until, now+int64(restFor))
}

// note records the outcome of a reader's call that began at some moment.
func (r *rest) note(ctx context.Context, began time.Time, err error) {
	switch {
	case err == nil:
		if r.failures.Load() != 0 {
			r.failures.Store(0)
			r.until.Store(0)
		}
	case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded):
	case time.Since(began) < patience && !errors.Is(context.Cause(ctx), store.ErrBudget):
	case r.failures.Add(1) >= restAfter:
		r.until.Store(time.Now().Add(restFor).UnixNano())
	}
}

// until runs f with the places of those items that others have changed in between, again and again.
func (c *session) until(places []int, f func([]int) (again []int, err error)) error {
	for try := range maxTries {
		again, err := f(places)
		if err != nil || len(again) == 0 {
			return err
		}
		places = again
		select { // the others may be in step
		case <-time.After(rand.N(time.Duration(min(try+1, 20)) * 200 * time.Microsecond)):
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	return errContended
}
