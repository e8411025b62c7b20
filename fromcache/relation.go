package fromcache

import (
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

// Check says what is wrong with the scope on that handle, as it would as an error of a query.
func (c *Cached) Check(db *gorm.DB) error { return c.check(db) }

// HasScope tells that a statement has a scope of its own.
func HasScope(stmt *gorm.Statement) bool { return of(stmt) != nil }

// Associated tells that gorm.DB.Association made the statement.
func Associated(stmt *gorm.Statement) bool { return associated(stmt) }
