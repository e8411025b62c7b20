package plugin_test

import (
	"database/sql"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// What is invalidated by hand in a transaction may have been written there, unseen: its own reads hold
// rows that may still be rolled back.
func TestByHandAndInTransaction(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	must(t, s.plain.Exec("CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS "+
		"$$ UPDATE users SET name = 'x' WHERE id = 1 RETURNING 1 $$").Error)
	before := direct(t, s.plain, "users")
	tx := s.writer.db.Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
	must(t, tx.Exec("SELECT bump()").Error)
	must(t, invalidate.Tables(t.Context(), tx, "users"))
	if _, seen := cached(t, tx, "users", fromcache.InTransaction()); seen.Outcome != bypass {
		t.Errorf("its own read: %v", seen.Outcome)
	}
	must(t, tx.Rollback().Error)
	reading(t, s.other.db, "users", before, miss)
}
