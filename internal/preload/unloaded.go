package preload

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// unloaded is a relation of a model that is cached, and that a query did not preload.
type unloaded struct{ model, relation string }

// check warns, once for each, of relations that a query caches and does not preload: nothing else would show it.
// Queries that preload nothing whatever they are told, such as Count and Pluck, may share a handle with others.
func (cb *Callbacks) check(c *scope.Relations, db *gorm.DB) {
	stmt := db.Statement
	if c.Inner || db.DryRun || !loadsModels(stmt) {
		return
	}
	for i := range c.List {
		r := &c.List[i]
		if loaded(r, stmt) {
			continue
		}
		u := unloaded{stmt.Schema.Name, r.Given}
		if _, twice := cb.warned.LoadOrStore(u, true); !twice {
			cb.Logger.WarnContext(stmt.Context, fmt.Sprintf("gormcache: relation.Cache(%q) has no effect on a query for %s that does not preload it: "+
				"add Preload(%q), or leave it out", r.Given, u.model, r.Given), "model", u.model, "relation", r.Given)
		}
	}
}

// loadsModels reports whether the query reads whole models, whose relations can be preloaded.
func loadsModels(stmt *gorm.Statement) bool {
	if !stmt.ReflectValue.IsValid() {
		return false
	}
	t := stmt.ReflectValue.Type()
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t == stmt.Schema.ModelType
}

// loaded reports whether the query preloads the relation, or one below it.
func loaded(r *scope.Relation, stmt *gorm.Statement) bool {
	for name := range stmt.Preloads {
		if name == r.Given || strings.HasPrefix(name, r.Given) && name[len(r.Given)] == '.' {
			return true
		}
		if strings.Contains(name, clause.Associations) || strings.Contains(r.Given, clause.Associations) {
			if covered(r, strings.Split(name, "."), stmt) {
				return true
			}
		}
	}
	return false
}

// covered compares step by step, where clause.Associations stands for any one, and for all that lies in an embedded
// struct.
func covered(r *scope.Relation, preload []string, stmt *gorm.Statement) bool {
	if len(stmt.Schema.Relationships.EmbeddedRelations) > 0 {
		return true
	}
	for i, step := range r.Path {
		if i == len(preload) || step != preload[i] && step != clause.Associations && preload[i] != clause.Associations {
			return false
		}
	}
	return true
}
