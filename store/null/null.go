// Package null is a store that keeps nothing: every read asks the database. It is for tests, for a switch that turns the
// cache off, and to measure what the cache saves.
//
//	cfg.Store = null.New()
//
// It is to the plugin like a store that evicts everything at once, which is always safe. It has no claims, so no locks: a
// lock that everybody gets would be none. It does not pass storetest, which wants to find what was stored.
package null

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Store is a [store.Store] that keeps nothing. It is safe for concurrent use.
type Store struct{ closed atomic.Bool }

var (
	_ store.Store   = (*Store)(nil)
	_ store.Batch   = (*Store)(nil)
	_ store.Swapper = (*Store)(nil)
)

// New returns a store that keeps nothing.
func New() *Store { return new(Store) }

func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Lookup implements [store.Store]: there are no entries and no tags.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	return s.ready(ctx)
}

// Set implements [store.Store].
func (s *Store) Set(ctx context.Context, _ string, _ []byte, _ time.Duration) error {
	return s.ready(ctx)
}

// SetAll implements [store.Batch].
func (s *Store) SetAll(ctx context.Context, _ []store.Entry) error { return s.ready(ctx) }

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, _ ...string) error { return s.ready(ctx) }

// Swap implements [store.Swapper]: what was not there is replaced, and forgotten at once.
func (s *Store) Swap(ctx context.Context, swaps []store.Swap) error {
	err := s.ready(ctx)
	for i := range swaps {
		swaps[i].Done = err == nil && swaps[i].Old == nil
	}
	return err
}

// Tokens implements [store.Store]. It gives each tag a token that no later call gives again.
func (s *Store) Tokens(ctx context.Context, _ []string, states []store.State) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	for i := range states {
		states[i] = store.State{Token: store.NewToken(), Known: true}
	}
	return nil
}

// Mark implements [store.Store]: no reader is to be kept off.
func (s *Store) Mark(ctx context.Context, _ []string, _ store.Writer, _ time.Duration) error {
	return s.ready(ctx)
}

// Settle implements [store.Store]. It reports no lost marks, since nothing depends on them.
func (s *Store) Settle(ctx context.Context, _ []string, _ store.Writer, _ time.Duration) error {
	return s.ready(ctx)
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, _ []string, _ store.Writer) error { return s.ready(ctx) }

// Close implements [store.Store].
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}
