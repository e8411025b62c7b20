package plugin_test

import (
	"testing"

	"gorm.io/gorm"
)

// A transaction in plain SQL that outlasts its mark:
//
//	connection: BEGIN (mark), UPDATE        cached SELECT (own row): no fill              ROLLBACK
//	the mark:                        runs out
//	other:                                                                  must read the old
//
// Falls if: only the mark keeps such a connection from the cache. Then what it has not committed is stored.
func TestPlainTransactionOutlastsItsMark(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
			must(t, tx.Exec("BEGIN").Error)
			must(t, tx.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error)
			eventually(t, "the mark to run out", func() bool {
				got, seen := cached(t, s.other.db, "orders")
				return seen.Outcome == hit && len(got) > 0
			})
			for range 3 {
				reading(t, tx, "users", direct(t, tx, "users"), bypass)
				reading(t, s.other.db, "users", before, miss, hit)
			}
			must(t, tx.Exec("ROLLBACK").Error)
			warm(t, tx, "users") // and the connection is as good as any again
			return nil
		}))
		same(t, "after ROLLBACK", warm(t, s.other.db, "users"), before)
	}, grace)
}
