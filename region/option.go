package region

import (
	"slices"
	"time"
)

// Option changes one call of a function of values. Each option says what it is for; one that has no meaning for a call is
// ignored by it.
type Option func(*valueOptions)

type valueOptions struct {
	ttl     time.Duration
	ttlFunc func(value any) time.Duration
	cacheIf func(value any) bool
	tags    []string
	tables  []string
	mode    Mode
	maxAge  time.Duration
	stale   bool
	touch   time.Duration
	begun   *Begun
	inside  *transaction
	floor   *int64
	exists  bool

	function functionOptions
}

// WithTTL takes the place of the region's TTL. It must be positive; other values are ignored.
func WithTTL(ttl time.Duration) Option { return func(o *valueOptions) { o.ttl = ttl } }

// WithTTLFunc takes the TTL from the value: what is seldom changed may live longer. A result that is not positive stands
// for the TTL of the call or the region.
func WithTTLFunc[T any](ttl func(T) time.Duration) Option {
	return func(o *valueOptions) {
		o.ttlFunc = func(value any) time.Duration {
			if v, ok := value.(T); ok {
				return ttl(v)
			}
			return 0
		}
	}
}

// WithCacheIf keeps a value from being stored where fits reports false. It is returned all the same. Config.CacheIf does so
// for a whole region.
func WithCacheIf[T any](fits func(T) bool) Option {
	return func(o *valueOptions) {
		o.cacheIf = func(value any) bool {
			v, ok := value.(T)
			return !ok || fits(v)
		}
	}
}

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

// WithMaxAge makes a value that is older a miss, so that [GetOrCreate] makes it anew.
func WithMaxAge(age time.Duration) Option { return func(o *valueOptions) { o.maxAge = age } }

// WithStale takes values past their TTL too, as long as the store has them: for the region's StaleWhileRevalidate and
// StaleIfError. A value that a write or a Delete has dropped is never taken.
func WithStale() Option { return func(o *valueOptions) { o.stale = true } }

// WithTouch gives the value that is read another TTL, counted from now, as [Region.Touch] does.
func WithTouch(ttl time.Duration) Option { return func(o *valueOptions) { o.touch = ttl } }

// WithFloor keeps a counter from falling below least: [Add] stops there.
func WithFloor(least int64) Option { return func(o *valueOptions) { o.floor = &least } }

// WithExisting keeps [Add] from making a counter that is not there: that is [ErrCacheMiss] then.
func WithExisting() Option { return func(o *valueOptions) { o.exists = true } }

// names reports whether the options name what a value is made from.
func (o *valueOptions) names() bool { return len(o.tags) > 0 || len(o.tables) > 0 }

// dependsOn are the tags of an entry in the region that the options name, each once and in one order.
func (r *Region) dependsOn(o *valueOptions) []string {
	if !o.names() {
		return r.engine.Tags()
	}
	ns := r.engine.Namespace()
	tags := make([]string, 0, len(o.tags)+len(o.tables))
	for _, t := range o.tables {
		tags = append(tags, ns.Table(t))
	}
	for _, t := range o.tags {
		tags = append(tags, ns.User(t))
	}
	slices.Sort(tags)
	return r.engine.Tags(slices.Compact(tags)...)
}

// lives is the TTL of a value: 0 for the region's.
func (o *valueOptions) lives(value any) time.Duration {
	if o.ttlFunc != nil {
		if ttl := o.ttlFunc(value); ttl > 0 {
			return ttl
		}
	}
	return max(o.ttl, 0)
}

// keeps reports whether a value is to be stored.
func (r *Region) keeps(key string, value any, o *valueOptions) bool {
	return (o.cacheIf == nil || o.cacheIf(value)) && r.storable(key, value)
}
