package fromcache

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/region"
)

// preloadMark is among a statement's settings, which GORM hands on, while it preloads.
const preloadMark = "gormcache:preload"

// preloading is what a preloaded query must know of the one that preloads it.
type preloading struct {
	parent *schema.Schema
	opts   *Cached // nil: none
}

// preloaded tells for what a query is preloaded, nil if it is not.
func preloaded(stmt *gorm.Statement) *preloading {
	v, ok := stmt.Settings.Load(preloadMark)
	if !ok {
		return nil
	}
	return v.(*preloading)
}

// Preload wraps the callback that sends a query's preloads, so that they are known for what they are. Who
// bypasses the cache, or refreshes it, means what is preloaded too.
func (c *Cache) Preload(next func(*gorm.DB)) func(*gorm.DB) {
	marked := c.preload(next)
	return func(db *gorm.DB) {
		stmt := db.Statement
		if x := explained(db); x != nil && db.Error == nil && x.building == 0 && len(stmt.Preloads) > 0 && stmt.Schema != nil {
			x.sample(db, marked)
			return
		}
		marked(db)
	}
}

// preload marks what is preloaded.
func (c *Cache) preload(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		if db.Error != nil || len(stmt.Preloads) == 0 || stmt.Schema == nil || !c.policies.related(stmt.Schema) {
			next(db)
			return
		}
		outer, inner := preloaded(stmt), &preloading{parent: stmt.Schema}
		if outer != nil {
			inner.opts = outer.opts
		}
		if scope := of(stmt); scope != nil && (scope.bypass || scope.mode == region.Refresh) {
			inner.opts = &Cached{bypass: scope.bypass, mode: scope.mode}
		}
		stmt.Settings.Store(preloadMark, inner)
		defer func() {
			if outer == nil {
				stmt.Settings.Delete(preloadMark)
			} else {
				stmt.Settings.Store(preloadMark, outer)
			}
		}()
		next(db)
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

// farEnd tells that a model may be preloaded as the far end of a relation of many to many from another, or
// from one that the query of that joins.
func (p *policies) farEnd(parent, s *schema.Schema) bool {
	v, ok := p.farEnds.Load(parent)
	if !ok {
		v, _ = p.farEnds.LoadOrStore(parent, farEnds(parent, map[*schema.Schema]bool{}, map[*schema.Schema]bool{}))
	}
	return v.(map[*schema.Schema]bool)[s]
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
