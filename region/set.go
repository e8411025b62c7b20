package region

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// Begun is the moment from which on a value is made: it holds what the tables and tags of [Region.Begin] were at then. It is
// safe for concurrent use, and for several values.
type Begun = engine.Begun

// Begin notes what the tables and tags are at that WithTables and WithTags name. A value that is read after Begin and
// stored with [From] is dropped by each write that commits after Begin, also by one that commits before the value is
// stored:
//
//	b, err := r.Begin(ctx, region.WithTables("users"))
//	…
//	user := …                                  // read it
//	err = region.Set(ctx, r, "user 5", user, region.From(b))
//
// The error is the store's.
func (r *Region) Begin(ctx context.Context, opts ...Option) (*Begun, error) {
	if err := r.usable("Region.Begin"); err != nil {
		return nil, err
	}
	var o valueOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return r.engine.Begin(ctx, r.dependsOn(&o))
}

// From stores a value under what [Region.Begin] has noted.
func From(b *Begun) Option { return func(o *valueOptions) { o.begun = b } }

// Set stores a value under key, whatever is there, and defeats loads that began before. It depends on nothing but the
// region: no write to a table drops it, unless it is stored with [From]. So WithTables and WithTags alone are an error.
//
// It takes WithTTL, WithTTLFunc, WithCacheIf, From and In. The error is the store's, the codec's, or [ErrNotStored].
func Set[T any](ctx context.Context, r *Region, key string, value T, opts ...Option) error {
	if err := r.usable("Set"); err != nil {
		return err
	}
	o, err := r.storing(ctx, "Set", opts)
	if err != nil {
		return err
	}
	put, ok, err := r.put(key, value, o)
	if err != nil || !ok {
		return err
	}
	return r.engine.Put(ctx, o.begun, []engine.Put{put})
}

// SetMulti stores values under their keys, in one round trip if the store can. If some can't be encoded the others are
// stored, and the error is a [*KeysError]. It is [Set] otherwise.
func SetMulti[T any](ctx context.Context, r *Region, values map[string]T, opts ...Option) error {
	if err := r.usable("SetMulti"); err != nil {
		return err
	}
	o, err := r.storing(ctx, "SetMulti", opts)
	if err != nil {
		return err
	}
	errs := map[string]error{}
	puts := make([]engine.Put, 0, len(values))
	for key, value := range values {
		put, ok, err := r.put(key, value, o)
		switch {
		case err != nil:
			errs[key] = err
		case ok:
			puts = append(puts, put)
		}
	}
	if len(puts) > 0 {
		if err := r.engine.Put(ctx, o.begun, puts); err != nil {
			for key := range values {
				if errs[key] == nil {
					errs[key] = err
				}
			}
		}
	}
	if len(errs) > 0 {
		return &KeysError{Errs: errs}
	}
	return nil
}

// storing returns the options of a call that stores what was made by hand.
func (r *Region) storing(ctx context.Context, name string, opts []Option) (*valueOptions, error) {
	o := new(valueOptions)
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	switch {
	case o.begun == nil && o.names():
		return nil, fault.Errorf("region.%s: WithTables and WithTags say what the value depends on, but it may have changed since the value "+
			"was read: call r.Begin with them before that, and pass region.From", name)
	case o.begun != nil && !o.begun.Of(r.engine):
		return nil, fault.Errorf("region.%s: From holds what was begun in another region: call Begin of region %q", name, r.Name())
	case o.begun != nil && !o.begun.Covers(r.dependsOn(o)):
		return nil, fault.Errorf("region.%s: WithTables or WithTags names what r.Begin was not called with: name it there", name)
	}
	return o, o.refused(ctx)
}

// put is a value to be stored; ok is false for one that is not to be.
func (r *Region) put(key string, value any, o *valueOptions) (_ engine.Put, ok bool, err error) {
	payload, err := r.encode(value)
	if err != nil {
		return engine.Put{}, false, err
	}
	stored, of := r.storeKey(key)
	return engine.Put{Key: stored, Payload: of.mark(payload), TTL: o.lives(value)}, r.keeps(key, value, o), nil
}

// encode is marshal for a value that is stored by hand: one that can't be is an error.
func (r *Region) encode(value any) ([]byte, error) {
	payload, err := r.marshal(value)
	if err == nil {
		err = r.tooLarge(payload)
	}
	if err != nil {
		return nil, fault.Errorf("the value can't be stored: %w", err)
	}
	return payload, nil
}

// Delete removes values, and defeats the loads of them that began before: what these made is not stored. It takes effect at
// once, also in a transaction. Keys without a value are no error. The error is the store's.
//
// What is removed leaves a tombstone for as long as a load may last: HardTimeout, or ten minutes.
func (r *Region) Delete(ctx context.Context, keys ...string) error {
	if err := r.usable("Region.Delete"); err != nil {
		return err
	}
	stored := make([]string, len(keys))
	for n, key := range keys {
		stored[n], _ = r.storeKey(key)
	}
	return r.engine.Delete(ctx, stored)
}

// Touch gives the value under key another TTL, counted from now; 0 stands for the region's. The value stays as old as it
// is, and keeps its version. Without a value it is [ErrCacheMiss]; it is [ErrConflict] if others change the value all the time.
func (r *Region) Touch(ctx context.Context, key string, ttl time.Duration) error {
	if err := r.usable("Region.Touch"); err != nil {
		return err
	}
	stored, of := r.storeKey(key)
	return r.engine.Change(ctx, &engine.Change{Key: stored, Tries: tries, TTL: max(ttl, 0), Decide: func(old *engine.Value) (engine.Next, error) {
		if of.owned(old) == nil {
			return engine.Next{}, ErrCacheMiss
		}
		return engine.Next{Same: true}, nil
	}})
}

// decode reads a value. One that can't be read counts as none.
func decode[T any](r *Region, of owner, old *engine.Value) (v T, ok bool) {
	if old == nil {
		return v, false
	}
	if err := r.unmarshal(of, old.Entry.Payload, &v); err != nil {
		r.engine.Rejected()
		return *new(T), false
	}
	return v, true
}
