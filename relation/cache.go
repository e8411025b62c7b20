package relation

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// Cached is the scope of what a query preloads: relations, with a region for each. It does not change once it is
// made, so one value may be used by many queries at the same time. Make it with [Cache].
type Cached struct{ relations []scope.Relation }

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
	added := scope.Relation{Path: strings.Split(name, "."), Given: name, Scope: fromcache.Region(region, opts...)}
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
	for i := range c.relations {
		if err := c.relations[i].Check(stmt.DB); err != nil {
			_ = stmt.AddError(err)
			return
		}
	}
	all := c.relations
	if before := scope.RelationsOf(stmt); before != nil {
		all = slices.Concat(before.List, all)
	}
	(&scope.Relations{List: all}).Attach(stmt)
}

// Build implements clause.Expression. The scope is not part of the SQL.
func (c *Cached) Build(clause.Builder) {}
