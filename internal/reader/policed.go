package reader

import (
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// policed returns the scope that a policy gives a query without one of its own, nil if it gives none. opts, if not nil,
// is what the query changes in it.
func (p *policies) policed(db *gorm.DB, opts *scope.Scope, rows bool) *scope.Scope {
	if db.Error != nil || db.DryRun {
		return nil
	}
	return p.underPolicy(db, p.ruling(db), opts, rows)
}

// underPolicy does what policed does, for a policy that has been found, and also for a query that is only explained.
func (p *policies) underPolicy(db *gorm.DB, r *ruling, opts *scope.Scope, rows bool) *scope.Scope {
	given := opts != nil
	switch {
	case db.Error != nil:
		return nil
	case r == nil && given && !opts.Bypass:
		_ = db.AddError(fault.Errorf("options of fromcache without a region: give the query fromcache.Region(name, …), or %s a policy in Config.Models", subject(db.Statement)))
		return nil
	case r == nil:
		return nil
	case r.err != nil:
		_ = db.AddError(r.err)
		return nil
	case r.policy.Off || !r.covers(func() fromcache.Operations { return operationOf(db.Statement, rows) }):
		if given && opts.Mode == engine.OnlyIfCached && !opts.Bypass {
			_ = db.AddError(engine.ErrCacheMiss)
		}
		return nil
	}
	s := r.scope
	// Asked last: an empty sync.Map allocates when it is asked.
	if from := preloaded(db.Statement); from != nil {
		if column := p.divides(from.parent, db.Statement); column != "" {
			s = s.By(column)
		}
		if !given {
			opts = from.opts
		}
	}
	if opts == nil {
		return s
	}
	return opts.Within(s)
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
func (p *policies) ruling(db *gorm.DB) *ruling {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 && stmt.TableExpr == nil {
		if stmt.Schema == nil {
			return nil
		}
		return p.ofModel(stmt.Schema)
	}
	if p.replaced != "" && stmt.SQL.Len() == 0 { // the text is not ours to build
		return p.others("")
	}
	if !p.declared() && (stmt.Schema == nil || p.ofModel(stmt.Schema) == nil) {
		return nil
	}
	callbacks.BuildQuerySQL(db)
	if db.Error != nil {
		return nil
	}
	info := p.inv.Info(stmt.SQL.String())
	switch {
	case info.Verb != sqltext.Select || info.Write || len(info.Reads) == 0: // such as SELECT 1, to see whether the database answers
		return nil
	case len(info.Reads) > 1:
		return p.others("")
	case stmt.Schema != nil && store.TableName(stmt.Schema.Table) == info.Reads[0]:
		return p.ofModel(stmt.Schema)
	}
	return p.ofTable(info.Reads[0])
}
