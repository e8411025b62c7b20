package region

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
)

// Get returns the value under key, or an error that is [ErrCacheMiss], also where the store has failed. nil, zero and
// empty are values.
//
// It takes WithMaxAge, WithStale, WithTouch and In. What the value depends on need not be named.
func Get[T any](ctx context.Context, r *Region, key string, opts ...Option) (T, error) {
	c, err := newSingle[T](ctx, r, "Get", key, opts)
	if err != nil {
		return *new(T), err
	}
	c.read(ctx)
	return c.value, c.err
}

// GetOr returns the value under key, or otherwise if there is none. It takes the options of [Get].
func GetOr[T any](ctx context.Context, r *Region, key string, otherwise T, opts ...Option) T {
	if v, err := Get[T](ctx, r, key, opts...); err == nil {
		return v
	}
	return otherwise
}

// GetMulti returns the values under keys, in one round trip. Keys without a value are absent. Its error is the context's,
// or that of a store that has failed: there may be values all the same. It takes the options of [Get].
func GetMulti[T any](ctx context.Context, r *Region, keys []string, opts ...Option) (map[string]T, error) {
	entries, err := lookupMulti[T](ctx, r, "GetMulti", keys, false, opts)
	values := make(map[string]T, len(entries))
	for key, e := range entries {
		values[key] = e.Value
	}
	return values, err
}

// Version tells the values apart that were under a key: it is another after each write, also of an equal value.
type Version = [8]byte

// Entry is a value, and what the cache knows of it.
type Entry[T any] struct {
	Key   string
	Value T
	// Created is when the value was stored, by the clock of the machine that did it.
	Created time.Time
	// Age is how long ago that was.
	Age time.Duration
	// TTL is how long it may still be served; [NoExpiration] for ever. 0 if it is stale.
	TTL time.Duration
	// Stale reports whether it is past its TTL.
	Stale bool
	// Version is what [CompareAndSwap] compares.
	Version Version
}

func (e *Entry[T]) describe(v *engine.Value) {
	e.Created, e.Age, e.Stale, e.Version = time.UnixMilli(v.Entry.Created), v.Age, v.Stale, v.Entry.Version
	switch {
	case v.Entry.Fresh == 0:
		e.TTL = NoExpiration
	default:
		e.TTL = max(v.Entry.Fresh-v.Age, 0)
	}
}

// Lookup returns the value under key with its age, what is left of its TTL, and its version. It is [Get] otherwise.
func Lookup[T any](ctx context.Context, r *Region, key string, opts ...Option) (Entry[T], error) {
	c, err := newSingle[T](ctx, r, "Lookup", key, opts)
	if err != nil {
		return Entry[T]{}, err
	}
	e := Entry[T]{Key: key}
	c.entry, c.Exact = &e, true
	c.read(ctx)
	if c.err != nil {
		return Entry[T]{}, c.err
	}
	e.Value = c.value
	return e, nil
}

// LookupMulti does for several keys what [Lookup] does for one. It is [GetMulti] otherwise.
func LookupMulti[T any](ctx context.Context, r *Region, keys []string, opts ...Option) (map[string]Entry[T], error) {
	return lookupMulti[T](ctx, r, "LookupMulti", keys, true, opts)
}

func lookupMulti[T any](ctx context.Context, r *Region, name string, keys []string, exact bool, opts []Option) (map[string]Entry[T], error) {
	c, err := newMulti[T](ctx, r, name, keys, opts)
	if err != nil {
		return nil, err
	}
	c.Mode, c.Exact = OnlyIfCached, exact
	c.r.engine.Values(ctx, &c.Values)
	c.touch(ctx)
	for _, key := range c.keys {
		if err := c.errs[key]; err != nil && err != ErrCacheMiss { //nolint:errorlint // one that wraps more is a failure
			return c.out, missReason(err)
		}
	}
	return c.out, ctx.Err()
}

// missReason takes the reasons that are no failures off an error.
func missReason(err error) error {
	var m *engine.MissError
	if errors.As(err, &m) && m.Err == nil {
		return nil
	}
	return err
}

// single is a read of one value.
type single[T any] struct {
	engine.Values
	r      *Region
	o      valueOptions
	key    [1]string // as the application calls it
	stored [1]string // as the store does
	of     owner
	create func(context.Context) (T, error)
	value  T
	entry  *Entry[T] // what is to be described, if anything
	err    error
}

// newSingle returns the read of one value that makes none.
func newSingle[T any](ctx context.Context, r *Region, name, key string, opts []Option) (*single[T], error) {
	if err := r.usable(name); err != nil {
		return nil, err
	}
	c := &single[T]{r: r, key: [1]string{key}}
	for _, opt := range opts {
		if opt != nil {
			opt(&c.o)
		}
	}
	c.stored[0], c.of = r.storeKey(key)
	r.ask(ctx, &c.Values, &c.o)
	c.Keys, c.Caller = c.stored[:], c
	return c, nil
}

// ask fills in what the options say of a read.
func (r *Region) ask(ctx context.Context, v *engine.Values, o *valueOptions) {
	v.Tags, v.Mode, v.TTL, v.MaxAge, v.Old = r.dependsOn(o), o.mode, max(o.ttl, 0), o.maxAge, o.stale
	if t := o.within(ctx); t != nil {
		v.Inside = t.state
	}
}

// read runs a read that makes no value.
func (c *single[T]) read(ctx context.Context) {
	c.Mode = OnlyIfCached
	c.r.engine.Values(ctx, &c.Values)
	if c.err == nil && c.o.touch > 0 {
		_ = c.r.Touch(ctx, c.key[0], c.o.touch) // the caller has its value; the store's error is counted
	}
}

// Take implements [engine.Caller], as the methods after it do.
func (c *single[T]) Take(_ int, v *engine.Value) error {
	if v.Entry.Payload == nil { // this caller has made it
		c.value, _ = v.Rest.(T)
		return nil
	}
	if err := c.r.unmarshal(c.of, v.Entry.Payload, &c.value); err != nil {
		c.value = *new(T)
		return err
	}
	if c.entry != nil {
		c.entry.describe(v)
	}
	return nil
}

func (c *single[T]) Absent(_ int, payload []byte) error {
	_, err := c.of.value(payload)
	if err == nil {
		c.err = ErrCacheMiss
	}
	return err
}

func (c *single[T]) Fail(_ int, err error) { c.err = err }

func (c *single[T]) Make(ctx context.Context, _ []int, encode bool) []engine.Made {
	v, err := c.create(c.o.enter(ctx))
	if err != nil {
		return []engine.Made{{Err: err}}
	}
	return []engine.Made{c.r.made(c.key[0], c.of, v, &c.o, encode)}
}

func (c *single[T]) Later() engine.Caller {
	if c.create == nil {
		return nil
	}
	return &single[T]{r: c.r, o: c.o, key: c.key, of: c.of, create: c.create}
}

// usable returns the error for a handle that no plugin has made.
func (r *Region) usable(name string) error {
	if r == nil || r.engine == nil {
		return errors.New("gormcache: region." + name + ": the region is nil: take it from Plugin.Region, and look at its error")
	}
	return nil
}
