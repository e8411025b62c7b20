package fromcache

import (
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// policed is the scope that a policy gives a query without one of its own, nil if it gives none. opts are what
// the query changes in it, if not nil.
func (c *Cache) policed(db *gorm.DB, opts *Cached, rows bool) *Cached {
	if db.Error != nil || db.DryRun {
		return nil
	}
	return c.underPolicy(db, c.ruling(db), opts, rows)
}

// underPolicy is the same, once the policy is found.
func (c *Cache) underPolicy(db *gorm.DB, r *ruling, opts *Cached, rows bool) *Cached {
	given := opts != nil
	switch {
	case db.Error != nil:
		return nil
	case r == nil && given && !opts.bypass:
		_ = db.AddError(fault.Errorf("options of fromcache without a region: give the query fromcache.Region(name, …), or %s a policy in Config.Models", subject(db.Statement)))
		return nil
	case r == nil:
		return nil
	case r.err != nil:
		_ = db.AddError(r.err)
		return nil
	case r.policy.Off || !r.policy.covers(func() Operations { return operationOf(db.Statement, rows) }):
		if given && opts.mode == engine.OnlyIfCached && !opts.bypass {
			_ = db.AddError(ErrCacheMiss)
		}
		return nil
	}
	scope := r.scope
	// Asked last: an empty sync.Map allocates when it is asked.
	if from := preloaded(db.Statement); from != nil {
		if column := c.policies.divides(from.parent, db.Statement); column != "" {
			scope = scope.By(column)
		}
		if !given {
			opts = from.opts
		}
	}
	if opts == nil {
		return scope
	}
	return opts.within(scope)
}

// subject names what a statement asks for, for an error.
func subject(stmt *gorm.Statement) string {
	switch {
	case stmt.Schema != nil:
		return stmt.Schema.Name
	case stmt.Table != "":
		return stmt.Table
	}
	return "the table"
}

// ruling finds the policy for a query. A model's own query goes by the model; one whose text is given, or
// whose table, by the single table that the text reads.
func (c *Cache) ruling(db *gorm.DB) *ruling {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 && stmt.TableExpr == nil {
		if stmt.Schema == nil {
			return nil
		}
		return c.policies.ofModel(stmt.Schema)
	}
	if c.cfg.Replaced != "" && stmt.SQL.Len() == 0 { // the text is not ours to build
		return c.policies.others("")
	}
	if !c.policies.declared() && (stmt.Schema == nil || c.policies.ofModel(stmt.Schema) == nil) {
		return nil
	}
	callbacks.BuildQuerySQL(db)
	if db.Error != nil {
		return nil
	}
	info := c.inv.Info(stmt.SQL.String())
	switch {
	case info.Verb != sqltext.Select || info.Write || len(info.Reads) == 0: // such as SELECT 1, to see whether the database answers
		return nil
	case len(info.Reads) > 1:
		return c.policies.others("")
	case stmt.Schema != nil && store.TableName(stmt.Schema.Table) == info.Reads[0]:
		return c.policies.ofModel(stmt.Schema)
	}
	return c.policies.ofTable(info.Reads[0])
}
