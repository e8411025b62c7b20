package redisstore

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// maxAbandoned bounds the calls that still run after their callers have left.
const maxAbandoned = 128

// ErrBusy is wrapped by errors of calls that were not made because too many earlier calls still hang in the client,
// although their contexts have ended. Shorten the client's ReadTimeout, WriteTimeout and MaxRetries. A plain
// *redis.Client abandons no call.
var ErrBusy = errors.New("gormcache: too many calls hang in the Redis client")

// calls makes each call return when its context ends.
type calls struct {
	direct    bool // the client itself honors the deadlines of contexts
	abandoned atomic.Int64
}

// callerWaits reports whether the caller waits for its call in any case: the client itself ends the call in time, or the
// context never ends.
func (c *calls) callerWaits(ctx context.Context) bool {
	if ctx.Done() == nil {
		return true
	}
	_, hasDeadline := ctx.Deadline()
	return c.direct && hasDeadline
}

// call runs f, and returns when f returns or ctx ends. go-redis ignores deadlines by default: a call to a hung server
// takes the read timeout, four times with the retries. Such a call is abandoned and ends by the client's own timeouts.
// So f must not touch anything that its caller may use again.
func call[T any](ctx context.Context, c *calls, f func() (T, error)) (T, error) {
	if c.callerWaits(ctx) {
		return f()
	}
	var none T
	if n := c.abandoned.Load(); n >= maxAbandoned {
		return none, fault.Errorf("%w: %d", ErrBusy, n)
	}
	type result struct {
		value T
		err   error
	}
	var left atomic.Bool // the second to set it knows that the call was abandoned and has ended
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
		if left.Swap(true) {
			c.abandoned.Add(-1)
		}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		c.abandoned.Add(1)
		if left.Swap(true) {
			c.abandoned.Add(-1)
		}
		return none, ctx.Err()
	}
}

// execute runs a pipeline and returns its commands, or the first error that is not tolerable. The error of the pipeline
// itself counts only if no command has an error: go-redis returns the first command's error there.
func execute(ctx context.Context, pipe redis.Pipeliner, tolerable func(error) bool) ([]redis.Cmder, error) {
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if own := cmd.Err(); own != nil {
			if !tolerable(own) {
				return nil, own
			}
			err = nil
		}
	}
	return cmds, err
}
