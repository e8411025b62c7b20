package plugin_test

import (
	"strings"
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
	onScenesInTime(t, func(t *testing.T, s *scene) {
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

// What looks like the end of a transaction in SQLite may be none, and what looks like a nested savepoint the end:
//
//	connection: BEGIN, UPDATE, COMMIT (refused)        cached SELECT (own row): no fill              ROLLBACK
//	other:                                                                             must read the old
//
// Falls if: a COMMIT counts as one whatever comes of it, or of several statements the first says it all.
func TestPlainTransactionsThatAreNotOver(t *testing.T) {
	const update = "UPDATE users SET name = 'x' WHERE id = 1"
	orphan := "INSERT INTO guests VALUES (77)"
	for _, texts := range [][]string{
		{"BEGIN", update, orphan, "COMMIT"},
		{"SAVEPOINT a", update, orphan, "RELEASE a"},
		{"SAVEPOINT a", update, "RELEASE nosuch"},
		{"SAVEPOINT a", "RELEASE a; BEGIN", update},
		{"SAVEPOINT a", "RELEASE a; SAVEPOINT c", update},
		{"SAVEPOINT a; SAVEPOINT b", update, "RELEASE b"},
		{"BEGIN", "COMMIT; SAVEPOINT a", update},
		{"BEGIN; " + update + "; INSERT INTO nosuch VALUES (1); COMMIT"},
		{"BEGIN", update, "BEGIN"},
	} {
		t.Run(strings.Join(texts, ", "), func(t *testing.T) {
			s := newScene(t, "sqlite", "memory")
			must(t, s.plain.Exec("CREATE TABLE hosts (id integer PRIMARY KEY)").Error)
			must(t, s.plain.Exec("CREATE TABLE guests (host integer REFERENCES hosts(id) DEFERRABLE INITIALLY DEFERRED)").Error)
			before := warm(t, s.other.db, "users")
			must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
				tx = tx.Session(&gorm.Session{})
				for _, text := range texts {
					_ = tx.Exec(text).Error // the last of them, or a part of it, is refused
				}
				for range 2 {
					reading(t, tx, "users", direct(t, tx, "users"), bypass)
					reading(t, s.other.db, "users", before, bypass, miss, hit)
				}
				must(t, tx.Exec("ROLLBACK").Error)
				return nil
			}))
			eventually(t, "the marks to run out", func() bool {
				_, seen := cached(t, s.other.db, "users")
				return seen.Outcome == hit
			})
			same(t, "after ROLLBACK", warm(t, s.other.db, "users"), before)
		})
	}
}

// A script that begins and ends its transaction leaves nothing behind, nor does a BEGIN that is refused.
func TestPlainScripts(t *testing.T) {
	for _, texts := range [][]string{
		{"BEGIN; UPDATE users SET name = 'x' WHERE id = 1; COMMIT"},
		{"PRAGMA user_version; BEGIN; UPDATE users SET name = 'x' WHERE id = 1; COMMIT"},
		{"BEGIN", "UPDATE users SET name = 'x' WHERE id = 1", "BEGIN", "COMMIT; PRAGMA user_version"},
	} {
		t.Run(strings.Join(texts, ", "), func(t *testing.T) {
			s := newScene(t, "sqlite", "memory")
			warm(t, s.other.db, "users")
			must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
				tx = tx.Session(&gorm.Session{})
				for _, text := range texts {
					_ = tx.Exec(text).Error
				}
				same(t, "on the connection", warm(t, tx, "users"), direct(t, s.plain, "users"))
				return nil
			}))
			same(t, "elsewhere", warm(t, s.other.db, "users"), direct(t, s.plain, "users"))
		})
	}
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

// Transactions of MySQL's XA are transactions in plain SQL too.
//
// Falls if: what such a transaction has written, and takes back, is stored by its own reads, or by others' between
// its statement and its commit.
func TestXATransactions(t *testing.T) {
	s := newScene(t, "mariadb", "memory")
	for _, end := range []string{"XA COMMIT 'x'", "XA ROLLBACK 'x'"} {
		warm(t, s.other.db, "users")
		must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
			for _, sql := range []string{"XA START 'x'", "UPDATE users SET age = age + 1", "XA END 'x'", "XA PREPARE 'x'"} {
				must(t, tx.Exec(sql).Error)
				_, seen, err := tryCached(t.Context(), tx, "users")
				if seen.Outcome != bypass { // between XA END and the end the server answers no query
					t.Errorf("after %s: %v, %v", sql, seen.Outcome, err)
				}
				reading(t, s.other.db, "users", direct(t, s.plain, "users"), bypass)
			}
			return tx.Exec(end).Error
		}))
		same(t, end, warm(t, s.other.db, "users"), direct(t, s.plain, "users"))
	}
}

// The END of a trigger's body ends no transaction:
//
//	connection: BEGIN, CREATE TRIGGER … END, UPDATE        cached SELECT (own row): no fill              ROLLBACK
//	other:                                                                                 must read the old
//
// Falls if: the body's statements count as those of the text.
func TestPlainTransactionGoesOnBehindABody(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	before := warm(t, s.other.db, "users")
	must(t, s.writer.db.Connection(func(tx *gorm.DB) error {
		for _, sql := range []string{"BEGIN", lateTrigger, "UPDATE users SET name = 'x' WHERE id = 1"} {
			must(t, tx.Exec(sql).Error)
		}
		for range 3 {
			reading(t, tx, "users", direct(t, tx, "users"), bypass)
			reading(t, s.other.db, "users", before, bypass)
		}
		return tx.Exec("ROLLBACK").Error
	}))
	same(t, "after ROLLBACK", warm(t, s.other.db, "users"), before)
}
