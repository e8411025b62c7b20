package redisstore

import (
	"bytes"
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
	target
	tagTTL  time.Duration
	recheck time.Duration

	replicas    int           // how many must acknowledge a writer's change
	waitTimeout time.Duration // for these acknowledgments

	calls   calls
	closed  atomic.Bool
	refused atomic.Pointer[error] // final error: why this client or server cannot serve
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Checker = (*Store)(nil)
)

// New returns a store that uses client: a *redis.Client, *redis.ClusterClient or *redis.Ring, or
// something that wraps one. The caller keeps the client, and closes it after the store. New adds a hook to the
// client that counts connections (see "Servers that come back" in the package documentation), and does not talk to the
// server. If the client cannot serve, [Store.Check] and all other methods return an error that wraps
// [store.ErrUnsupported].
func New(client redis.UniversalClient, opts ...Option) *Store {
	s := &Store{tagTTL: DefaultTagTTL, recheck: DefaultRecheck}
	target, err := inspect(client)
	s.target = target
	s.calls.direct = target.deadlines
	for _, opt := range opts {
		opt(s)
	}
	if err == nil {
		err = s.refuseWait()
	}
	if err != nil {
		s.refuse(err)
	}
	return s
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

// remap makes a cluster's client load the slot map again. By itself the client does so when a server redirects it, and
// otherwise once a minute: a dead master redirects no client to the replica that took over. go-redis loads once at a
// time, in the background.
func (s *Store) remap(ctx context.Context) {
	if c, ok := s.client.(*redis.ClusterClient); ok && !errors.Is(ctx.Err(), context.Canceled) {
		c.ReloadState(ctx)
	}
}

// Set implements [store.Store]. Redis counts ttl in milliseconds; fractions are rounded up.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if ttl < 0 {
		return s.Delete(ctx, key)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	if !s.calls.callerWaits(ctx) {
		value = bytes.Clone(value) // the call may outlast its caller
	}
	_, err := call(ctx, &s.calls, func() (struct{}, error) {
		return struct{}{}, s.client.Set(ctx, key, value, wholeMillis(ttl)).Err()
	})
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "set", err)
	}
	return nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if err := s.ready(ctx); err != nil || len(keys) == 0 {
		return err
	}
	keys = append([]string(nil), keys...)
	_, err := call(ctx, &s.calls, func() (struct{}, error) { return struct{}{}, s.unlink(ctx, keys) })
	if err == nil {
		err = s.ringComplete()
	}
	if err != nil {
		return s.fail(ctx, "delete", err)
	}
	return nil
}

func (s *Store) unlink(ctx context.Context, keys []string) error {
	if s.single {
		return s.client.Unlink(ctx, keys...).Err()
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Unlink(ctx, key)
		}
		return nil
	})
	return err
}

// Close implements [store.Store]. It does not close the client, which the caller owns. Calls under way go on.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// wholeMillis rounds up to milliseconds: a short duration must not become 0, which means no expiry.
func wholeMillis(d time.Duration) time.Duration {
	if rest := d % time.Millisecond; rest > 0 {
		return d - rest + time.Millisecond
	}
	return d
}
