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

// watch counts every event that may lead to another incarnation of the servers. The hit path compares two counters
// instead of asking the servers.
//
// A server that was started, or that took over an address, is reached only over a connection dialed since then. The
// dial is counted before the connection carries its first command. So a call that has an answer of that server finds a
// count greater than the count of the last verification (see servers.recognize).
//
// In a Redis Cluster a promoted replica may already have had a connection, since clients ask replicas for the slot map
// too. So a command to a node that was not a master at the last verification is counted as well, before it is sent.
//
// The hooks stay in the client forever. They refer to the watch, which is small, and not to the store.
type watch struct {
	seen    atomic.Uint64 // dials, and commands to nodes that are not members
	foreign atomic.Uint64 // commands to nodes that are not members
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

// publish makes inc, with these members, the current incarnation. When the mask changes, inc is published before a
// promoted node becomes a member. In the other order, the answer of that node to a call of the old incarnation would be
// counted neither as foreign nor by a changed mask, and would be believed.
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

// failure is a failed attempt to connect.
type failure struct {
	err error
	at  time.Time
}

// recently is how long a failed attempt to connect is named as the cause of other errors.
const recently = time.Minute

// trouble returns the error of the last attempt to connect, nil if it succeeded or was not recent.
func (w *watch) trouble() error {
	if w == nil {
		return nil
	}
	if f := w.failed.Load(); f != nil && time.Since(f.at) < recently {
		return f.err
	}
	return nil
}

// tried records the outcome of an attempt to connect.
func (w *watch) tried(err error) {
	if err == nil {
		w.failed.Store(nil)
		return
	}
	w.failed.Store(&failure{err, time.Now()})
}

// dials is the hook that counts connections and records why connecting fails.
type dials struct{ *watch }

func (d dials) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			d.seen.Add(1)
		}
		if !errors.Is(err, context.Canceled) { // the caller gave up
			d.tried(err)
		}
		return conn, err
	}
}

// ProcessHook sees the answers to the handshake of a new connection. Clients of several servers do not report a refused
// password: they try the next server.
func (d dials) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil && refusesLogin(err) {
			d.tried(fmt.Errorf("%w (%s)", err, credentials))
		}
		return err
	}
}

func (dials) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// node is the hook for one of several servers. Lookups and scripts reach these servers in pipelines.
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
		// The order matters: members are set before the first incarnation is published, and until then no call
		// believes an answer.
		if n.current.Load() != nil && !n.member.Load() && reads(cmds) {
			n.foreign.Add(1)
			n.seen.Add(1)
		}
		return next(ctx, cmds)
	}
}

// reads reports whether a pipeline is one of the store's, and not one by which go-redis prepares a connection: a
// verification may need the latter.
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
