package narrow_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A database may end a transaction that the program goes on with:
//
//	W: BEGIN, a statement that fails (and the database rolls back), UPDATE row 1 (committed), ROLLBACK
//
// Falls if: what the transaction has written is dropped with it. Then row 1 stays as it was before.
func TestTransactionsThatAreOver(t *testing.T) {
	endless := "UPDATE items SET qty = (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c) WHERE id = 2"
	for name, fail := range map[string]func(tx *gorm.DB) error{
		"conflict": func(tx *gorm.DB) error { return tx.Exec("INSERT OR ROLLBACK INTO items (id) VALUES (2)").Error },
		"interrupted": func(tx *gorm.DB) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return tx.WithContext(ctx).Exec(endless).Error
		},
		"returning": func(tx *gorm.DB) error {
			return tx.Raw("INSERT OR ROLLBACK INTO items (id) VALUES (2) RETURNING id").Scan(new(int)).Error
		},
	} {
		t.Run(name, func(t *testing.T) { newWorld(t, "sqlite").over(t, fail) })
	}
	for name, query := range map[string]func(tx *gorm.DB) error{
		"deadlock": func(tx *gorm.DB) error { return tx.Model(&Item{ID: 2}).Update("qty", 1).Error },
		"deadlock of a query": func(tx *gorm.DB) error {
			return tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&Item{}, 2).Error
		},
		"deadlock behind the first rows of a query": func(tx *gorm.DB) error {
			rows, err := tx.Table("items").Select("id, REPEAT('x', 1000)").Where("id > 1").Clauses(clause.Locking{Strength: "UPDATE"}).Rows()
			if err != nil {
				t.Error("it is before them")
				return err
			}
			for rows.Next() {
			}
			return errors.Join(rows.Err(), rows.Close())
		},
		"deadlock behind the first rows, serializable": func(tx *gorm.DB) error {
			rows, err := tx.Table("items").Select("id, REPEAT('x', 1000)").Where("id > 1").Rows()
			if err != nil {
				t.Error("it is before them")
				return err
			}
			for rows.Next() {
			}
			return errors.Join(rows.Err(), rows.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, isolation := newWorld(t, "mariadb"), &sql.TxOptions{}
			if strings.Contains(name, "serializable") {
				isolation.Isolation = sql.LevelSerializable
			}
			other := w.bare.Begin()
			defer other.Rollback()
			if strings.Contains(name, "behind") {
				must(t, w.bare.Exec("INSERT INTO items (id) SELECT seq FROM seq_1000_to_1999").Error)
				must(t, other.Exec("UPDATE items SET qty = 3 WHERE id > 1200").Error)
			} else {
				must(t, other.Exec("UPDATE items SET qty = 3 WHERE id > 1").Error)
			}
			w.over(t, func(tx *gorm.DB) error {
				must(t, tx.Exec("UPDATE items SET qty = 3 WHERE id = 1").Error)
				waits := make(chan error, 1)
				go func() { waits <- other.Exec("UPDATE items SET qty = 4 WHERE id = 1").Error }()
				for !w.waiting(t) { // else it is this one who waits first, and the other who closes the ring
					time.Sleep(often)
				}
				err := query(tx)
				must(t, <-waits) // the lighter one is the victim
				must(t, other.Rollback().Error)
				return err
			}, isolation)
		})
	}
}

func (w *world) over(t *testing.T, fail func(tx *gorm.DB) error, opts ...*sql.TxOptions) {
	t.Helper()
	row1, all := named("row 1"), named("all")
	w.warmAll(t, row1, all)
	err := w.writer.Transaction(func(tx *gorm.DB) error {
		if err := fail(tx); err == nil {
			t.Error("no error")
		}
		must(t, tx.Exec("UPDATE items SET qty = 55 WHERE id = 1").Error)
		return errors.New("no")
	}, opts...)
	if err == nil || row1.direct(t, w.bare).([]Item)[0].Qty != 55 {
		t.Fatalf("%v: the database has taken it back", err)
	}
	w.fresh(t, row1)
	w.fresh(t, all)
}
