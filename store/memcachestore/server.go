package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// server is one memcached, and the idle sessions with it. It is safe for concurrent use.
type server struct {
	address address
	dial    Dialer
	timeout time.Duration
	maxIdle int
	rest    rest

	mu     sync.Mutex
	idle   []*session
	closed bool
}

// address is a server as it was named. Its name is resolved whenever a connection is made.
type address string

// Network implements [net.Addr].
func (a address) Network() string {
	if strings.Contains(string(a), "/") {
		return "unix"
	}
	return "tcp"
}

// String implements [net.Addr].
func (a address) String() string { return string(a) }

// PickServer implements [memcache.ServerSelector]: the store itself decides which server has a key.
func (a address) PickServer(string) (net.Addr, error) { return a, nil }

// Each implements [memcache.ServerSelector].
func (a address) Each(f func(net.Addr) error) error { return f(a) }

// do runs f in a session. If an idle connection turns out to be broken, as all are after a restart of the server, f runs
// once more in a session over a new one. So f must be repeatable from its beginning, as all methods of a store are.
func (s *server) do(ctx context.Context, f func(*session) error) error {
	for {
		c := s.take()
		reused := c.conn != nil
		err := c.run(ctx, f)
		s.put(c)
		if err == nil || !reused || !broken(err) || ctx.Err() != nil {
			return s.explain(ctx, err)
		}
		s.dropIdle()
	}
}

// explain names the server, and adds the error of the context: a passed deadline shows as a timeout of the connection,
// perhaps a moment before the context ends.
func (s *server) explain(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, store.ErrTooLarge) || errors.Is(err, errContended) {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%s: %w: %w", s.address, cause, err)
	}
	return fmt.Errorf("%s: %w", s.address, err)
}

// broken reports whether an error says that the connection is of no use any more. A timeout is none of these: the server
// hangs, and would do so over a new connection.
func broken(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return !errors.Is(err, os.ErrDeadlineExceeded) && (network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

func (s *server) take() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return c
	}
	c := &session{server: s}
	c.client = memcache.NewFromSelector(s.address)
	c.client.DialContext = c.dial
	c.client.Timeout = s.timeout
	c.client.MaxIdleConns = 1
	return c
}

// put keeps a session for the next call, unless its connection is gone or there are enough.
func (s *server) put(c *session) {
	if c.conn == nil {
		return
	}
	s.mu.Lock()
	keep := !s.closed && len(s.idle) < s.maxIdle
	if keep {
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if !keep {
		_ = c.client.Close()
	}
}

// dropIdle closes the idle connections: where one is broken, the others are as old.
func (s *server) dropIdle() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, c := range idle {
		_ = c.client.Close()
	}
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.dropIdle()
}

// session is a client of gomemcache with one connection, for one call at a time. The client takes no contexts: it sets
// deadlines on its connection, and the connection knows the call's context.
//
// An error of the connection ends the call, which begins anew if at all. So what a call reads and what it changes are of
// the same run of the server: memcached numbers its items anew after a restart, and a cas with a number of before could
// hit another's item.
type session struct {
	server *server
	client *memcache.Client
	ctx    context.Context // of the call
	conn   *conn           // nil: none yet, or closed
}

// run runs f within the call of ctx.
func (c *session) run(ctx context.Context, f func(*session) error) error {
	c.ctx = ctx
	if c.conn != nil {
		c.conn.begin(ctx)
	}
	err := f(c)
	if c.conn != nil && !c.conn.end() {
		_ = c.client.Close() // the context ends just now, and may still interrupt the connection
	}
	if c.conn != nil && c.conn.closed.Load() {
		c.conn = nil
	}
	c.ctx = nil
	return err
}

// dial is the client's DialContext.
func (c *session) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if _, ok := c.ctx.Deadline(); ok { // it alone counts, not the client's timeout
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	nc, err := c.server.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.conn = &conn{Conn: nc}
	c.conn.begin(c.ctx)
	return c.conn, nil
}

// conn is a connection that keeps the deadline of the call's context, and is interrupted when the context is canceled.
type conn struct {
	net.Conn
	closed atomic.Bool

	mu          sync.Mutex
	ctx         context.Context
	interrupted bool
	stop        func() bool
}

// past is a deadline that ends what waits for a connection at once.
var past = time.Unix(1, 0)

func (c *conn) begin(ctx context.Context) {
	c.mu.Lock()
	c.ctx, c.stop = ctx, nil
	c.mu.Unlock()
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.interrupt)
	}
}

// end reports whether the connection may be used for another call.
func (c *conn) end() bool { return c.stop == nil || c.stop() }

func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	_ = c.Conn.SetDeadline(past)
}

// SetDeadline implements [net.Conn]: t counts only where the context has no deadline.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return c.Conn.SetDeadline(past)
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		t = deadline
	}
	return c.Conn.SetDeadline(t)
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}
