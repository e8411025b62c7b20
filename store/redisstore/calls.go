package redisstore

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// maxAbandoned bounds the calls that hang on behind callers who left.
const maxAbandoned = 128

// ErrBusy is wrapped by errors of calls that were not made, because too many earlier ones still hang
// in the client although their contexts have ended. Shorten the client's ReadTimeout, WriteTimeout and
// MaxRetries; a plain *redis.Client leaves no call behind.
var ErrBusy = errors.New("gormcache: too many calls hang in the Redis client")

// calls makes calls end when their context does.
type calls struct {
	direct    bool // the client keeps the deadlines of contexts by itself
	abandoned atomic.Int64
}

// stays tells whether a caller waits for its call whatever happens, because the client itself will
// end it in time, or because the caller has all the time there is.
func (c *calls) stays(ctx context.Context) bool {
	if ctx.Done() == nil {
		return true
	}
	_, hasDeadline := ctx.Deadline()
	return c.direct && hasDeadline
}

// call runs f, and returns when f does or ctx ends. go-redis ignores deadlines by default: one call
// to a hung server takes its read timeout, four times with the retries. Such a call is left behind;
// it ends by the client's own timeouts. f must not touch anything that its caller may use again.
func call[T any](ctx context.Context, c *calls, f func() (T, error)) (T, error) {
	if c.stays(ctx) {
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
	var left atomic.Bool // whoever sets it second knows that the call was abandoned, and has ended
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
