package fromcache

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// ErrCacheMiss is the error of a query with [OnlyIfCached] whose answer is not cached.
var ErrCacheMiss = region.ErrCacheMiss

// clauseName is where the scope stands in a statement. In Statement.Settings it would leak into what
// the query preloads; among the clauses it survives FindInBatches, FirstOrCreate and associations.
const clauseName = "gormcache:from_cache"

// Cached is the scope of one query: the region it reads through, and options. It does not change once
// it is made, so one value may be used by many queries at the same time. Make it with [Region].
type Cached struct {
	region        string
	ttl           time.Duration
	mode          region.Mode
	bypass        bool
	inTransaction bool
	key           []any
	tags          []string
	err           error
	bare          bool   // options only: the region is that of the model's policy
	policy        bool   // a policy has made it
	own           string // the table that the policy is for
	by            string // the column by whose values the answer is divided, whatever the order of its parts
}

// Option changes how one query uses its region. Given to [Region] it belongs to that scope. As a clause by
// itself, as in db.Clauses(fromcache.Bypass()), it changes the scope that the query has, or what the model's
// [Policy] says; where neither is, it is an error, but for [Bypass].
type Option func(*Cached)

var (
	_ clause.Expression      = (*Cached)(nil)
	_ clause.Expression      = (Option)(nil)
	_ gorm.StatementModifier = (Option)(nil)
)

// Region makes a query read through the region of that name. The result goes into gorm.DB.Clauses or
// gorm.G. An unknown region, or a bad option, is an error of the query.
func Region(name string, opts ...Option) *Cached {
	c := &Cached{region: name}
	for _, opt := range opts {
		opt.apply(c)
	}
	return c
}

func (o Option) apply(c *Cached) {
	if o == nil {
		c.fail(errors.New("an option is nil: leave it out"))
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
	c := &Cached{bare: true}
	if scope := of(stmt); scope != nil {
		*c = *scope // others use that one at the same time
		c.key, c.tags = slices.Clip(c.key), slices.Clip(c.tags)
	}
	o.apply(c)
	if c.bare {
		c.attach(stmt)
		return
	}
	c.ModifyStatement(stmt)
}

// Build implements clause.Expression. Options are not part of the SQL.
func (o Option) Build(clause.Builder) {}

// TTL takes the place of the region's TTL. It must be positive.
func TTL(ttl time.Duration) Option {
	return func(c *Cached) {
		if ttl <= 0 {
			c.fail(fmt.Errorf("TTL(%s): it must be positive (NoExpiration for no limit)", ttl))
		}
		c.ttl = ttl
	}
}

// NoExpiration lets the entry live until it is invalidated or evicted.
func NoExpiration() Option { return func(c *Cached) { c.ttl = region.NoExpiration } }

// Key adds values to the entry's key: for what the SQL does not show but the answer depends on, such as
// the user under row-level security, or a session variable. It takes what database/sql takes as an
// argument; a query with any other value is bypassed.
func Key(values ...any) Option {
	return func(c *Cached) { c.key = append(c.key, values...) }
}

// Tags adds tags of your own to the entry: invalidate.Tags drops it.
func Tags(tags ...string) Option {
	return func(c *Cached) { c.tags = append(c.tags, tags...) }
}

// Bypass asks the database and leaves the cache alone.
func Bypass() Option { return func(c *Cached) { c.bypass = true } }

// Refresh asks the database in any case, and stores its answer. Use it after changes that were made
// outside GORM, or to warm up.
func Refresh() Option { return func(c *Cached) { c.setMode(region.Refresh) } }

// OnlyIfCached never asks the database: what is not cached is [ErrCacheMiss].
func OnlyIfCached() Option { return func(c *Cached) { c.setMode(region.OnlyIfCached) } }

// InTransaction lets the query use the cache inside a transaction, as long as nothing was written in
// it. What it finds may be newer than the transaction's snapshot. What it loads is stored only if the
// transaction was begun as READ COMMITTED (sql.TxOptions), on a database that has it: an older
// snapshot must not be taken for the present.
func InTransaction() Option { return func(c *Cached) { c.inTransaction = true } }

func (c *Cached) setMode(m region.Mode) {
	if c.mode != region.Normal && c.mode != m {
		c.fail(errors.New("Refresh and OnlyIfCached exclude each other: leave one of them out"))
	}
	c.mode = m
}

func (c *Cached) fail(err error) {
	where := fmt.Sprintf("fromcache.Region(%q)", c.region)
	if c.bare {
		where = "an option of fromcache"
	}
	c.err = errors.Join(c.err, fault.Errorf("%s: %w", where, err))
}

// attach puts options that wait for a policy on a statement.
func (c *Cached) attach(stmt *gorm.Statement) {
	_, registered := stmt.DB.Plugins[writer.PluginName].(interface{ Cache() *Cache })
	switch {
	case c.err != nil:
		_ = stmt.AddError(c.err)
	case !registered && !c.bypass:
		_ = stmt.AddError(writer.ErrNotRegistered)
	default:
		stmt.Clauses[clauseName] = clause.Clause{Expression: c}
	}
}

// within are the options as they are in a policy's scope.
func (c *Cached) within(scope *Cached) *Cached {
	all := *c
	all.region, all.own, all.by, all.bare, all.policy = scope.region, scope.own, scope.by, false, true
	if all.ttl == 0 {
		all.ttl = scope.ttl
	}
	return &all
}

// ModifyStatement puts the scope on a statement. It implements gorm.StatementModifier and reports
// misuse at once, as an error of the query.
func (c *Cached) ModifyStatement(stmt *gorm.Statement) {
	if err := c.check(stmt.DB); err != nil {
		_ = stmt.AddError(err)
		return
	}
	stmt.Clauses[clauseName] = clause.Clause{Expression: c}
}

func (c *Cached) check(db *gorm.DB) error {
	if c.err != nil {
		return c.err
	}
	p, ok := db.Plugins[writer.PluginName].(interface{ Cache() *Cache })
	if !ok {
		return writer.ErrNotRegistered
	}
	_, err := p.Cache().engine.Region(c.region)
	return err
}

// Build implements clause.Expression. The scope is not part of the SQL.
func (c *Cached) Build(clause.Builder) {}

// of returns the scope of a statement, nil if it has none.
func of(stmt *gorm.Statement) *Cached {
	if c, ok := stmt.Clauses[clauseName]; ok {
		cached, _ := c.Expression.(*Cached)
		return cached
	}
	return nil
}
