package plugin_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"
)

// PostgreSQL knows savepoints by the first 63 bytes of their names. The second one here hides the
// first, so going back drops nothing of what was written between them.
func TestSavepointsOfLongNames(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	long := strings.Repeat("s", 63)
	warm(t, s.other.db, "users")
	must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.SavePoint(long+"a").Error)
		must(t, rename(tx, 1, "x"))
		must(t, tx.SavePoint(long+"b").Error)
		return tx.RollbackTo(long + "a").Error
	}))
	truth := direct(t, s.plain, "users")
	if truth[0]["name"] != "x" {
		t.Fatalf("the database went back further: %v", truth)
	}
	reading(t, s.other.db, "users", truth, miss)
}
