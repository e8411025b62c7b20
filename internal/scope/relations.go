package scope

import (
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// relationsName is where the relations stand in a statement.
const relationsName = "gormcache:relation_cache"

// Relation is one relation that is cached where a query preloads it.
type Relation struct {
	// Path is the way to it from the model: fields, or clause.Associations for any one step.
	Path []string
	// Given is the name as it was given.
	Given string
	// Scope is that of the queries for it.
	Scope *Scope
	// Loose: clause.Associations led here, and some of its models may not have the rest of the path.
	Loose bool
}

// Name is the path as text.
func (r *Relation) Name() string { return strings.Join(r.Path, ".") }

// Check returns what is wrong with the relation on that handle, nil if nothing is.
func (r *Relation) Check(db *gorm.DB) error {
	err := errors.New("the name, or a part of it, is empty: use a field such as \"Orders\", or a path such as \"Orders.Items\"")
	if !slices.Contains(r.Path, "") {
		err = r.Scope.Check(db)
	}
	if err != nil {
		return fault.Errorf("relation.Cache(%q): %w", r.Name(), err)
	}
	return nil
}

// Relations are those of a query's relations that are cached. They do not change once a statement has them.
type Relations struct {
	List []Relation
	// Inner: they stand on a query that another preloads. The warning of relations without effect has been given there.
	Inner bool
}

// RelationsOf returns the relations that a statement caches, nil if there are none.
func RelationsOf(stmt *gorm.Statement) *Relations {
	rs, _ := stmt.Clauses[relationsName].Expression.(*Relations)
	return rs
}

// Attach gives a statement the relations in the place of those that it has.
func (rs *Relations) Attach(stmt *gorm.Statement) {
	stmt.Clauses[relationsName] = clause.Clause{Expression: rs}
}

// Build implements clause.Expression. Relations are not part of the SQL.
func (rs *Relations) Build(clause.Builder) {}
