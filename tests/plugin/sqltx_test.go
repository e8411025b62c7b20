package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// A library that wants a *sql.Tx gets that of GORM's transaction, however it was begun.
func TestSQLTx(t *testing.T) {
	for _, cfg := range []gorm.Config{{}, {PrepareStmt: true}} {
		for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
			t.Run(fmt.Sprintf("%s, prepared %v", kind, cfg.PrepareStmt), func(t *testing.T) {
				d := newDatabase(t, kind)
				with, without := cfg, cfg
				db, plain := d.Open(t, &with), d.Open(t, &without)
				use(t, db, newStore(t, "memory"))
				for name, h := range map[string]*gorm.DB{"with the plugin": db, "without": plain} {
					inTx(t, name, h)
					if _, ok := invalidate.SQLTx(h); ok {
						t.Errorf("%s: a *sql.Tx outside a transaction", name)
					}
				}
			})
		}
	}
	for _, h := range []*gorm.DB{nil, {}} {
		if _, ok := invalidate.SQLTx(h); ok {
			t.Error("a *sql.Tx of nothing")
		}
	}
}

// inTx rolls back by GORM what it has written by the *sql.Tx: they are one transaction.
func inTx(t *testing.T, name string, h *gorm.DB) {
	t.Helper()
	write := func(tx *gorm.DB) {
		sqlTx, ok := invalidate.SQLTx(tx)
		if !ok {
			t.Fatalf("%s: no *sql.Tx", name)
		}
		_, err := sqlTx.ExecContext(t.Context(), "UPDATE islands SET name = 'lent'")
		must(t, err)
		var n int64
		must(t, tx.Table("islands").Where("name = 'lent'").Count(&n).Error)
		if n == 0 {
			t.Errorf("%s: another transaction", name)
		}
	}
	tx := h.Begin(&sql.TxOptions{})
	write(tx.WithContext(context.Background()))
	must(t, tx.Rollback().Error)
	err := h.Transaction(func(tx *gorm.DB) error {
		return tx.Transaction(func(tx *gorm.DB) error { write(tx); return errWanted })
	})
	if !errors.Is(err, errWanted) {
		t.Errorf("%s: %v", name, err)
	}
}

// What a library writes by the *sql.Tx is dropped at the commit, if its tables are named, and nothing else is.
func TestSQLTxWrites(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "islands")
		warm(t, s.writer.db, "users")
		warm(t, s.other.db, "users")
		must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
			if seen := seenIn(t, tx); seen != hit {
				t.Errorf("before anything was written: %v", seen)
			}
			sqlTx, _ := invalidate.SQLTx(tx)
			_, err := sqlTx.ExecContext(t.Context(), "UPDATE islands SET name = 'lent'")
			if seen := seenIn(t, tx); seen != bypass {
				t.Errorf("beside what the plugin does not see: %v", seen)
			}
			return errors.Join(err, invalidate.Tables(t.Context(), tx, "islands"))
		}))
		s.fresh(t, "islands")
		reading(t, s.other.db, "users", direct(t, s.plain, "users"), hit)
	})
}

// seenIn is the outcome of a read in a transaction that asks for the cache all the same.
func seenIn(t *testing.T, tx *gorm.DB) observe.Outcome {
	t.Helper()
	_, seen := cached(t, tx, "users", fromcache.InTransaction())
	return seen.Outcome
}

// Who was handed the *sql.Tx may commit it, though it must not. What the transaction has written through GORM is
// dropped when GORM ends it, by whatever word.
//
//	writer: UPDATE (GORM), COMMIT (*sql.Tx)           ROLLBACK (GORM)
//	reader:                                  old, hit                  new
//
// Falls if: a rollback of a transaction that was handed out is believed.
func TestSQLTxCommittedByOthers(t *testing.T) {
	for name, end := range map[string]func(*gorm.DB) *gorm.DB{"Commit": (*gorm.DB).Commit, "Rollback": (*gorm.DB).Rollback} {
		t.Run(name, func(t *testing.T) {
			onScenes(t, func(t *testing.T, s *scene) {
				warm(t, s.other.db, "users")
				tx := s.writer.db.Begin()
				must(t, rename(tx, 1, "lent"))
				sqlTx, _ := invalidate.SQLTx(tx)
				must(t, sqlTx.Commit())
				if err := end(tx).Error; !errors.Is(err, sql.ErrTxDone) {
					t.Fatal(err)
				}
				s.reloaded(t, "users")
			})
		})
	}
}
