package region

import (
	"context"
	"errors"
	"math"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// tries is how often a change is tried before it is an [ErrConflict].
const tries = 64

// Insert stores a value under key if there is none, and returns [ErrExists] otherwise. Of several callers one stores. It
// takes the options of [Set].
func Insert[T any](ctx context.Context, r *Region, key string, value T, opts ...Option) error {
	return replace(ctx, r, "Insert", key, value, opts, func(old *engine.Value) error {
		if old != nil {
			return ErrExists
		}
		return nil
	})
}

// Replace stores a value under key if there is one, and returns [ErrCacheMiss] otherwise. It takes the options of [Set].
func Replace[T any](ctx context.Context, r *Region, key string, value T, opts ...Option) error {
	return replace(ctx, r, "Replace", key, value, opts, func(old *engine.Value) error {
		if old == nil {
			return ErrCacheMiss
		}
		return nil
	})
}

// CompareAndSwap stores a value in the place of an entry that [Lookup] gave, and returns [ErrConflict] if the entry is no
// longer there or has another version. Only its Key and Version count, so these may have come a long way. The value
// depends on what the entry depended on, unless there is [From]. It takes the options of [Set].
func CompareAndSwap[T any](ctx context.Context, r *Region, seen Entry[T], value T, opts ...Option) error {
	return replace(ctx, r, "CompareAndSwap", seen.Key, value, opts, func(old *engine.Value) error {
		if old == nil || old.Entry.Version != seen.Version {
			return ErrConflict
		}
		return nil
	})
}

func replace[T any](ctx context.Context, r *Region, name, key string, value T, opts []Option, check func(old *engine.Value) error) error {
	if err := r.usable(name); err != nil {
		return err
	}
	o, err := r.storing(ctx, name, opts)
	if err != nil {
		return err
	}
	put, ok, err := r.put(key, value, o)
	if err != nil {
		return err
	}
	_, of := r.storeKey(key)
	c := &engine.Change{Key: put.Key, Begun: o.begun, TTL: put.TTL, Tries: tries, Tags: r.engine.Tags()}
	if name == "CompareAndSwap" {
		c.Tags = nil // those of the entry
	}
	c.Decide = func(old *engine.Value) (engine.Next, error) {
		err := check(of.owned(old))
		return engine.Next{Payload: put.Payload, None: !ok}, err
	}
	return r.engine.Change(ctx, c)
}

// Update changes the value under key to what change makes of it: ok is false if there is none. If others have changed it
// meanwhile, change is called again with what is there then, so it must have no other effect. After many tries in vain
// the error is [ErrConflict]. An error of change passes through, and leaves the value as it is.
//
// The value depends on the tables and tags that the options name; without these on those of the old one. It takes
// WithTables, WithTags, WithTTL, WithTTLFunc, WithCacheIf, From and In. A value that was read from the database in change
// may depend on its tables: Update notes what these are at before it calls change.
func Update[T any](ctx context.Context, r *Region, key string, change func(old T, ok bool) (T, error), opts ...Option) (T, error) {
	return update(ctx, r, "Update", key, change, false, opts)
}

// update is [Update]; with ends a value keeps the moment at which the old one would have expired.
func update[T any](ctx context.Context, r *Region, name, key string, change func(old T, ok bool) (T, error), ends bool, opts []Option) (T, error) {
	var zero T
	if err := r.usable(name); err != nil {
		return zero, err
	}
	if change == nil {
		return zero, errors.New("gormcache: region.Update: change is nil: pass the function that makes the new value from the old")
	}
	var o valueOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if err := o.refused(ctx); err != nil {
		return zero, err
	}
	var made T
	stored, of := r.storeKey(key)
	c := &engine.Change{Key: stored, Begun: o.begun, Tries: tries, Refused: func() error { return o.refused(ctx) }}
	if o.names() {
		c.Tags = r.dependsOn(&o)
	}
	c.Decide = func(old *engine.Value) (engine.Next, error) {
		was, ok := decode[T](r, of, old)
		v, err := change(was, ok)
		if err != nil {
			return engine.Next{}, err
		}
		made = v
		payload, err := r.encode(v)
		return engine.Next{Payload: of.mark(payload), TTL: o.lives(v), Ends: ends && ok, None: err == nil && !r.keeps(key, v, &o)}, err
	}
	if err := r.engine.Change(ctx, c); err != nil {
		return zero, err
	}
	return made, nil
}

// Add adds n to the counter under key, a value of type int64, and returns what it is then. Of several who add nothing is
// lost. A counter that is not there starts from 0, unless there is WithExisting; WithFloor keeps it from falling below a
// number. The TTL, the region's or that of WithTTL, counts from the moment at which the counter was made, and adding does not
// prolong it: so a counter may count what happens within a minute. A sum that int64 can't hold is an error. It takes WithTTL,
// WithFloor, WithExisting and In.
func Add(ctx context.Context, r *Region, key string, n int64, opts ...Option) (int64, error) {
	var o valueOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return update(ctx, r, "Add", key, func(old int64, ok bool) (int64, error) {
		switch {
		case !ok && o.exists:
			return 0, ErrCacheMiss
		case n > 0 && old > math.MaxInt64-n, n < 0 && old < math.MinInt64-n:
			return 0, fault.Errorf("region.Add: %d and %d are more than an int64 holds", old, n)
		}
		sum := old + n
		if o.floor != nil {
			sum = max(sum, *o.floor)
		}
		return sum, nil
	}, true, opts)
}
