package plugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"
)

var users = []string{"users", "user_names"}

// panicking runs fn and swallows its panic.
func panicking(fn func()) {
	defer func() { _ = recover() }()
	fn()
}

// TestTransactionPaths goes through every way in which GORM begins and ends transactions.
func TestTransactionPaths(t *testing.T) {
	walkAll(t, []path{
		{name: "default transaction", touches: users, run: func(w *walk) error {
			return w.db.Create(&User{ID: 100, Name: "new"}).Error
		}},
		{name: "default transaction that fails", touches: users, rolls: true, implied: true, run: func(w *walk) error {
			if w.db.Create(&User{ID: 1, Name: "twice"}).Error == nil {
				w.t.Error("a duplicate key is accepted")
			}
			return nil
		}},
		{name: "SkipDefaultTransaction by session", touches: users, run: func(w *walk) error {
			return rename(w.db.Session(&gorm.Session{SkipDefaultTransaction: true}), 1, "skip")
		}},
		{name: "Transaction, commit", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error { return errors.Join(rename(tx, 1, "x"), w.both(tx)) })
		}},
		{name: "Transaction, error", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(rename(tx, 1, "x"), w.both(tx), errWanted)
			})
		}},
		{name: "Transaction, panic", touches: users, rolls: true, run: func(w *walk) error {
			panicking(func() {
				_ = w.db.Transaction(func(tx *gorm.DB) error {
					must(w.t, rename(tx, 1, "x"))
					must(w.t, w.both(tx))
					panic("wanted")
				})
			})
			return nil
		}},
		{name: "nested Transaction, both commit", touches: []string{"users", "orders"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				return tx.Transaction(func(tx *gorm.DB) error {
					return errors.Join(tx.Exec("UPDATE orders SET name = 'x'").Error, w.both(tx))
				})
			})
		}},
		{name: "nested Transaction, inner rollback", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				err := tx.Transaction(func(tx *gorm.DB) error {
					return errors.Join(tx.Exec("UPDATE parents SET name = 'x'").Error, errWanted)
				})
				if !errors.Is(err, errWanted) {
					return err
				}
				return w.both(tx)
			})
		}},
		{name: "nested Transaction, inner panic", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				panicking(func() {
					_ = tx.Transaction(func(tx *gorm.DB) error {
						must(w.t, tx.Exec("UPDATE parents SET name = 'x'").Error)
						panic("wanted")
					})
				})
				return w.both(tx)
			})
		}},
		{name: "nested Transaction, same table before and in the inner one", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(rename(tx, 2, "y"), errWanted) })
				return w.both(tx)
			})
		}},
		{name: "nested Transaction, all inner writes rolled back", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(rename(tx, 2, "y"), errWanted) })
				return w.both(tx)
			})
		}},
		{name: "nested Transaction, inner commit and outer rollback", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, tx.Transaction(func(tx *gorm.DB) error { return rename(tx, 2, "y") }))
				return errors.Join(w.both(tx), errWanted)
			})
		}},
		{name: "three levels, the middle one rolled back", touches: []string{"users", "tags"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				_ = tx.Transaction(func(tx *gorm.DB) error {
					must(w.t, tx.Exec("UPDATE parents SET name = 'x'").Error)
					must(w.t, tx.Transaction(func(tx *gorm.DB) error { return tx.Exec("UPDATE orders SET name = 'x'").Error }))
					return errWanted
				})
				must(w.t, tx.Transaction(func(tx *gorm.DB) error { return tx.Exec("UPDATE tags SET name = 'x'").Error }))
				return w.both(tx)
			})
		}},
		{name: "DisableNestedTransaction, inner error ignored", touches: users, run: func(w *walk) error {
			// There is no savepoint: what the inner one wrote is committed with the outer.
			return w.db.Session(&gorm.Session{DisableNestedTransaction: true}).Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(rename(tx, 2, "y"), errWanted) })
				return w.both(tx)
			})
		}},
		{name: "Begin and Commit", touches: users, run: func(w *walk) error {
			tx := w.db.Begin()
			must(w.t, rename(tx, 1, "x"))
			return errors.Join(w.both(tx), tx.Commit().Error)
		}},
		{name: "Begin and Rollback", touches: users, rolls: true, run: func(w *walk) error {
			tx := w.db.Begin()
			must(w.t, rename(tx, 1, "x"))
			return errors.Join(w.both(tx), tx.Rollback().Error)
		}},
		{name: "Begin, Commit, and a Rollback too late", touches: users, run: func(w *walk) error {
			tx := w.db.Begin()
			defer tx.Rollback() // a common idiom
			must(w.t, rename(tx, 1, "x"))
			return tx.Commit().Error
		}},
		{name: "SavePoint and RollbackTo by hand", touches: users, run: func(w *walk) error {
			tx := w.db.Begin()
			must(w.t, rename(tx, 1, "x"))
			must(w.t, tx.SavePoint("one").Error)
			must(w.t, tx.Exec("UPDATE parents SET name = 'x'").Error)
			must(w.t, tx.SavePoint("two").Error)
			must(w.t, tx.Exec("UPDATE tags SET name = 'x'").Error)
			must(w.t, tx.RollbackTo("one").Error)
			return errors.Join(w.both(tx), tx.Commit().Error)
		}},
		{name: "RollbackTo twice the same", touches: users, rolls: true, run: func(w *walk) error {
			tx := w.db.Begin()
			must(w.t, tx.SavePoint("one").Error)
			must(w.t, rename(tx, 1, "x"))
			must(w.t, tx.RollbackTo("one").Error)
			must(w.t, rename(tx, 2, "x"))
			must(w.t, tx.RollbackTo("one").Error)
			return errors.Join(w.both(tx), tx.Commit().Error)
		}},
		{name: "savepoints in raw SQL, released", touches: users, run: func(w *walk) error {
			tx := w.db.Begin()
			for _, s := range []string{
				"SAVEPOINT a", "UPDATE users SET name = 'x' WHERE id = 1", "RELEASE SAVEPOINT a",
				"SAVEPOINT b", "UPDATE parents SET name = 'x'", "ROLLBACK TO SAVEPOINT b",
			} {
				must(w.t, tx.Exec(s).Error)
			}
			return errors.Join(w.both(tx), tx.Commit().Error)
		}},
		{name: "PrepareStmt by session", touches: users, run: func(w *walk) error {
			db := w.db.Session(&gorm.Session{PrepareStmt: true})
			must(w.t, rename(db, 1, "x"))
			return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 2, "y") })
		}},
		{name: "PrepareStmt by session within a transaction", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				tx = tx.Session(&gorm.Session{PrepareStmt: true})
				return errors.Join(rename(tx, 2, "y"), w.both(tx))
			})
		}},
		{name: "PrepareStmt by session within a transaction, rollback", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				tx = tx.Session(&gorm.Session{PrepareStmt: true})
				return errors.Join(rename(tx, 2, "y"), w.both(tx), errWanted)
			})
		}},
		{name: "PrepareStmt by session, nested, inner rollback", touches: users, run: func(w *walk) error {
			return w.db.Session(&gorm.Session{PrepareStmt: true}).Transaction(func(tx *gorm.DB) error {
				must(w.t, rename(tx, 1, "x"))
				_ = tx.Transaction(func(tx *gorm.DB) error {
					return errors.Join(tx.Exec("UPDATE parents SET name = 'x'").Error, errWanted)
				})
				return w.both(tx)
			})
		}},
		{name: "Connection, autocommit", touches: users, run: func(w *walk) error {
			return w.db.Connection(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error
			})
		}},
		{name: "Connection, default transaction", touches: users, run: func(w *walk) error {
			return w.db.Connection(func(tx *gorm.DB) error { return rename(tx, 1, "x") })
		}},
		{name: "Connection, BEGIN and COMMIT in SQL", touches: users, all: true, run: func(w *walk) error {
			return w.db.Connection(func(tx *gorm.DB) error { return w.rawTransaction(tx, "COMMIT") })
		}},
		{name: "Connection, BEGIN and ROLLBACK in SQL", touches: users, all: true, run: func(w *walk) error {
			return w.db.Connection(func(tx *gorm.DB) error { return w.rawTransaction(tx, "ROLLBACK") })
		}},
		{name: "a handle with a context of its own", touches: users, run: func(w *walk) error {
			ctx, cancel := context.WithCancel(w.t.Context())
			defer cancel()
			return w.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "x") })
		}},
		{name: "nothing written", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				var u User
				must(w.t, tx.First(&u, 1).Error)
				return w.both(tx)
			})
		}},
	})
}

// rawTransaction writes in a transaction that database/sql knows nothing of. All that can be told from
// it is where it begins and ends: everybody bypasses meanwhile, the connection itself too.
func (w *walk) rawTransaction(tx *gorm.DB, end string) error {
	must(w.t, tx.Exec("BEGIN").Error)
	must(w.t, tx.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error)
	for _, table := range w.path.touches {
		reading(w.t, tx, table, direct(w.t, tx, table), bypass)
		reading(w.t, w.db, table, direct(w.t, w.plain, table), bypass)
		reading(w.t, w.other, table, direct(w.t, w.plain, table), bypass)
	}
	return tx.Exec(end).Error
}

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
