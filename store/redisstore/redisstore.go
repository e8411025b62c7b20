package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// DefaultTagTTL is the time to live of a tag where [TagTTL] does not set another.
const DefaultTagTTL = 24 * time.Hour

// Option changes a setting of [New].
type Option func(*Store)

// TagTTL sets how long a tag lives after its last change; a mark prolongs its life beyond the mark's deadline. When a tag
// expires, each entry that depends on it becomes a miss. Tags that say that a column is tracked are prolonged every ten
// minutes while queries need them; if they expire earlier, these queries are bypassed for WriteGrace. Defaults to [DefaultTagTTL], as does anything below a second.
func TagTTL(d time.Duration) Option {
	return func(s *Store) {
		if d >= time.Second {
			s.tagTTL = d
		}
	}
}

// Store is a [store.Store] in Redis. It is safe for concurrent use.
type Store struct {
	servers
	tagTTL  time.Duration
	wait    waiting
	wakers  wakers
	closed  atomic.Bool
	refused atomic.Pointer[error] // final error: why this client or server cannot serve
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Batch     = (*Store)(nil)
	_ store.Checker   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
)

// New returns a store that uses client: a *redis.Client, *redis.ClusterClient or *redis.Ring, or
// something that wraps one. The caller keeps the client, and closes it after the store. New adds a hook to the
// client that counts connections (see "Servers that come back" in the package documentation), and does not talk to the
// server. If the client cannot serve, [Store.Check] and all other methods return an error that wraps
// [store.ErrUnsupported].
func New(client redis.UniversalClient, opts ...Option) *Store {
	s := &Store{tagTTL: DefaultTagTTL}
	target, err := inspect(client)
	s.target, s.recheck = target, DefaultRecheck
	s.calls.direct = target.deadlines
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	if err == nil {
		err = s.wait.refuse(s.client)
	}
	if err != nil {
		s.refuse(err)
	}
	return s
}

// Check implements [store.Checker]: it tries, on every server that the client knows, the commands that the store needs.
// If the client or a server can never serve, the error wraps [store.ErrUnsupported], and from then on all methods return
// it.
func (s *Store) Check(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	_, err := call(ctx, &s.calls, func() (struct{}, error) { return struct{}{}, probeAll(ctx, s.client) })
	if err == nil {
		_, err = s.recognize(ctx)
	}
	if errors.Is(err, store.ErrUnsupported) {
		s.refuse(err)
		return err
	}
	if err != nil {
		return s.fail(ctx, "check", err)
	}
	return nil
}

// refuse sets the final error, which all methods return from then on.
func (s *Store) refuse(err error) { s.refused.Store(&err) }

// ready returns why the store cannot be used now, or nil.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	if err := s.refused.Load(); err != nil {
		return *err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.ringComplete()
}

// fail wraps the error of a call. Clients report a passed deadline as a network timeout, so fail adds the error of the
// context for callers that look for it.
func (s *Store) fail(ctx context.Context, call string, err error) error {
	s.remap(ctx)
	if denied(err) {
		return fault.Errorf("redisstore: %s: %w: the user lacks a right to a command or to keys of the namespace: "+
			"permit in its ACL what the package's documentation lists (%w)", call, store.ErrUnsupported, err)
	}
	if refusesLogin(err) {
		err = fmt.Errorf("%w (%s)", err, credentials)
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	// The client tries to connect until the deadline, and then reports only the deadline.
	if why := s.watch.trouble(); why != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w (the client can't connect: %w)", err, why)
	}
	return fault.Errorf("redisstore: %s: %w", call, err)
}

// Close implements [store.Store]. It ends the connections of [Store.Watch]. It does not close the client, which the caller
// owns. Calls under way go on.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.wakers.close()
	return nil
}
