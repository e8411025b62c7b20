package fromcache

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// ErrCacheMiss is the error of a query with [OnlyIfCached] whose answer is not cached.
var ErrCacheMiss = region.ErrCacheMiss

// Cached is the scope of one query: the region it reads through, and options. It does not change once
// it is made, so one value may be used by many queries at the same time. Make it with [Region].
type Cached = scope.Scope

// Option changes how one query uses its region. Given to [Region] it belongs to that scope. As a clause by
// itself, as in db.Clauses(fromcache.Bypass()), it changes the scope that the query has, or what the model's
// [Policy] says; where neither is, it is an error, but for [Bypass].
type Option func(*Cached)

var (
	_ clause.Expression      = (Option)(nil)
	_ gorm.StatementModifier = (Option)(nil)
)

// Region makes a query read through the region of that name. The result goes into gorm.DB.Clauses or
// gorm.G. An unknown region, or a bad option, is an error of the query.
func Region(name string, opts ...Option) *Cached {
	c := &Cached{Region: name}
	for _, opt := range opts {
		opt.apply(c)
	}
	return c
}

func (o Option) apply(c *Cached) {
	if o == nil {
		c.Fail(errors.New("an option is nil: leave it out"))
		return
	}
	o(c)
}

// Scope is [Region] for gorm.DB.Scopes.
func Scope(name string, opts ...Option) func(*gorm.DB) *gorm.DB {
	c := Region(name, opts...)
	return func(db *gorm.DB) *gorm.DB { return db.Clauses(c) }
}

// With is options as clauses by themselves, for gorm.DB.Scopes.
func With(opts ...Option) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		for _, opt := range opts {
			db = db.Clauses(opt)
		}
		return db
	}
}

// ModifyStatement changes the scope of a statement, or makes one that waits for the model's policy. It
// implements gorm.StatementModifier.
func (o Option) ModifyStatement(stmt *gorm.Statement) {
	c := &Cached{OptionsOnly: true}
	if given := scope.Of(stmt); given != nil {
		*c = *given // others use that one at the same time
		c.Key, c.Tags = slices.Clip(c.Key), slices.Clip(c.Tags)
	}
	o.apply(c)
	c.Attach(stmt)
}

// Build implements clause.Expression. Options are not part of the SQL.
func (o Option) Build(clause.Builder) {}

// TTL takes the place of the region's TTL. It must be positive.
func TTL(ttl time.Duration) Option {
	return func(c *Cached) {
		if ttl <= 0 {
			c.Fail(fmt.Errorf("TTL(%s): it must be positive (NoExpiration for no limit)", ttl))
		}
		c.TTL = ttl
	}
}

// NoExpiration lets the entry live until it is invalidated or evicted.
func NoExpiration() Option { return func(c *Cached) { c.TTL = region.NoExpiration } }

// Key adds values to the entry's key: for what the SQL does not show but the answer depends on, such as
// the user under row-level security, or a session variable. It takes what database/sql takes as an
// argument; a query with any other value is bypassed.
func Key(values ...any) Option {
	return func(c *Cached) { c.Key = append(c.Key, values...) }
}

// Tags adds tags of your own to the entry: invalidate.Tags drops it.
func Tags(tags ...string) Option {
	return func(c *Cached) { c.Tags = append(c.Tags, tags...) }
}

// Bypass asks the database and leaves the cache alone.
func Bypass() Option { return func(c *Cached) { c.Bypass = true } }

// Refresh asks the database in any case, and stores its answer. Use it after changes that were made
// outside GORM, or to warm up.
func Refresh() Option { return func(c *Cached) { c.SetMode(region.Refresh) } }

// OnlyIfCached never asks the database: what is not cached is [ErrCacheMiss].
func OnlyIfCached() Option { return func(c *Cached) { c.SetMode(region.OnlyIfCached) } }

// InTransaction lets the query use the cache inside a transaction, as long as nothing was written in
// it. What it finds may be newer than the transaction's snapshot. What it loads is stored only if the
// transaction was begun as READ COMMITTED (sql.TxOptions), on a database that has it: an older
// snapshot must not be taken for the present.
func InTransaction() Option { return func(c *Cached) { c.InTransaction = true } }
