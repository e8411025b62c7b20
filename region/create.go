package region

import (
	"context"
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// GetOrCreate returns the value under key, and makes it with create if it is not cached. Callers of
// one process that ask for the same key meanwhile wait for one create, each until its own context
// ends, and each gets a value of its own. The error is create's, the context's or [ErrCacheMiss]; errors
// are not cached. After Plugin.Close every call makes the value with create.
//
// T is encoded as serializer.Marshal does, or by the region's Codec: a value it cannot encode is returned, and not
// cached. The value returned by a miss has gone through the same bytes as that of a hit. A value that can't be decoded
// into T, since T has changed, is made anew.
//
// A value is not stored if it was Set or Deleted, or if a table or tag that the options name was written to, since before
// create began. What create reads must be committed and not lag: outside transactions, or with [In], and from
// dbresolver's source (dbresolver.Write) unless Config.ReplicaLag is set. create may use the region, but for the value that
// it makes: that is [ErrOwnKey].
//
// The idea is get_or_create of Python's dogpile.cache.
func GetOrCreate[T any](ctx context.Context, r *Region, key string, create func(context.Context) (T, error), opts ...Option) (T, error) {
	c, err := newSingle[T](ctx, r, "GetOrCreate", key, opts)
	if err == nil && create == nil {
		err = errors.New("gormcache: region.GetOrCreate: create is nil: pass the function that makes the value")
	}
	if err != nil {
		return *new(T), err
	}
	c.create = create
	c.r.engine.Values(ctx, &c.Values)
	if c.err == nil && c.o.touch > 0 {
		_ = r.Touch(ctx, key, c.o.touch)
	}
	return c.value, c.err
}

// GetOrCreateMulti returns the values under keys, and makes those that are not cached in one call of create. Of the keys
// that others of this process are making it waits for theirs. Keys that create leaves out have no value: they are absent
// from the result, and remembered as absent for the region's NegativeTTL.
//
// If create returns a [*KeysError], these keys alone have failed; any other error is that of all keys it was called
// with. Then the result holds the other values, and the error is a [*KeysError]. Otherwise it is [GetOrCreate].
func GetOrCreateMulti[T any](ctx context.Context, r *Region, keys []string, create func(ctx context.Context, missing []string) (map[string]T, error), opts ...Option) (map[string]T, error) {
	c, err := newMulti[T](ctx, r, "GetOrCreateMulti", keys, opts)
	if err == nil && create == nil {
		err = errors.New("gormcache: region.GetOrCreateMulti: create is nil: pass the function that makes the values")
	}
	if err != nil {
		return nil, err
	}
	c.create, c.Negative = create, true
	c.r.engine.Values(ctx, &c.Values)
	c.touch(ctx)
	values := make(map[string]T, len(c.out))
	for key, e := range c.out {
		values[key] = e.Value
	}
	if c.o.mode == OnlyIfCached {
		for key, err := range c.errs {
			if err == ErrCacheMiss || missReason(err) == nil { //nolint:errorlint // as with GetMulti
				delete(c.errs, key)
			}
		}
	}
	if len(c.errs) > 0 {
		return values, &KeysError{Errs: c.errs}
	}
	return values, nil
}

// multi is a read of several values.
type multi[T any] struct {
	engine.Values
	r      *Region
	o      valueOptions
	keys   []string // as the application calls them, in the order of Values.Keys
	of     []owner
	create func(context.Context, []string) (map[string]T, error)
	out    map[string]Entry[T]
	errs   map[string]error
}

// newMulti returns the read of several values that makes none.
func newMulti[T any](ctx context.Context, r *Region, name string, keys []string, opts []Option) (*multi[T], error) {
	if err := r.usable(name); err != nil {
		return nil, err
	}
	c := &multi[T]{r: r, out: make(map[string]Entry[T], len(keys))}
	for _, opt := range opts {
		if opt != nil {
			opt(&c.o)
		}
	}
	r.ask(ctx, &c.Values, &c.o)
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			stored, of := r.storeKey(key)
			c.keys, c.Keys, c.of = append(c.keys, key), append(c.Keys, stored), append(c.of, of)
		}
	}
	c.Caller = c
	return c, nil
}

// touch gives the values that were read another TTL, if the caller wants that.
func (c *multi[T]) touch(ctx context.Context) {
	if c.o.touch <= 0 {
		return
	}
	for key := range c.out {
		_ = c.r.Touch(ctx, key, c.o.touch)
	}
}

// Take implements [engine.Caller], as the methods after it do.
func (c *multi[T]) Take(at int, v *engine.Value) error {
	e := Entry[T]{Key: c.keys[at]}
	if v.Entry.Payload == nil { // this caller has made it
		e.Value, _ = v.Rest.(T)
	} else if err := c.r.unmarshal(c.of[at], v.Entry.Payload, &e.Value); err != nil {
		return err
	}
	e.describe(v)
	c.out[e.Key] = e
	return nil
}

func (c *multi[T]) Absent(at int, payload []byte) error {
	_, err := c.of[at].value(payload)
	return err
}

func (c *multi[T]) Fail(at int, err error) {
	if c.errs == nil {
		c.errs = map[string]error{}
	}
	c.errs[c.keys[at]] = err
}

func (c *multi[T]) Make(ctx context.Context, missing []int, encode bool) []engine.Made {
	keys, all := make([]string, len(missing)), make([]engine.Made, len(missing))
	for n, at := range missing {
		keys[n] = c.keys[at]
	}
	values, err := c.create(c.o.enter(ctx), append([]string(nil), keys...))
	var some *KeysError
	byKey := errors.As(err, &some)
	if byKey && some == nil { // a nil pointer in an error
		err, byKey = nil, false
	}
	for n, key := range keys {
		v, ok := values[key]
		switch {
		case byKey && some.Errs[key] != nil:
			all[n].Err = some.Errs[key]
		case err != nil && !byKey:
			all[n].Err = err
		case !ok:
			all[n].Absent, all[n].Payload = true, c.of[missing[n]].mark(nil)
		default:
			all[n] = c.r.made(key, c.of[missing[n]], v, &c.o, encode)
		}
	}
	return all
}

func (c *multi[T]) Later() engine.Caller {
	if c.create == nil {
		return nil
	}
	return &multi[T]{r: c.r, o: c.o, keys: c.keys, of: c.of, create: c.create, out: map[string]Entry[T]{}}
}

// made is a value as the engine takes it.
func (r *Region) made(key string, of owner, v any, o *valueOptions, encode bool) engine.Made {
	m := engine.Made{Rest: v, Private: !r.keeps(key, v, o), TTL: o.lives(v)}
	if !encode {
		return m
	}
	var err error
	if m.Payload, err = r.marshal(v); err != nil {
		m.Payload, m.Reason, m.Detail = nil, observe.Unencodable, fault.Text(err)
	}
	if err := r.tooLarge(m.Payload); err != nil {
		m.Reason, m.Detail = observe.TooLarge, fault.Text(err)
	}
	if m.Payload != nil {
		m.Payload = of.mark(m.Payload)
	}
	return m
}

// marshal encodes a value. A codec that gives no bytes at all gives empty ones.
func (r *Region) marshal(v any) ([]byte, error) {
	b, err := r.codec().Marshal(v)
	if err == nil && b == nil {
		b = []byte{}
	}
	return b, err
}

// tooLarge is the error for a value beyond the region's MaxBytes.
func (r *Region) tooLarge(payload []byte) error {
	if most := r.engine.Policy().MaxBytes; most > 0 && len(payload) > most {
		return fault.Errorf("%w: %d bytes, and MaxBytes is %d", serializer.ErrTooLarge, len(payload), most)
	}
	return nil
}
