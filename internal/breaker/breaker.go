// Package breaker stops asking a store that fails, so that a store that is down or hangs does not cost every caller a
// timeout.
//
//	           Failures in a row             Cooldown passed
//	closed ------------------------> open ------------------> probing
//	  ^                               ^                         |
//	  |                               |         failure         |
//	  |                               +-------------------------+
//	  |                        success                          |
//	  +---------------------------------------------------------+
//
// A call that was ended by its caller's own deadline or cancellation is no failure: the caller had little time, which says
// nothing about the store. Such a call starts a probe at once, with the whole budget that gormcache gives a call, while
// the breaker stays closed. If this probe fails, the breaker opens:
//
//	closed ---- a caller gives up: probe ----> open or, if it succeeds, closed without failures
//
// While the breaker is open, every call fails at once with [ErrOpen], and the store is probed in the background: by a
// lookup of the same keys, or by removing a mark that no writer has set. So no caller pays for a probe; if the store
// hangs, each probe would cost a writer its whole budget, a second. Only a breaker that was stopped has a half-open
// state: one call at a time goes through as a probe. Failing is always safe: a reader then asks the database, and a
// writer queues its invalidation.
//
// Readers and writers have separate breakers. A store may be too slow for the short budget of a lookup and still accept
// marks and new tokens; withholding these would make other processes serve old data. But a store that hangs for writers
// is not asked by readers either.
//
// The idea is Michael Nygard's circuit breaker (Release It!).
package breaker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Defaults of a [Config].
const (
	DefaultFailures = 5
	DefaultCooldown = time.Second
)

// Config is when the breakers of a [Store] open, and how long they stay open.
type Config struct {
	Failures     int           // calls in a row that fail before a breaker opens. Defaults to DefaultFailures
	Cooldown     time.Duration // how long an open breaker waits before each probe. Defaults to DefaultCooldown
	ReadTimeout  time.Duration // the budget of a reader's call. Defaults to a second
	WriteTimeout time.Duration // the budget of a writer's call. Defaults to a second
}

// ErrOpen is returned while the breaker is open: the store was not asked.
var ErrOpen = errors.New("gormcache: the store failed repeatedly and is not asked for a while")

// Store is a store behind breakers. It is safe for concurrent use.
type Store struct {
	next          store.Store
	reads, writes *circuit
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Batch     = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
	_ store.Layer     = (*Store)(nil)
)

// New returns next behind breakers. The caller stops or closes the result.
func New(next store.Store, cfg Config) *Store {
	failures := cfg.Failures
	if failures <= 0 {
		failures = DefaultFailures
	}
	circuit := func(timeout time.Duration) *circuit {
		return newCircuit(failures, positive(cfg.Cooldown, DefaultCooldown), positive(timeout, mostBudget))
	}
	return &Store{next: next, reads: circuit(cfg.ReadTimeout), writes: circuit(cfg.WriteTimeout)}
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Open reports whether one of the breakers is open or half-open.
func (s *Store) Open() bool { return s.reads.open.Load() || s.writes.open.Load() }

// LogTo makes the breakers log that they open and close. Call it before use; by default nothing is logged.
func (s *Store) LogTo(log *slog.Logger) {
	s.reads.announced.begin = func(err error) {
		log.Warn("gormcache: the store fails for readers and is not asked for the moment; the database answers", "error", err)
	}
	s.writes.announced.begin = func(err error) {
		log.Warn("gormcache: the store fails for writers and is not asked for the moment; what they invalidate is queued, "+
			"and other processes may serve old rows", "error", err)
	}
	for callers, c := range map[string]*circuit{"readers": s.reads, "writers": s.writes} {
		c.announced.end = func(after time.Duration) {
			log.Info("gormcache: the store answers "+callers+" again", "after", after.Round(time.Millisecond))
		}
	}
}

// State returns the states of the breakers of readers and of writers.
func (s *Store) State() (reads, writes State) { return s.reads.state(), s.writes.state() }

// Inspect implements [store.Inspector]. It bypasses the breakers and does not count for them: the caller wants to
// know how the store is now.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	return store.Inspect(ctx, s.next, tags)
}

// Stop ends the background probes and waits for them. The store can still be used: from then on an open breaker lets a
// call through as a probe whenever the cooldown has passed.
func (s *Store) Stop() {
	s.reads.stop()
	s.writes.stop()
}

// Lookup implements [store.Store].
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	return s.reads.do(ctx, func() error { return s.next.Lookup(ctx, l) }, func() check {
		again := store.Lookup{Keys: slices.Clone(l.Keys), Tags: slices.Clone(l.Tags)}
		return func(ctx context.Context) error { return s.next.Lookup(ctx, &again) }
	})
}

// Set implements [store.Store].
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.reads.do(ctx, func() error { return s.next.Set(ctx, key, value, ttl) }, s.look(key))
}

// SetAll implements [store.Batch], in as many round trips as the store behind needs.
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	return s.reads.do(ctx, func() error { return store.SetAll(ctx, s.next, entries) }, func() check {
		keys := make([]string, len(entries))
		for i := range entries {
			keys[i] = entries[i].Key
		}
		return s.look(keys...)()
	})
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.reads.do(ctx, func() error { return s.next.Delete(ctx, keys...) }, s.look(keys...))
}

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return s.reads.do(ctx, func() error { return s.next.Tokens(ctx, tags, states) }, s.look(tags...))
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.write(ctx, tags, func() error { return s.next.Mark(ctx, tags, writer, grace) })
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	var settled error
	err := s.write(ctx, tags, func() error {
		settled = s.next.Settle(ctx, tags, writer, linger)
		return store.Failure(settled)
	})
	if err == nil {
		return settled // lost marks are no failure
	}
	return err
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.write(ctx, tags, func() error { return s.next.Unmark(ctx, tags, writer) })
}

// write runs a call of a writer. A store that hangs for writers hangs for readers too, and some readers are writers that
// look up first with as much time; so the readers' breaker opens too. A store that refuses changes, as a replica does,
// may still be read.
func (s *Store) write(ctx context.Context, tags []string, call func() error) error {
	err := s.writes.do(ctx, call, s.unmark(tags))
	if err != nil && pastDeadline(ctx) && s.writes.open.Load() {
		s.reads.trip(s.look(tags...))
		s.reads.announce(err)
	}
	return err
}

// pastDeadline reports whether a call's deadline has passed. The network has the deadline too, so a connection may fail a
// moment before its context ends.
func pastDeadline(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// Close stops the probes and closes the store behind.
func (s *Store) Close() error {
	s.Stop()
	return s.next.Close()
}

// look makes a probe for readers: it looks up the keys of the call that failed.
func (s *Store) look(keys ...string) func() check {
	return func() check {
		again := store.Lookup{Keys: slices.Clone(keys)}
		return func(ctx context.Context) error { return s.next.Lookup(ctx, &again) }
	}
}

// unmark makes a probe for writers: it removes a mark that was never set, which changes nothing whenever it takes effect.
// A probe that sets a mark could take effect late, and would make readers bypass for nothing.
func (s *Store) unmark(tags []string) func() check {
	return func() check {
		tags, unknown := slices.Clone(tags), store.NewWriter()
		look := s.look(tags...)
		return func(ctx context.Context) error {
			err := s.next.Unmark(ctx, tags, unknown)
			if err != nil && pastDeadline(ctx) && !s.writes.open.Load() { // a probe for a writer in a hurry
				s.reads.trip(look)
				s.reads.announce(err)
			}
			return err
		}
	}
}
