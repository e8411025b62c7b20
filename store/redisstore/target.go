package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// target is the client, and what its options say about it.
type target struct {
	client    redis.UniversalClient
	single    bool        // all keys lie on one server: MGET is possible
	deadlines bool        // the client keeps the deadlines of contexts; clients of several servers never do
	ring      *redis.Ring // nil unless the client is one
	shards    int         // of ring, when all are up
	watch     *watch      // nil if the client is of an unknown type
	conns     int         // of a *redis.Client, before it was watched
}

// inspect finds out the kind of client, and refuses a client that could serve old tokens.
func inspect(client redis.UniversalClient) (target, error) {
	t := target{client: client}
	var err error
	switch c := client.(type) {
	case nil:
		err = unsupported("the client is nil: pass one made by redis.NewClient, NewClusterClient or NewUniversalClient")
	case *redis.Client:
		if c == nil {
			return inspect(nil)
		}
		t.watch, t.conns = newWatch(), connections(c)
		c.AddHook(dials{t.watch}) // not to the clone: the pool asks the hooks of the client it was made with
		t.client, t.single, t.deadlines = withDeadlines(c), true, true
		err = refuseClient(c.Options())
	case *redis.ClusterClient:
		if c == nil {
			return inspect(nil)
		}
		t.watch = newWatch()
		c.OnNewNode(func(n *redis.Client) { t.watch.add(n) })
		err = refuseCluster(c.Options())
	case *redis.Ring:
		if c == nil {
			return inspect(nil)
		}
		t.watch = newWatch()
		t.ring, t.shards = c, len(c.Options().Addrs)
		// Those that are down now are watched from the first verification on. This one asks no server.
		_ = c.ForEachShard(context.Background(), func(_ context.Context, shard *redis.Client) error {
			t.watch.add(shard)
			return nil
		})
	}
	return t, err
}

// withDeadlines returns the client, or a clone on the same connections that honors the deadlines of contexts. By default
// go-redis ignores them. The alternative, to abandon calls in goroutines, makes a lookup a third slower. WithTimeout
// gives the clone its own options, so the caller's client stays as it is.
func withDeadlines(c *redis.Client) *redis.Client {
	if c.Options().ContextTimeoutEnabled {
		return c
	}
	clone := c.WithTimeout(c.Options().ReadTimeout)
	clone.Options().WriteTimeout = c.Options().WriteTimeout
	clone.Options().ContextTimeoutEnabled = true
	return clone
}

func refuseClient(o *redis.Options) error {
	if o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
		return unsupported("redis.Options.ClientSideCache is set: such a client answers from its own memory, " +
			"some time behind the server; give gormcache a client without it")
	}
	return nil
}

// refuseCluster refuses clients that read from replicas, which lag. The two routings come first: each
// of them sets ReadOnly too.
func refuseCluster(o *redis.ClusterOptions) error {
	const why = "redis.ClusterOptions.%s is set: such a client reads from replicas, which are some time " +
		"behind; give gormcache a client without it"
	switch {
	case o.RouteByLatency:
		return unsupported(why, "RouteByLatency")
	case o.RouteRandomly:
		return unsupported(why, "RouteRandomly")
	case o.ReadOnly:
		return unsupported(why, "ReadOnly")
	}
	return nil
}

func unsupported(format string, args ...any) error {
	return fault.Errorf("%w: %s", store.ErrUnsupported, fmt.Sprintf(format, args...))
}

// ErrRingIncomplete is wrapped by errors of calls through a *redis.Ring that misses shards.
var ErrRingIncomplete = errors.New("gormcache: a shard of the redis.Ring is down")

// ringComplete returns an error unless every shard of a ring is up. A ring moves the keys of a shard that it cannot
// reach to the other shards, and moves them back later. Tokens that changed in between would then be old again; and
// another process that still reaches the shard would not see the change at all. So the store stops while a shard is
// down. It is called before and after each call, since a shard may go down in between.
func (t *target) ringComplete() error {
	if t.ring == nil {
		return nil
	}
	n := t.ring.Len()
	if n == t.shards {
		return nil
	}
	if why := t.watch.trouble(); why != nil {
		return fault.Errorf("%w: %d of %d are up (the client can't connect: %w)", ErrRingIncomplete, n, t.shards, why)
	}
	return fault.Errorf("%w: %d of %d are up", ErrRingIncomplete, n, t.shards)
}

// checkHook returns an error for a client whose connections bypass the dial hook: a clone made by WithTimeout. Its pool
// was empty when the hook was added, and now has connections that the hook did not count, beyond the idle ones that the
// pool had begun to dial earlier.
func (t *target) checkHook(c *redis.Client) error {
	if t.watch.seen.Load() > 0 || t.conns > 0 || connections(c) <= c.Options().MinIdleConns {
		return nil
	}
	return unsupported("the client was made by WithTimeout, and does not tell of new connections, so a Redis that " +
		"restarts with old data would be trusted: give gormcache the client it was made from")
}

func connections(c *redis.Client) int {
	stats := c.PoolStats()
	return int(stats.TotalConns)
}

// remap makes a cluster's client load the slot map again. By itself the client does so when a server redirects it, and
// otherwise once a minute: a dead master redirects no client to the replica that took over. go-redis loads once at a
// time, in the background.
func (t *target) remap(ctx context.Context) {
	if c, ok := t.client.(*redis.ClusterClient); ok && !errors.Is(ctx.Err(), context.Canceled) {
		c.ReloadState(ctx)
	}
}
