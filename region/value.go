package region

import (
	"context"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// Option changes one call of [GetOrCreate].
type Option func(*valueOptions)

type valueOptions struct {
	ttl    time.Duration
	tags   []string
	tables []string
	mode   Mode
}

// WithTTL takes the place of the region's TTL. It must be positive; other values are ignored.
func WithTTL(ttl time.Duration) Option { return func(o *valueOptions) { o.ttl = ttl } }

// WithTags adds tags of the user's own: invalidate.Tags drops the value.
func WithTags(tags ...string) Option {
	return func(o *valueOptions) { o.tags = append(o.tags, tags...) }
}

// WithTables names the tables that the value is made from: a write to one of them through GORM drops
// the value, as it does a query's rows.
func WithTables(tables ...string) Option {
	return func(o *valueOptions) { o.tables = append(o.tables, tables...) }
}

// WithMode sets how to treat what is cached.
func WithMode(m Mode) Option { return func(o *valueOptions) { o.mode = m } }

// GetOrCreate returns the value under key, and makes it with create if it is not cached. Callers of
// one process that ask for the same key meanwhile wait for one create, each until its own context
// ends, and each gets a value of its own. The error is create's, the context's or [ErrCacheMiss]; errors
// are not cached. After Plugin.Close every call makes the value with create.
//
// T is encoded as serializer.Marshal does: a value it cannot encode is returned, and not cached. The
// value returned by a miss has gone through the same bytes as that of a hit.
//
// What create reads must be committed and not lag: outside transactions, and from dbresolver's source
// (dbresolver.Write) unless Config.ReplicaLag is set. GetOrCreate does not see how create gets its data,
// so a row that is rolled back later would stay until the TTL.
//
// The idea is get_or_create of Python's dogpile.cache.
func GetOrCreate[T any](ctx context.Context, r *Region, key string, create func(context.Context) (T, error), opts ...Option) (T, error) {
	switch {
	case r == nil || r.engine == nil:
		return *new(T), errors.New("gormcache: region.GetOrCreate: the region is nil: take it from Plugin.Region, and look at its error")
	case create == nil:
		return *new(T), errors.New("gormcache: region.GetOrCreate: create is nil: pass the function that makes the value")
	}
	var o valueOptions
	for _, opt := range opts {
		opt(&o)
	}
	load := func(ctx context.Context, _ []int) (engine.Loaded, error) {
		v, err := create(ctx)
		if err != nil {
			return engine.Loaded{}, err
		}
		return encode(v), nil
	}
	q := r.valueRequest(key, &o)
	q.Load = load
	if r.engine.Policy().InBackground() {
		q.Later = func() engine.Load { return load }
	}
	res, err := r.engine.Read(ctx, q)
	if err != nil {
		return *new(T), err
	}
	if v, ok := res.Rest.(T); ok && res.Outcome == observe.Bypass {
		return v, nil
	}
	if res.Outcome == observe.Bypass {
		return create(ctx)
	}
	var v T
	if err := serializer.Unmarshal(res.Payload, &v); err != nil {
		// The bytes are whole but not of this T: another program uses the same key for another type.
		if o.mode == OnlyIfCached {
			return *new(T), ErrCacheMiss
		}
		return create(ctx)
	}
	return v, nil
}

func encode[T any](v T) engine.Loaded {
	payload, err := serializer.Marshal(v)
	if err != nil {
		return engine.Loaded{Reason: observe.Unencodable, Detail: fault.Text(err), Rest: v}
	}
	return engine.Loaded{Payload: payload}
}

func (r *Region) valueRequest(key string, o *valueOptions) *engine.Request {
	ns := r.engine.Namespace()
	tags := make([]string, 0, len(o.tags)+len(o.tables))
	for _, t := range o.tables {
		tags = append(tags, ns.Table(t))
	}
	for _, t := range o.tags {
		tags = append(tags, ns.User(t))
	}
	return &engine.Request{
		Key: ns.Value(r.Name(), key), Tags: r.engine.Tags(tags...), Kind: entry.KindValue,
		TTL: max(o.ttl, 0), Mode: o.mode,
	}
}
