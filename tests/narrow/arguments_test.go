package narrow_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Where MySQL's driver puts the arguments into the text itself, it takes every question mark for a placeholder.
func TestQuestionMarksThatAreNoPlaceholders(t *testing.T) {
	s := lab.Store(t, "memory")
	d := servers.MariaDB(t)
	d.DSN += "&interpolateParams=true"
	w := over(t, d, d.Open(t), s, s)
	raw := func(sql string, args ...any) read {
		return read{sql, func(db *gorm.DB) (any, error) {
			var got []Item
			err := db.Raw(sql, args...).Find(&got).Error
			return got, err
		}}
	}
	for _, r := range []read{
		raw("SELECT * FROM items WHERE name <> '?' AND id = ?", 3, 1),
		raw("SELECT * FROM items /* ? */ WHERE shop_id = ?", 3, 1),
		raw("SELECT * FROM items /* ? */ WHERE id IN (?, ?) ORDER BY id", 3, 1, 2),
		named("row 1"),
	} {
		for _, alone := range []bool{false, true} {
			r.warm(t, w.reader)
			db := w.writer.Session(&gorm.Session{SkipDefaultTransaction: alone})
			must(t, db.Model(&Item{ID: 1}).Update("qty", gorm.Expr("qty + 1")).Error)
			w.fresh(t, r)
			r.warm(t, w.reader)
			must(t, db.Exec("UPDATE items /* ? */ SET qty = qty + 1 WHERE id = ?", 3, 1).Error)
			w.fresh(t, r)
			must(t, db.Transaction(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE items /* ? */ SET qty = qty + 1 WHERE id = ?", 3, 1).Error
			}))
			w.fresh(t, r)
		}
	}
}

// pgx takes its options from among the arguments, before it counts them.
func TestOptionsOfPGXAreNoArguments(t *testing.T) {
	w := newWorld(t, "postgres")
	row1, row3 := named("row 1"), named("row 3 and more")
	for _, alone := range []bool{true, false} {
		w.warmAll(t, row1, row3)
		db := w.writer.Session(&gorm.Session{SkipDefaultTransaction: alone})
		must(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE items SET qty = qty + $1 WHERE id = $2", pgx.QueryExecModeSimpleProtocol, 3, 1).Error
		}))
		w.fresh(t, row1)
		must(t, db.Exec("UPDATE items SET qty = qty + $1 WHERE id = $2", pgx.QueryExecModeSimpleProtocol, 3, 1).Error)
		w.fresh(t, row1)
	}
	shifted := read{"shifted", func(db *gorm.DB) (any, error) {
		var got []Item
		err := db.Raw("SELECT * FROM items WHERE qty >= $1 AND id = $2", pgx.QueryExecModeExec, 0, 1).Find(&got).Error
		return got, err
	}}
	shifted.warm(t, w.reader)
	must(t, w.writer.Model(&Item{ID: 1}).Update("qty", 99).Error)
	w.fresh(t, shifted)
}
