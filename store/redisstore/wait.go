package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// ErrUnacknowledged is wrapped by errors of Mark and Settle where fewer replicas than [Wait] asks for
// have acknowledged in time. The change stands on the master.
var ErrUnacknowledged = errors.New("gormcache: too few replicas acknowledged")

// Wait makes Mark and Settle wait, after their change, until this many replicas have acknowledged the change, but no
// longer than timeout. Fewer acknowledgments are an error, and the plugin's write policy decides what happens then. Wait
// reduces what a failover can lose. It costs writers a round trip to the replicas, and makes writers depend on them. A
// replica acknowledges regularly, and when asked: mostly at once.
//
// Only a *redis.Client can wait, and timeout, of at least a millisecond, must be shorter than its
// ReadTimeout: with any other, all methods return an error that wraps store.ErrUnsupported. Defaults
// to no replicas: no waiting.
func Wait(replicas int, timeout time.Duration) Option {
	return func(s *Store) { s.wait = waiting{replicas, timeout} }
}

// waiting is how a change waits for replicas. The zero value does not.
type waiting struct {
	replicas int           // how many must acknowledge the change
	timeout  time.Duration // for these acknowledgments
}

// refuse returns an error if the client cannot wait for replicas.
func (w waiting) refuse(client redis.UniversalClient) error {
	if w.replicas <= 0 {
		return nil
	}
	c, single := client.(*redis.Client)
	switch {
	case !single:
		return unsupported("redisstore.Wait needs a *redis.Client: in a Redis Cluster or a redis.Ring each key has other " +
			"replicas; leave it unset")
	case w.timeout < time.Millisecond:
		return unsupported("redisstore.Wait: the timeout is %v: set at least a millisecond", w.timeout)
	case c.Options().ReadTimeout > 0 && w.timeout >= c.Options().ReadTimeout:
		return unsupported("redisstore.Wait: the timeout of %v is not shorter than the client's ReadTimeout of %v: the "+
			"answer would come too late", w.timeout, c.Options().ReadTimeout)
	}
	return nil
}

// finish runs a pipeline of scripts, and waits for the replicas in the same pipeline: WAIT is about the writes of its own
// connection.
func (w waiting) finish(ctx context.Context, pipe redis.Pipeliner, tolerable func(error) bool) ([]redis.Cmder, error) {
	if w.replicas <= 0 {
		return execute(ctx, pipe, tolerable)
	}
	wait := pipe.Do(ctx, "wait", w.replicas, wholeMillis(w.timeout).Milliseconds())
	cmds, err := execute(ctx, pipe, tolerable)
	if err != nil {
		return nil, err
	}
	n, err := wait.Int()
	if err != nil {
		return nil, err
	}
	if n < w.replicas {
		return nil, fault.Errorf("%w: %d of %d within %v", ErrUnacknowledged, n, w.replicas, w.timeout)
	}
	return cmds[:len(cmds)-1], nil
}
