package engine

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// apart is a store whose entries live in one store and whose tags in another: that of a region with a store of its own.
// Everything that may change a tag reaches the store of the tags alone, so an invalidation need not know of the other,
// and the other may lose what it has, or bring back what is old: an entry carries tokens, and the tags decide.
type apart struct {
	store.Store             // of the tags
	entries     store.Store // behind a breaker of its own
}

var (
	_ store.Batch = (*apart)(nil)
	_ store.Layer = (*apart)(nil)
)

// Lookup reads the entries first, and the tags when all entries are there, as [store.Store] wants it of several:
//
//	reader:  tags (old tokens) ............ entry (filled under old tokens)   hit: stale!
//	writer:            COMMIT, new tokens
//
// The other way round the tags are at least as new as the moment at which the reader had the entry.
func (a *apart) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	if len(l.Keys) > 0 {
		own := store.Lookup{Keys: l.Keys, Values: l.Values}
		if err := a.entries.Lookup(ctx, &own); err != nil {
			return ofRegion(err)
		}
		l.Values = own.Values
	}
	if len(l.Tags) == 0 {
		return nil
	}
	tags := store.Lookup{Tags: l.Tags, States: l.States}
	if err := a.Store.Lookup(ctx, &tags); err != nil {
		clear(l.Values)
		return err
	}
	l.States = tags.States
	return nil
}

// Set implements [store.Store].
func (a *apart) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return ofRegion(a.entries.Set(ctx, key, value, ttl))
}

// SetAll implements [store.Batch].
func (a *apart) SetAll(ctx context.Context, entries []store.Entry) error {
	return ofRegion(store.SetAll(ctx, a.entries, entries))
}

// Delete implements [store.Store].
func (a *apart) Delete(ctx context.Context, keys ...string) error {
	return ofRegion(a.entries.Delete(ctx, keys...))
}

// Swapper implements [store.Layer]: entries are compared where they are.
func (a *apart) Swapper() store.Swapper { return store.SwapperOf(a.entries) }

// Claimer implements [store.Layer]: those who share the entries agree on who loads them.
func (a *apart) Claimer() store.Claimer { return store.ClaimerOf(a.entries) }

// Stop ends the probes of the breaker before the entries. That of the tags belongs to the engine of the other regions.
func (a *apart) Stop() {
	if breaker, ok := a.entries.(interface{ Stop() }); ok {
		breaker.Stop()
	}
}

// Close implements [store.Store]. Both stores belong to others.
func (a *apart) Close() error {
	a.Stop()
	return nil
}

// ofRegion says which of the two stores has failed.
func ofRegion(err error) error {
	if err == nil {
		return nil
	}
	return fault.Errorf("the region's own store: %w", err)
}

// apart makes a region whose entries live in a store of their own. It has an engine of its own, so that nothing that
// reads and loads need ask where entries are.
func (e *Engine) apart(name string, policy Policy, entries store.Store) *Region {
	cfg := e.cfg
	cfg.Store, cfg.ReadTimeout = &apart{e.cfg.Store, entries}, e.cfg.StoresTimeout
	cfg.Regions, cfg.Stores = map[string]Policy{name: policy}, nil
	own := New(cfg)
	e.others = append(e.others, own)
	return own.regions[name]
}
