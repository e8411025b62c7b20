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

// In SQLite a savepoint outside of a transaction begins one, and the release of the outermost commits it:
//
//	connection: SAVEPOINT a, UPDATE, SAVEPOINT b, RELEASE b                   RELEASE a
//	other:                                              cached SELECT (old)             must read the new
//
// Falls if: a statement in it counts as one that is committed when it has run. Then the old is stored after it.
func TestPlainSavepointIsATransaction(t *testing.T) {
	for _, end := range []string{"RELEASE a", "COMMIT", "ROLLBACK", "ROLLBACK TO a"} {
		s := newScene(t, "sqlite", "memory")
		warm(t, s.other.db, "users")
		must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
			for _, sql := range []string{
				"SAVEPOINT a", "UPDATE users SET name = 'x' WHERE id = 1", "SAVEPOINT b", "UPDATE users SET name = 'y' WHERE id = 1",
				"ROLLBACK TO b", "RELEASE b", "SAVEPOINT a", "RELEASE a",
			} {
				must(t, tx.Exec(sql).Error)
				for range 2 {
					reading(t, tx, "users", direct(t, tx, "users"), bypass)
					reading(t, s.other.db, "users", direct(t, s.plain, "users"), bypass)
				}
			}
			must(t, tx.Exec(end).Error)
			if end == "ROLLBACK TO a" {
				reading(t, tx, "users", direct(t, tx, "users"), bypass)
				must(t, tx.Exec("RELEASE a").Error)
			}
			same(t, end, warm(t, tx, "users"), direct(t, s.plain, "users"))
			return nil
		}))
		same(t, end, warm(t, s.other.db, "users"), direct(t, s.plain, "users"))
	}
}

// A transaction may begin behind another statement of the same text:
//
//	connection: UPDATE; BEGIN; UPDATE        cached SELECT (own row): no fill              ROLLBACK
//	other:                                                                  must read the old
//
// Falls if: only the first statement of a text is looked at.
func TestPlainTransactionBehindAnotherStatement(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	before := warm(t, s.other.db, "users")
	must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
		must(t, tx.Exec("UPDATE orders SET id = id; BEGIN; UPDATE users SET name = 'x' WHERE id = 1").Error)
		for range 2 {
			reading(t, tx, "users", direct(t, tx, "users"), bypass)
			reading(t, s.other.db, "users", before, bypass)
		}
		must(t, tx.Exec("ROLLBACK").Error)
		return nil
	}))
	same(t, "after ROLLBACK", warm(t, s.other.db, "users"), before)
}

// One transaction in plain SQL may follow the other at once:
//
//	connection: BEGIN                ROLLBACK AND CHAIN, UPDATE, cached SELECT (own row): no fill              ROLLBACK
//	other:                                                                            must read the old
//
// Falls if: the transaction that begins so has no mark, or the connection counts as one without.
func TestPlainTransactionsInAChain(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		ends := []string{"ROLLBACK AND CHAIN", "COMMIT AND CHAIN"}
		if s.Kind == "sqlite" {
			ends = []string{"ROLLBACK; BEGIN", "COMMIT;; BEGIN"}
		}
		for _, end := range ends {
			warm(t, s.other.db, "users")
			must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
				must(t, tx.Exec("BEGIN").Error)
				for _, sql := range []string{"UPDATE users SET name = 'x' WHERE id = 1", end, "UPDATE users SET name = 'y' WHERE id = 1", end,
					"UPDATE users SET name = 'z' WHERE id = 1"} {
					must(t, tx.Exec(sql).Error)
					for range 2 {
						reading(t, tx, "users", direct(t, tx, "users"), bypass)
						reading(t, s.other.db, "users", direct(t, s.plain, "users"), bypass)
					}
				}
				must(t, tx.Exec("ROLLBACK").Error)
				same(t, end, warm(t, tx, "users"), direct(t, s.plain, "users"))
				return nil
			}))
			same(t, end, warm(t, s.other.db, "users"), direct(t, s.plain, "users"))
		}
	})
}
