package engine

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// How long a value that was written or deleted by hand is remembered, to defeat the loads that began before.
const (
	// tombstoneTTL is for a Delete: longer than a load may last that is to be stored.
	tombstoneTTL = 10 * time.Minute
	// shortMemory is for a Set, whose value may expire sooner than a load ends.
	shortMemory = time.Minute
)

// memory is how long a load may last that is to be stored.
func (r *Region) memory() time.Duration {
	if hard := r.policy.HardTimeout; hard > 0 {
		return min(hard, tombstoneTTL)
	}
	return tombstoneTTL
}

// fillTime is how long it may take to store what was loaded: three tries, each a lookup and a swap.
func (r *Region) fillTime() time.Duration { return plus(6*r.engine.cfg.WriteTimeout, time.Second) }

// note is a value, or what stands for one, with all that an entry keeps of it.
type note struct {
	Tags    []string // beyond the region's
	Tokens  []byte   // of the region's tags, and of these
	Payload []byte
	Kind    entry.Kind
	TTL     time.Duration // NoExpiration: for ever
	Cost    time.Duration
	ByHand  bool // it has to outlive loads that began before
	// Created and Version are those of the entry that it takes the place of, if it is the same value.
	Created int64
	Version [entry.VersionSize]byte
}

// entry is what is stored of a note.
func (r *Region) entry(key string, n *note) (store.Entry, error) {
	now := time.Now().UnixMilli()
	env := entry.Envelope{Created: now, Fresh: n.TTL, Kind: n.Kind, Tokens: n.Tokens, Cost: n.Cost, Version: n.Version}
	stored := store.Entry{Key: key, TTL: r.life(n.TTL)}
	if n.TTL == NoExpiration {
		env.Fresh, stored.TTL = 0, 0
	}
	switch {
	case n.Kind == entry.KindGone:
		stored.TTL = plus(r.memory(), r.fillTime())
	case n.ByHand && stored.TTL != 0:
		stored.TTL = max(stored.TTL, plus(min(r.memory(), shortMemory), r.fillTime()))
	}
	if n.Created != 0 {
		env.Created = n.Created
		if env.Fresh != 0 {
			env.Fresh = plus(env.Fresh, time.Duration(max(now-n.Created, 0))*time.Millisecond)
		}
	}
	if env.Version == ([entry.VersionSize]byte{}) {
		env.Version = entry.NewVersion()
	}
	if n.Kind != entry.KindGone {
		env.Payload = append(appendTags(make([]byte, 0, len(n.Payload)+1), n.Tags), n.Payload...)
	}
	var err error
	stored.Value, err = entry.Append(make([]byte, 0, env.Size()), key, &env)
	return stored, err
}

// life is how long the store keeps an entry that is fresh for ttl.
func (r *Region) life(ttl time.Duration) time.Duration {
	return plus(ttl, r.policy.keeps())
}

// plus adds durations that may be as long as can be.
func plus(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return NoExpiration - 1
}

// swapper is the check-and-set of the region's store; nil if it has none.
func (r *Region) swapper() store.Swapper { return store.SwapperOf(r.engine.cfg.Store) }

// call makes a call of the store for somebody who wants it done.
func (e *Engine) call(ctx context.Context, op string, call func(context.Context) error) error {
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := call(budget)
	if err != nil {
		e.storeError(ctx, op, err)
	}
	return err
}

// swapFills stores what was loaded, and returns how many values the store has taken. Where the value was only touched
// meanwhile, so that it is the same with another TTL, the load wins after all.
func (r *Region) swapFills(ctx context.Context, swaps []store.Swap, seen []sight) (done int) {
	e, s := r.engine, r.swapper()
	if s == nil {
		e.noSwap.Do(func() {
			e.cfg.Logger.WarnContext(ctx, "gormcache: the store has no check-and-set, so a load may store what a Set or Delete has replaced meanwhile: implement store.Swapper")
		})
		entries := make([]store.Entry, len(swaps))
		for n, w := range swaps {
			entries[n] = store.Entry{Key: w.Key, Value: w.Value, TTL: w.TTL}
		}
		if !e.put(ctx, entries) {
			return 0
		}
		return len(entries)
	}
	for range 3 {
		if e.call(ctx, "swap", func(ctx context.Context) error { return s.Swap(ctx, swaps) }) != nil {
			return done
		}
		var again []store.Swap
		var l store.Lookup
		var left []sight
		for n := range swaps {
			switch {
			case swaps[n].Done:
				done++
			case swaps[n].Old != nil:
				again, left, l.Keys = append(again, swaps[n]), append(left, seen[n]), append(l.Keys, swaps[n].Key)
			}
		}
		if len(again) == 0 || e.call(ctx, "lookup", func(ctx context.Context) error { return e.cfg.Store.Lookup(ctx, &l) }) != nil {
			return done
		}
		swaps, seen = swaps[:0], seen[:0]
		for n, w := range again {
			var env entry.Envelope
			if raw := l.Values[n]; raw != nil && env.Decode(w.Key, raw) == nil && identity(raw, &env) == left[n].id {
				w.Old = raw
				swaps, seen = append(swaps, w), append(seen, left[n])
			}
		}
		if len(swaps) == 0 {
			return done
		}
	}
	return done
}

// Begun is what a value depends on that is made from now on.
type Begun struct {
	region *Region
	tags   []string // beyond the region's
	tokens []byte
	why    *MissError // nothing can be stored under it
}

// Tags are the tags beyond the region's.
func (b *Begun) Tags() []string { return b.tags }

// Covers reports whether all of some tags, as [Region.Tags] gives them, are among those that were noted.
func (b *Begun) Covers(tags []string) bool { return covers(b.tags, tags[len(b.region.base):]) }

// Rejected counts an entry whose value can't be decoded.
func (r *Region) Rejected() { r.engine.cfg.Recorder.Rejected() }

// Of reports whether it was begun in the region.
func (b *Begun) Of(r *Region) bool { return b.region == r }

// NotStoredError says why a value was not stored, where nothing has failed.
type NotStoredError struct{ Detail string }

// ErrNotStored is what every [NotStoredError] is.
var ErrNotStored = errors.New("gormcache: the value was not stored")

// Error says why.
func (e *NotStoredError) Error() string { return ErrNotStored.Error() + ": " + e.Detail }

// Is reports whether target is [ErrNotStored].
func (e *NotStoredError) Is(target error) bool { return target == ErrNotStored }

// Begin takes the tokens of tags, and of those of the region. The error is the store's.
func (r *Region) Begin(ctx context.Context, tags []string) (*Begun, error) {
	e, b := r.engine, &Begun{region: r, tags: tags[len(r.base):]}
	switch {
	case e.Closed():
		b.why = &MissError{Detail: closed}
		return b, nil
	case e.cfg.Blocked != nil && e.cfg.Blocked(tags):
		b.why = &MissError{Detail: pending}
		return b, nil
	}
	l := store.Lookup{Tags: tags}
	if err := e.states(ctx, &l); err != nil {
		return nil, err
	}
	if !r.storable(l.States) {
		b.why = &MissError{Detail: marked(e.cfg.Namespace, l.Tags, l.States)}
	}
	b.tokens = appendTokens(nil, l.States)
	tier.Of(ctx).Drop() // what the request has read before must not become part of what is stored under them
	return b, nil
}

// states looks up what l asks for, and makes tags whole where it can.
func (e *Engine) states(ctx context.Context, l *store.Lookup) error {
	err := e.call(ctx, "lookup", func(ctx context.Context) error { return e.cfg.Store.Lookup(ctx, l) })
	if err == nil && !clean(l.States) {
		err = e.call(ctx, "tokens", func(ctx context.Context) error { return e.cfg.Store.Tokens(ctx, l.Tags, l.States) })
	}
	if err != nil {
		return fault.Errorf("the store failed: %w", err)
	}
	e.learn(l.States)
	return nil
}

// Put is a value to be stored whatever is there.
type Put struct {
	Key     string
	Payload []byte
	TTL     time.Duration // takes the place of the region's, if positive
}

// Put stores values that depend on what was begun; on the region alone if that is nil. The error is the store's, or a
// [NotStoredError].
func (r *Region) Put(ctx context.Context, b *Begun, puts []Put) error {
	if b == nil {
		var err error
		if b, err = r.Begin(ctx, r.base); err != nil {
			return err
		}
	}
	if b.why != nil {
		return &NotStoredError{Detail: b.why.Detail}
	}
	entries := make([]store.Entry, 0, len(puts))
	for _, p := range puts {
		n := note{Tags: b.tags, Tokens: b.tokens, Payload: p.Payload, Kind: entry.KindValue, TTL: r.ttl(p.TTL, false), ByHand: true}
		e, err := r.entry(p.Key, &n)
		if err != nil {
			return fault.Errorf("%w", err)
		}
		entries = append(entries, e)
	}
	if err := r.setAll(ctx, entries); err != nil {
		return err
	}
	r.filled(nil, len(entries))
	return nil
}

// Delete puts tombstones in the place of values: they are gone, and so is what loads that began before would store.
func (r *Region) Delete(ctx context.Context, keys []string) error {
	entries := make([]store.Entry, 0, len(keys))
	for _, key := range keys {
		e, err := r.entry(key, &note{Kind: entry.KindGone, TTL: r.memory()})
		if err != nil {
			return fault.Errorf("%w", err)
		}
		entries = append(entries, e)
	}
	return r.setAll(ctx, entries)
}

func (r *Region) setAll(ctx context.Context, entries []store.Entry) error {
	e := r.engine
	if len(entries) == 0 {
		return nil
	}
	defer tier.Of(ctx).Drop()
	err := e.call(ctx, "set", func(ctx context.Context) error {
		if len(entries) == 1 {
			return e.cfg.Store.Set(ctx, entries[0].Key, entries[0].Value, entries[0].TTL)
		}
		return store.SetAll(ctx, e.cfg.Store, entries)
	})
	if err != nil {
		return fault.Errorf("the store failed: %w", err)
	}
	return nil
}
