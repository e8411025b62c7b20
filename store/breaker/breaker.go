// Package breaker stops asking a store that fails, so that a store which is down or hangs costs its
// callers a moment and not a time-out each.
//
//	           Failures in a row             Cooldown passed
//	closed ------------------------> open ------------------> half-open
//	  ^                               ^                           |
//	  |            success            |          failure          |
//	  +-------------------------------+---------------------------+
//
// While it is open every call fails at once with [ErrOpen]. Half-open, one call at a time goes
// through as a probe. To fail is always safe: a reader then asks the database, and a writer queues its
// invalidation.
//
// Readers and writers have a breaker each. A store may be too slow for the short budget of a lookup and
// still take marks and new tokens; to keep those from it would make other processes serve old data.
//
// The idea is Michael Nygard's circuit breaker (Release It!).
package breaker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Defaults of [New].
const (
	DefaultFailures = 5
	DefaultCooldown = time.Second
)

// ErrOpen is returned while the breaker is open: the store was not asked.
var ErrOpen = errors.New("gormcache: the store failed repeatedly and is not asked for a while")

// Store is a store behind breakers. It is safe for concurrent use.
type Store struct {
	next          store.Store
	reads, writes circuit
}

// circuit is one breaker.
type circuit struct {
	failures int64
	cooldown time.Duration

	open atomic.Bool  // these two are read without the lock
	run  atomic.Int64 // failures in a row

	mu    sync.Mutex
	until time.Time // open: when the next probe may go
	probe bool      // a probe is under way
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Batch = (*Store)(nil)
)

// New returns next behind breakers that open after so many failures in a row, and let a probe through
// whenever cooldown has passed. 0 stands for the defaults.
func New(next store.Store, failures int, cooldown time.Duration) *Store {
	if failures <= 0 {
		failures = DefaultFailures
	}
	if cooldown <= 0 {
		cooldown = DefaultCooldown
	}
	s := &Store{next: next}
	for _, c := range []*circuit{&s.reads, &s.writes} {
		c.failures, c.cooldown = int64(failures), cooldown
	}
	return s
}

// Open tells whether one of the breakers is open or half-open.
func (s *Store) Open() bool { return s.reads.open.Load() || s.writes.open.Load() }

// do runs one call, if the breaker lets it.
func (c *circuit) do(ctx context.Context, call func() error) error {
	probe := false
	if c.open.Load() {
		if probe = c.admit(); !probe {
			return ErrOpen
		}
	}
	returned := false
	defer func() {
		if !returned && probe { // a store that panics must not leave the probe under way for ever
			c.record(errors.ErrUnsupported, probe)
		}
	}()
	err := call()
	returned = true
	switch {
	case err != nil && gaveUp(ctx):
		c.release(probe)
	case err != nil || probe || c.run.Load() > 0:
		c.record(err, probe)
	}
	return err
}

// gaveUp tells that the caller's own context has ended, which says nothing of the store. Only a call
// that outlasts the budget that gormcache sets is the store's failure.
func gaveUp(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), store.ErrBudget)
}

// admit tells whether the caller may be the probe.
func (c *circuit) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probe || time.Now().Before(c.until) {
		return false
	}
	c.probe = true
	return true
}

// release ends a probe that told nothing.
func (c *circuit) release(probe bool) {
	if !probe {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probe = false
}

// record takes note of a call's outcome.
func (c *circuit) record(err error, probe bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if probe {
		c.probe = false
	}
	if err == nil {
		c.run.Store(0)
		c.open.Store(false)
		return
	}
	if c.run.Add(1) >= c.failures || probe {
		c.until = time.Now().Add(c.cooldown)
		c.open.Store(true)
	}
}

// Lookup implements [store.Store].
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	return s.reads.do(ctx, func() error { return s.next.Lookup(ctx, l) })
}

// Set implements [store.Store].
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.reads.do(ctx, func() error { return s.next.Set(ctx, key, value, ttl) })
}

// SetAll implements [store.Batch], in as many round trips as the store behind needs.
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	return s.reads.do(ctx, func() error { return store.SetAll(ctx, s.next, entries) })
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.reads.do(ctx, func() error { return s.next.Delete(ctx, keys...) })
}

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return s.reads.do(ctx, func() error { return s.next.Tokens(ctx, tags, states) })
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.writes.do(ctx, func() error { return s.next.Mark(ctx, tags, writer, grace) })
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	return s.writes.do(ctx, func() error { return s.next.Settle(ctx, tags, writer, linger) })
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.writes.do(ctx, func() error { return s.next.Unmark(ctx, tags, writer) })
}

// Close closes the store behind.
func (s *Store) Close() error { return s.next.Close() }
