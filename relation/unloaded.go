package relation

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// unloaded is a relation of a model that is cached, and that a query did not preload.
type unloaded struct{ model, relation string }

// check warns, once for each, of relations that a query caches and does not preload: nothing else would show it.
// Queries that preload nothing whatever they are told, such as Count and Pluck, may share a handle with others.
func (cb *Callbacks) check(c *Cached, db *gorm.DB) {
	stmt := db.Statement
	if c.inner || db.DryRun || !loadsModels(stmt) {
		return
	}
	for i := range c.relations {
		r := &c.relations[i]
		if r.loaded(stmt) {
			continue
		}
		u := unloaded{stmt.Schema.Name, r.given}
		if _, twice := cb.warned.LoadOrStore(u, true); !twice {
			cb.Logger.WarnContext(stmt.Context, fmt.Sprintf("gormcache: relation.Cache(%q) has no effect on a query for %s that does not preload it: "+
				"add Preload(%q), or leave it out", r.given, u.model, r.given), "model", u.model, "relation", r.given)
		}
	}
}

// loadsModels tells that the query reads whole models, whose relations can be preloaded.
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

// loaded tells that the query preloads the relation, or one below it.
func (r *relation) loaded(stmt *gorm.Statement) bool {
	for name := range stmt.Preloads {
		if name == r.given || strings.HasPrefix(name, r.given) && name[len(r.given)] == '.' {
			return true
		}
		if strings.Contains(name, clause.Associations) || strings.Contains(r.given, clause.Associations) {
			if r.covered(strings.Split(name, "."), stmt) {
				return true
			}
		}
	}
	return false
}

// covered compares step by step, where clause.Associations stands for any one, and for all that lies in an embedded
// struct.
func (r *relation) covered(preload []string, stmt *gorm.Statement) bool {
	if len(stmt.Schema.Relationships.EmbeddedRelations) > 0 {
		return true
	}
	for i, step := range r.path {
		if i == len(preload) || step != preload[i] && step != clause.Associations && preload[i] != clause.Associations {
			return false
		}
	}
	return true
}
