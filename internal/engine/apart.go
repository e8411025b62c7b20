package engine

import (
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// apart is a store whose entries live in one store and whose tags in another: that of a region with a store of its own.
// Everything that may change a tag reaches the store of the tags alone, so an invalidation need not know of the other.
//
// The other may lose what it has, or bring back what is old: a value that was deleted, where it starts again from a
// snapshot. The tags know nothing of that, so the store of the entries has one tag too, the anchor. Its token is another
// after such a start ([store.Store] of Redis sees to it), and is mixed into that of the region's tag, on which all entries
// depend.
type apart struct {
	store.Store             // of the tags
	entries     store.Store // behind a breaker of its own
	anchor      string      // the region's tag, in both stores
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
	own := store.Lookup{Keys: l.Keys, Values: l.Values}
	at := slices.Index(l.Tags, a.anchor)
	if at >= 0 {
		own.Tags = l.Tags[at : at+1]
	}
	if len(l.Keys) > 0 || at >= 0 {
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
	if at >= 0 {
		mix(&l.States[at], own.States[0])
	}
	return nil
}

// Tokens implements [store.Store]: it makes the anchor too.
func (a *apart) Tokens(ctx context.Context, tags []string, states []store.State) error {
	var own [1]store.State
	at := slices.Index(tags, a.anchor)
	if at >= 0 {
		if err := a.entries.Tokens(ctx, tags[at:at+1], own[:]); err != nil {
			return ofRegion(err)
		}
	}
	if err := a.Store.Tokens(ctx, tags, states); err != nil || at < 0 {
		return err
	}
	mix(&states[at], own[0])
	return nil
}

// mix makes the state of the region's tag depend on the anchor.
func mix(state *store.State, anchor store.State) {
	state.Known = state.Known && anchor.Known
	for i := range state.Token {
		state.Token[i] ^= anchor.Token[i]
	}
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
	cfg.Store, cfg.ReadTimeout = &apart{e.cfg.Store, entries, e.cfg.Namespace.Region(name)}, e.cfg.StoresTimeout
	cfg.Regions, cfg.Stores = map[string]Policy{name: policy}, nil
	own := New(cfg)
	e.others = append(e.others, own)
	return own.regions[name]
}
