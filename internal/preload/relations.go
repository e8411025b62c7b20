package preload

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// find returns the scope for a relation, by the steps to it; nil: it is not cached.
func find(rs *scope.Relations, steps []string) (found *scope.Scope) {
	exact := false
	for _, r := range rs.List {
		rest, wild, ok := after(r.Path, steps)
		if ok && len(rest) == 0 && (!exact || !wild) {
			found, exact = r.Scope, !wild
		}
	}
	return found
}

// below returns the relations that are cached of the model at the end of some steps, nil if there are none.
func below(rs *scope.Relations, steps []string) *scope.Relations {
	var list []scope.Relation
	for _, r := range rs.List {
		if rest, wild, ok := after(r.Path, steps); ok && len(rest) > 0 {
			list = append(list, scope.Relation{Path: rest, Scope: r.Scope, Loose: r.Loose || wild})
		}
	}
	if list == nil {
		return nil
	}
	return &scope.Relations{List: list, Inner: true}
}

// after returns what is left of the path after some steps; ok is false if it goes elsewhere. A step through
// an embedded struct is written "Address.Country". wild reports whether clause.Associations stood for one.
func after(path, steps []string) (rest []string, wild, ok bool) {
	rest = path
	for _, step := range steps {
		if len(rest) > 0 && rest[0] == clause.Associations {
			rest, wild = rest[1:], true
			continue
		}
		names := strings.Split(step, ".")
		if len(rest) < len(names) || !slices.Equal(rest[:len(names)], names) {
			return nil, false, false
		}
		rest = rest[len(names):]
	}
	return rest, wild, true
}

// known reports the first relation that the model does not have.
func known(rs *scope.Relations, s *schema.Schema) error {
	for _, r := range rs.List {
		if r.Loose {
			continue
		}
		if err := knownPath(&r, &s.Relationships, s.Name, r.Path); err != nil {
			return err
		}
	}
	return nil
}

func knownPath(r *scope.Relation, all *schema.Relationships, model string, path []string) error {
	for ; len(path) > 0; path = path[1:] {
		if path[0] == clause.Associations {
			return nil // below it there may be any model
		}
		if embedded := all.EmbeddedRelations[path[0]]; embedded != nil {
			all = embedded
			continue
		}
		next := all.Relations[path[0]]
		if next == nil {
			return fault.Errorf("relation.Cache(%q): %w: %s has no relation %q: use one of %q, or clause.Associations",
				r.Name(), gorm.ErrUnsupportedRelation, model, path[0], names(all))
		}
		all, model = &next.FieldSchema.Relationships, next.FieldSchema.Name
	}
	return nil
}

// names are the relations there are, but for those that GORM adds for its own use.
func names(all *schema.Relationships) []string {
	list := make([]string, 0, len(all.Relations)+len(all.EmbeddedRelations))
	for name := range all.Relations {
		if !strings.HasPrefix(name, "_") {
			list = append(list, name)
		}
	}
	for name := range all.EmbeddedRelations {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
