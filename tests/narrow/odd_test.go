package narrow_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// newWorldOn is a world on a database that is opened in a way of its own.
func newWorldOn(t *testing.T, d func() gorm.Dialector) *world {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	handle := func() *gorm.DB {
		db, err := gorm.Open(d(), &gorm.Config{Logger: logger.Discard})
		must(t, err)
		pool, err := db.DB()
		must(t, err)
		t.Cleanup(func() { _ = pool.Close() })
		return db
	}
	plugin := func(db *gorm.DB) *gormcache.Plugin {
		p, err := gormcache.New(gormcache.Config{
			Store: s, Namespace: "narrow", Tracked: map[string][]string{"items": {"shop_id"}},
			Regions:     map[string]region.Config{"default": {TTL: time.Hour}},
			ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
			Hooks: &observe.Hooks{Read: func(ctx context.Context, r observe.Read) {
				if seen, ok := ctx.Value(seenKey{}).(*observe.Read); ok {
					*seen = r
				}
			}},
		})
		must(t, err)
		must(t, db.Use(p))
		t.Cleanup(func() { _ = p.Close() })
		return p
	}
	w := &world{bare: handle(), writer: handle(), reader: handle()}
	w.kind = w.bare.Name()
	must(t, w.bare.AutoMigrate(models...))
	w.seed(t)
	plugin(w.writer)
	w.reads = plugin(w.reader)
	return w
}

// Where MySQL's driver puts the arguments into the text itself, it takes every question mark for a placeholder.
func TestQuestionMarksThatAreNoPlaceholders(t *testing.T) {
	dsn := servers.MariaDB(t).DSN + "&interpolateParams=true"
	w := newWorldOn(t, func() gorm.Dialector { return mysql.Open(dsn) })
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
