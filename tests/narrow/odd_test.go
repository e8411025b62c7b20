package narrow_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Where MySQL's driver puts the arguments into the text itself, it takes every question mark for a placeholder.
func TestQuestionMarksThatAreNoPlaceholders(t *testing.T) {
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
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

// Tables of MyISAM take part in no transaction: what is written to them is there at once, and stays after a ROLLBACK.
func TestTablesWithoutTransactions(t *testing.T) {
	w := newWorld(t, "mariadb")
	for _, sql := range []string{
		"ALTER TABLE items ENGINE=MyISAM", "ALTER TABLE pairs ENGINE=Aria TRANSACTIONAL=1",
		"CREATE TRIGGER counts AFTER UPDATE ON codes FOR EACH ROW UPDATE pairs SET qty = qty + 1",
	} {
		must(t, w.bare.Exec(sql).Error)
	}
	reads := []read{named("row 1"), named("shop 1"), named("all"), named("pair 1 1"), named("code ab-1")}
	for _, sql := range []string{"UPDATE items SET qty = qty + 1 WHERE id = 1", "UPDATE codes SET qty = qty + 1 WHERE id = 'ab-1'"} {
		w.warmAll(t, reads...)
		_ = w.writer.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Exec(sql).Error)
			for _, r := range reads {
				w.fresh(t, r)
			}
			return errors.New("no")
		})
		for _, r := range reads {
			w.fresh(t, r)
		}
	}
}
