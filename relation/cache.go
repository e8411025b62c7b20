package relation

import (
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// clauseName is where the scope stands in a statement: among the clauses it is not handed on to what the
// query preloads.
const clauseName = "gormcache:relation_cache"

// Cached is the scope of what a query preloads: relations, with a region for each. It does not change once it is
// made, so one value may be used by many queries at the same time. Make it with [Cache].
type Cached struct {
	relations []relation
	inner     bool // on a query that another preloads: what it says has been said of that
}

// relation is one relation that is cached, by its path from the model.
type relation struct {
	path  []string
	given string // the name as it was given
	scope *fromcache.Cached
	// loose: clause.Associations led here, and some of its models may not have the rest of the path.
	loose bool
}

var (
	_ clause.Expression      = (*Cached)(nil)
	_ gorm.StatementModifier = (*Cached)(nil)
)

// Cache makes a query cache one of its relations, where it preloads it, in the region of that name. name is as
// for gorm.DB.Preload: a field, a path such as "Orders.Items", or clause.Associations, which stands for any
// one step. Of a path only the last relation is cached; those on the way have a Cache of their own. The
// options are those of [fromcache.Region]. An unknown region, a bad option or a relation that the model does
// not have is an error of the query; one that the query does not preload is said once, by a warning.
//
// The result goes into gorm.DB.Clauses or gorm.G. On a handle from which gorm.DB.Association is called it is
// for Association().Find: of one relation, whichever association is asked for; of several, that whose name the
// table has.
func Cache(name, region string, opts ...fromcache.Option) *Cached {
	return (&Cached{}).And(name, region, opts...)
}

// And adds a relation to those that are cached. Of two with one name the last holds.
func (c *Cached) And(name, region string, opts ...fromcache.Option) *Cached {
	added := relation{path: strings.Split(name, "."), given: name, scope: fromcache.Region(region, opts...)}
	return &Cached{relations: append(slices.Clip(slices.Clone(c.relations)), added)}
}

// Scope is [Cache] for gorm.DB.Scopes.
func Scope(name, region string, opts ...fromcache.Option) func(*gorm.DB) *gorm.DB {
	return Cache(name, region, opts...).Scope
}

// Scope puts the relations on a handle. It is for gorm.DB.Scopes.
func (c *Cached) Scope(db *gorm.DB) *gorm.DB { return db.Clauses(c) }

// ModifyStatement adds the relations to those of a statement. It implements gorm.StatementModifier and
// reports misuse at once, as an error of the query.
func (c *Cached) ModifyStatement(stmt *gorm.Statement) {
	for _, r := range c.relations {
		if err := r.check(stmt.DB); err != nil {
			_ = stmt.AddError(fault.Errorf("relation.Cache(%q): %w", r.name(), err))
			return
		}
	}
	if before := of(stmt); before != nil {
		c = &Cached{relations: slices.Concat(before.relations, c.relations)}
	}
	c.attach(stmt)
}

func (c *Cached) attach(stmt *gorm.Statement) {
	stmt.Clauses[clauseName] = clause.Clause{Expression: c}
}

// Build implements clause.Expression. The scope is not part of the SQL.
func (c *Cached) Build(clause.Builder) {}

// of returns the relations that a statement caches, nil if there are none.
func of(stmt *gorm.Statement) *Cached {
	c, _ := stmt.Clauses[clauseName].Expression.(*Cached)
	return c
}

func (r *relation) name() string { return strings.Join(r.path, ".") }

func (r *relation) check(db *gorm.DB) error {
	if slices.Contains(r.path, "") {
		return errors.New("the name, or a part of it, is empty: use a field such as \"Orders\", or a path such as \"Orders.Items\"")
	}
	return r.scope.Check(db)
}

// find returns the scope for a relation, by the steps to it; nil: it is not cached.
func (c *Cached) find(steps []string) (found *fromcache.Cached) {
	exact := false
	for _, r := range c.relations {
		rest, wild, ok := r.after(steps)
		if ok && len(rest) == 0 && (!exact || !wild) {
			found, exact = r.scope, !wild
		}
	}
	return found
}

// below returns the relations that are cached of the model at the end of some steps, nil if there are none.
func (c *Cached) below(steps []string) *Cached {
	var below []relation
	for _, r := range c.relations {
		if rest, wild, ok := r.after(steps); ok && len(rest) > 0 {
			below = append(below, relation{path: rest, scope: r.scope, loose: r.loose || wild})
		}
	}
	if below == nil {
		return nil
	}
	return &Cached{relations: below, inner: true}
}

// after returns what is left of the path after some steps; ok is false if it goes elsewhere. A step through
// an embedded struct is written "Address.Country". wild tells that clause.Associations stood for one.
func (r *relation) after(steps []string) (rest []string, wild, ok bool) {
	rest = r.path
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
func (c *Cached) known(s *schema.Schema) error {
	for _, r := range c.relations {
		if r.loose {
			continue
		}
		if err := r.known(&s.Relationships, s.Name, r.path); err != nil {
			return err
		}
	}
	return nil
}

func (r *relation) known(all *schema.Relationships, model string, path []string) error {
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
				r.name(), gorm.ErrUnsupportedRelation, model, path[0], names(all))
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
