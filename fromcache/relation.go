package fromcache

import (
	"maps"

	"gorm.io/gorm"
)

// By returns a copy of the scope whose answers are divided by the values of a column, each part an entry of its
// own. The order in which the rows of different values stand must not matter to the query. It is for package
// relation.
func (c *Cached) By(column string) *Cached {
	by := *c
	by.by = column
	return &by
}

// Lend gives a statement the scope for one query, and returns how to take it away, since the handle of an association
// is used again. What [OutcomeOf] says of the query stays.
func (c *Cached) Lend(stmt *gorm.Statement) (giveBack func()) {
	clauses := stmt.Clauses
	stmt.Clauses = maps.Clone(clauses)
	c.ModifyStatement(stmt)
	return func() {
		ended, ok := stmt.Clauses[outcomeName]
		stmt.Clauses = clauses
		if ok {
			stmt.Clauses = maps.Clone(clauses)
			stmt.Clauses[outcomeName] = ended
		}
	}
}

// Check says what is wrong with the scope on that handle, as it would as an error of a query.
func (c *Cached) Check(db *gorm.DB) error { return c.check(db) }

// HasScope tells that a statement has a scope of its own.
func HasScope(stmt *gorm.Statement) bool { return of(stmt) != nil }

// Associated tells that gorm.DB.Association made the statement.
func Associated(stmt *gorm.Statement) bool { return associated(stmt) }
