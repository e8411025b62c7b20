package reader

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// preloadMark is among a statement's settings, which GORM hands on, while it preloads.
const preloadMark = "gormcache:preload"

// preloading is what a preloaded query has to know of the query that preloads it.
type preloading struct {
	parent *schema.Schema
	opts   *scope.Scope // nil: none
	// by is the statement that preloads. outer is set if that statement is itself preloaded, and is what it knows of
	// the query that preloads it.
	by    *gorm.Statement
	outer *preloading
}

// preloaded returns what is known of the query that preloads this one, nil if it is not preloaded.
func preloaded(stmt *gorm.Statement) *preloading {
	v, ok := stmt.Settings.Load(preloadMark)
	if !ok {
		return nil
	}
	return v.(*preloading)
}

// BeforePreload runs before the callback that sends a query's preloads, and marks them, so that they are known for
// what they are. A query that bypasses or refreshes the cache does so for what it preloads too. [Reader.AfterPreload]
// takes the mark away.
//
// The two do not wrap that callback. GORM's log names the first file on the stack that is not GORM's own, and looks
// at a dozen frames only: with a wrapper on the stack each preload would be said to come from this file, or, if it is
// nested, from nowhere.
func (rd *Reader) BeforePreload(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || len(stmt.Preloads) == 0 || stmt.Schema == nil {
		return
	}
	if x := explained(db); x != nil && x.building == 0 {
		x.sample(stmt)
	}
	if !rd.policies.related(stmt.Schema) {
		return
	}
	outer, inner := preloaded(stmt), &preloading{parent: stmt.Schema, by: stmt}
	if outer != nil {
		inner.opts, inner.outer = outer.opts, outer
	}
	if s := scope.Of(stmt); s != nil && (s.Bypass || s.Mode == engine.Refresh) {
		inner.opts = &scope.Scope{Bypass: s.Bypass, Mode: s.Mode}
	}
	stmt.Settings.Store(preloadMark, inner)
}

// AfterPreload ends what [Reader.BeforePreload] began, also where a preload failed.
func (rd *Reader) AfterPreload(db *gorm.DB) {
	stmt := db.Statement
	if len(stmt.Preloads) == 0 { // an empty sync.Map allocates when it is asked
		return
	}
	if x := explained(db); x != nil {
		x.sampled(stmt)
	}
	p := preloaded(stmt)
	switch {
	case p == nil || p.by != stmt: // the mark of the statement that preloads this one
	case p.outer == nil:
		stmt.Settings.Delete(preloadMark)
	default:
		stmt.Settings.Store(preloadMark, p.outer)
	}
}

// divides is the column by whose values a preloaded query's answer falls into those of its parents, each an
// entry of its own; "": it does not. The order of different parents' rows does not matter then. It does at the
// far end of a relation of many to many, whose query asks by its own key.
func (p *policies) divides(parent *schema.Schema, stmt *gorm.Statement) string {
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	for _, e := range where.Exprs {
		in, ok := e.(clause.IN)
		if !ok {
			continue
		}
		column, ok := in.Column.(clause.Column)
		if !ok || column.Table != clause.CurrentTable || stmt.Schema == nil {
			return ""
		}
		if keys := stmt.Schema.PrimaryFieldDBNames; len(keys) == 1 && keys[0] == column.Name && p.farEnd(parent, stmt.Schema) {
			return ""
		}
		return strings.ToLower(column.Name)
	}
	return ""
}

// farEnd reports whether a model may be preloaded as the far end of a relation of many to many from another, or
// from one that the query of that joins.
func (p *policies) farEnd(parent, s *schema.Schema) bool {
	found, ok := p.farEnds.Get(parent)
	if !ok {
		found = farEnds(parent, map[*schema.Schema]bool{}, map[*schema.Schema]bool{})
		p.farEnds.Put(parent, found)
	}
	return found[s]
}

func farEnds(s *schema.Schema, seen, found map[*schema.Schema]bool) map[*schema.Schema]bool {
	if s == nil || seen[s] {
		return found
	}
	seen[s] = true
	for _, rel := range s.Relationships.Relations {
		if rel.JoinTable != nil {
			found[rel.FieldSchema] = true
		}
		farEnds(rel.FieldSchema, seen, found)
	}
	return found
}
