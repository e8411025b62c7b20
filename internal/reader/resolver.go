package reader

import (
	"fmt"

	"gorm.io/gorm"
)

// Names that dbresolver uses. It is not imported, since few programs have it.
const (
	resolverCallback = "gorm:db_resolver"
	resolverWrite    = "gorm:db_resolver:write" // the setting that asks for a source
	resolverUsing    = "gorm:db_resolver:using" // the clause that names the database to use
)

// wantsPrimary reports whether the query asked dbresolver, if it is there, for a source.
func wantsPrimary(db *gorm.DB) bool {
	if _, ok := db.Plugins[resolverCallback]; !ok { // an empty sync.Map allocates when it is asked
		return false
	}
	_, ok := db.Statement.Settings.Load(resolverWrite)
	return ok
}

// primary switches a statement that dbresolver sent to a replica to the source, so that what is stored
// is not older than the tokens it is stored under. The returned function takes the mark away by which
// dbresolver was told.
func primary(db *gorm.DB) func() {
	stmt := db.Statement
	if _, ok := db.Plugins[resolverCallback]; !ok || wantsPrimary(db) {
		return func() {}
	}
	switchPool := db.Callback().Query().Get(resolverCallback)
	if switchPool == nil {
		return func() {}
	}
	stmt.Settings.Store(resolverWrite, struct{}{})
	switchPool(db)
	return func() { stmt.Settings.Delete(resolverWrite) }
}

// using returns the name of the database that the statement asks dbresolver for, "" if it names none.
func using(stmt *gorm.Statement) string {
	c, ok := stmt.Clauses[resolverUsing]
	if !ok {
		return ""
	}
	return fmt.Sprint(c.Expression)
}
