package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/redis/go-redis/v9"
)

// watch notices whatever may lead to another incarnation of the servers, so that the hit path need not
// ask: it compares two counters.
//
// A server that was started, or that took over an address, is reached only over a connection dialled
// since. The dial is counted before the connection carries its first command, so whoever has an answer
// of that server finds a count beyond the one of the last verification (see Store.recognise).
//
// In a Redis Cluster a replica may be promoted to which a connection stood already: clients ask replicas
// too where the slots are. So a command that goes to a node that was not among the masters at the last
// verification is counted as well, before it is sent.
//
// The hooks stay with the client for good; they refer to the watch, which is small, but not to the store.
type watch struct {
	seen    atomic.Uint64 // dials, and commands to nodes that are no members
	strange atomic.Uint64 // commands to nodes that are no members
	current atomic.Pointer[incarnation]
	turn    chan struct{}           // held by the one call that verifies
	failed  atomic.Pointer[failure] // the last attempt to connect, if it has failed

	mu    sync.Mutex
	nodes map[weak.Pointer[redis.Client]]*node // of a client of several servers
}

func newWatch() *watch {
	return &watch{turn: make(chan struct{}, 1), nodes: map[weak.Pointer[redis.Client]]*node{}}
}

// add hooks the client of one of several servers, once.
func (w *watch) add(c *redis.Client) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := weak.Make(c)
	n := w.nodes[key]
	if n == nil {
		n = &node{watch: w}
		w.nodes[key] = n
		c.AddHook(n)
	}
	return n
}

// publish makes inc the present incarnation, of these members. Where the mask changes, a node that was
// promoted becomes a member last: were it one before, an answer that it gives to a call of the old
// incarnation would be neither strange nor followed by a change of the mask, and be believed.
func (w *watch) publish(inc *incarnation, members map[*node]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, n := range w.nodes {
		if key.Value() == nil {
			delete(w.nodes, key)
		}
		if !members[n] {
			n.member.Store(false)
		}
	}
	was := w.current.Load()
	if was != nil && was.mask != inc.mask {
		w.current.Store(inc)
	}
	for n := range members {
		n.member.Store(true)
	}
	w.current.Store(inc)
}

// failure is an attempt to connect that has failed.
type failure struct {
	err error
	at  time.Time
}

// recently is how long a failure is named as the cause of others.
const recently = time.Minute

// trouble is why no connection could be made the last time that one was tried, nil if one could.
func (w *watch) trouble() error {
	if w == nil {
		return nil
	}
	if f := w.failed.Load(); f != nil && time.Since(f.at) < recently {
		return f.err
	}
	return nil
}

// tried notes how an attempt to connect has ended.
func (w *watch) tried(err error) {
	if err == nil {
		w.failed.Store(nil)
		return
	}
	w.failed.Store(&failure{err, time.Now()})
}

// dials is the hook that counts connections, and notes why there are none.
type dials struct{ *watch }

func (d dials) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			d.seen.Add(1)
		}
		if !errors.Is(err, context.Canceled) { // the caller's doing
			d.tried(err)
		}
		return conn, err
	}
}

// ProcessHook sees how a server greets a new connection: clients of several servers keep to themselves that it
// refuses their password, and ask the next one.
func (d dials) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil && unwelcome(err) {
			d.tried(fmt.Errorf("%w (%s)", err, credentials))
		}
		return err
	}
}

func (dials) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// node is the hook of one of several servers. Lookups and scripts go to them in pipelines.
type node struct {
	*watch
	member atomic.Bool // a master at the last verification
}

func (n *node) DialHook(next redis.DialHook) redis.DialHook { return dials{n.watch}.DialHook(next) }

func (n *node) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return dials{n.watch}.ProcessHook(next)
}

func (n *node) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		// In this order: the members are there before the first incarnation is. Until then no call
		// believes an answer.
		if n.current.Load() != nil && !n.member.Load() && reads(cmds) {
			n.strange.Add(1)
			n.seen.Add(1)
		}
		return next(ctx, cmds)
	}
}

// reads tells a pipeline such as the store's from those by which go-redis prepares a connection, which
// a verification itself may need.
func reads(cmds []redis.Cmder) bool {
	if len(cmds) == 0 {
		return false
	}
	switch cmds[0].Name() {
	case "get", "evalsha", "eval":
		return true
	}
	return false
}
