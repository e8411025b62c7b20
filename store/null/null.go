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
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// Store is a [store.Store] that keeps nothing. It is safe for concurrent use.
type Store struct {
	closed atomic.Bool
	// tags has the marks of this process, and the epochs. Were an epoch evicted too, each read would take the schema for
	// changed, and read the catalog.
	tags *memory.Store
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Batch   = (*Store)(nil)
	_ store.Swapper = (*Store)(nil)
)

// New returns a store that keeps nothing.
func New() *Store { return &Store{tags: memory.New(memory.MaxBytes(1))} }

func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Lookup implements [store.Store]: there are no entries, and no tags but epochs.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	if err := s.tags.Lookup(ctx, l); err != nil {
		return err
	}
	for i, tag := range l.Tags {
		if !store.IsEpoch(tag) {
			l.States[i] = store.State{}
		}
	}
	return nil
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

// Tokens implements [store.Store]. It gives each tag but epochs a token that no later call gives again, so no two reads
// share what one of them asks the database: another process may have written between the two.
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	err := s.tags.Tokens(ctx, tags, states)
	for i, tag := range tags {
		if err == nil && !store.IsEpoch(tag) {
			states[i].Token = store.NewToken()
		}
	}
	return err
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.tags.Mark(ctx, tags, writer, grace)
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	return s.tags.Settle(ctx, tags, writer, linger)
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.tags.Unmark(ctx, tags, writer)
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.closed.Store(true)
	return s.tags.Close()
}
