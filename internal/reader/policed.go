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

// policed is the scope that a policy gives a query without one of its own, nil if it gives none. opts are what
// the query changes in it, if not nil.
func (rd *Reader) policed(db *gorm.DB, opts *scope.Scope, rows bool) *scope.Scope {
	if db.Error != nil || db.DryRun {
		return nil
	}
	return rd.underPolicy(db, rd.ruling(db), opts, rows)
}

// underPolicy is the same, once the policy is found.
func (rd *Reader) underPolicy(db *gorm.DB, r *ruling, opts *scope.Scope, rows bool) *scope.Scope {
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
		if column := rd.policies.divides(from.parent, db.Statement); column != "" {
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
func (rd *Reader) ruling(db *gorm.DB) *ruling {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 && stmt.TableExpr == nil {
		if stmt.Schema == nil {
			return nil
		}
		return rd.policies.ofModel(stmt.Schema)
	}
	if rd.cfg.Replaced != "" && stmt.SQL.Len() == 0 { // the text is not ours to build
		return rd.policies.others("")
	}
	if !rd.policies.declared() && (stmt.Schema == nil || rd.policies.ofModel(stmt.Schema) == nil) {
		return nil
	}
	callbacks.BuildQuerySQL(db)
	if db.Error != nil {
		return nil
	}
	info := rd.inv.Info(stmt.SQL.String())
	switch {
	case info.Verb != sqltext.Select || info.Write || len(info.Reads) == 0: // such as SELECT 1, to see whether the database answers
		return nil
	case len(info.Reads) > 1:
		return rd.policies.others("")
	case stmt.Schema != nil && store.TableName(stmt.Schema.Table) == info.Reads[0]:
		return rd.policies.ofModel(stmt.Schema)
	}
	return rd.policies.ofTable(info.Reads[0])
}
