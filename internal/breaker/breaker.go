// Package breaker stops asking a store that fails, so that a store which is down or hangs costs its
// callers a moment and not a time-out each.
//
//	           Failures in a row             Cooldown passed
//	closed ------------------------> open ------------------> probing
//	  ^                               ^                         |
//	  |                               |         failure         |
//	  |                               +-------------------------+
//	  |                        success                          |
//	  +---------------------------------------------------------+
//
// A call that its caller's own deadline or cancellation has ended is no failure: too little time for the caller is not
// too much for the store. It has the store probed at once, with the whole budget that gormcache gives a call, while
// the breaker stays closed; a probe that fails opens it:
//
//	closed ---- a caller gives up: probe ----> open or, if it succeeds, closed without failures
//
// While it is open every call fails at once with [ErrOpen], and the store is probed in the background:
// by a lookup of the same keys, or by taking away a mark that nobody has set. So no caller pays for a
// probe; where a store hangs, each would cost a writer the whole of its budget, a second. Half-open is
// only the store of a breaker that was stopped: one call at a time goes through as a probe. To fail is
// always safe: a reader then asks the database, and a writer queues its invalidation.
//
// Readers and writers have a breaker each. A store may be too slow for the short budget of a lookup and
// still take marks and new tokens; to keep those from it would make other processes serve old data. But
// one that hangs with writers is not asked by readers either.
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
	Failures     int           // calls that fail in a row before a breaker opens. Defaults to DefaultFailures
	Cooldown     time.Duration // how long it leaves the store alone before each probe. Defaults to DefaultCooldown
	ReadTimeout  time.Duration // what readers give a call that waits for the store. Defaults to a second
	WriteTimeout time.Duration // what writers give one. Defaults to a second
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
)

// New returns next behind breakers. Whoever made it stops or closes it.
func New(next store.Store, cfg Config) *Store {
	failures := cfg.Failures
	if failures <= 0 {
		failures = DefaultFailures
	}
	circuit := func(patience time.Duration) *circuit {
		return newCircuit(failures, positive(cfg.Cooldown, DefaultCooldown), positive(patience, mostBudget))
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

// LogTo sets where the breakers say that they open and close. Set it before use; by default they say nothing.
func (s *Store) LogTo(log *slog.Logger) {
	s.reads.turns.begin = func(err error) {
		log.Warn("gormcache: the store fails for readers and is not asked for the moment; the database answers", "error", err)
	}
	s.writes.turns.begin = func(err error) {
		log.Warn("gormcache: the store fails for writers and is not asked for the moment; what they invalidate is queued, "+
			"and other processes may serve old rows", "error", err)
	}
	for whom, c := range map[string]*circuit{"readers": s.reads, "writers": s.writes} {
		c.turns.end = func(after time.Duration) {
			log.Info("gormcache: the store answers "+whom+" again", "after", after.Round(time.Millisecond))
		}
	}
}

// State returns what there is to say of the breakers of readers and of writers.
func (s *Store) State() (reads, writes State) { return s.reads.state(), s.writes.state() }

// Inspect implements [store.Inspector]. It goes past the breakers, and tells them nothing: whoever asks wants to know
// how the store is now.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	return store.Inspect(ctx, s.next, tags)
}

// Stop ends the probes in the background and waits for them. The store can be used further: from now
// on a breaker that is open lets a caller through as a probe, whenever the cooldown has passed.
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
		return settled // marks that were lost are no failure
	}
	return err
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.write(ctx, tags, func() error { return s.next.Unmark(ctx, tags, writer) })
}

// write runs a call of a writer. A store that hangs with writers hangs with readers, and among these are
// writers, who look up first and have as much time there; so that breaker opens too. A store that
// refuses changes, as a replica does, may still be read.
func (s *Store) write(ctx context.Context, tags []string, call func() error) error {
	err := s.writes.do(ctx, call, s.unmark(tags))
	if err != nil && over(ctx) && s.writes.open.Load() {
		s.reads.trip(s.look(tags...))
		s.reads.tell(err)
	}
	return err
}

// over reports whether a call's time is up. Deadlines reach the network by themselves, so an error of a
// connection may come a moment before its context says why.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// Close stops the probes and closes the store behind.
func (s *Store) Close() error {
	s.Stop()
	return s.next.Close()
}

// look probes readers' part of the store: it reads what the call that failed was about.
func (s *Store) look(keys ...string) func() check {
	return func() check {
		again := store.Lookup{Keys: slices.Clone(keys)}
		return func(ctx context.Context) error { return s.next.Lookup(ctx, &again) }
	}
}

// unmark probes writers' part. It changes nothing, whenever it takes effect: a mark that came late would
// keep readers off, for nobody's good.
func (s *Store) unmark(tags []string) func() check {
	return func() check {
		tags, nobody := slices.Clone(tags), store.NewWriter()
		look := s.look(tags...)
		return func(ctx context.Context) error {
			err := s.next.Unmark(ctx, tags, nobody)
			if err != nil && over(ctx) && !s.writes.open.Load() { // asked because of writers in a hurry
				s.reads.trip(look)
			}
			return err
		}
	}
}
