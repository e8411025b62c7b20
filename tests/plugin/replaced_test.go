package plugin_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// keepApart puts callbacks in the place of GORM's, as a plugin for tenants may: the first row is not for all.
func keepApart(t testing.TB, db *gorm.DB) {
	apart := func(db *gorm.DB) {
		db.Statement.AddClause(clause.Where{Exprs: []clause.Expression{clause.Neq{Column: "id", Value: 1}}})
	}
	must(t, db.Callback().Query().Replace("gorm:query", func(db *gorm.DB) { apart(db); callbacks.Query(db) }))
	must(t, db.Callback().Row().Replace("gorm:row", func(db *gorm.DB) { apart(db); callbacks.RowQuery(db) }))
}

// What another plugin has put in the place of GORM's callbacks is asked each time: it may change what a query
// asks, and what it gets.
func TestReplacedCallbacks(t *testing.T) {
	reads := map[string]func(db *gorm.DB) (n int, err error){
		"Find": func(db *gorm.DB) (int, error) {
			var us []User
			err := db.Find(&us).Error
			return len(us), err
		},
		"a table": func(db *gorm.DB) (int, error) {
			var us []map[string]any
			err := db.Table("users").Find(&us).Error
			return len(us), err
		},
		"a list of keys": func(db *gorm.DB) (int, error) {
			var us []User
			err := db.Order("id").Find(&us, []int{1, 2}).Error
			return len(us), err
		},
		"Scan": func(db *gorm.DB) (n int, err error) {
			err = db.Model(&User{}).Select("count(*)").Scan(&n).Error
			return n, err
		},
		"Row": func(db *gorm.DB) (n int, err error) {
			err = db.Table("users").Select("count(*)").Row().Scan(&n)
			return n, err
		},
	}
	for name, change := range map[string]func(*gormcache.Config){
		"scopes":   func(*gormcache.Config) {},
		"policies": func(c *gormcache.Config) { c.Models = map[string]fromcache.Policy{"*": {}} },
		"a policy": func(c *gormcache.Config) { c.Models = map[string]fromcache.Policy{"users": {}} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t, "sqlite")
			keepApart(t, d.plain)
			db := d.Open(t)
			keepApart(t, db)
			p := use(t, db, newStore(t, "memory"), change)
			if name == "scopes" {
				db = db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
			}
			for what, read := range reads {
				want, err := read(d.plain)
				must(t, err)
				for range 2 {
					if got, err := read(db); err != nil || got != want {
						t.Errorf("%s: %d, want %d: %v", what, got, want, err)
					}
				}
			}
			if s := p.Stats(); s.Hits+s.Misses > 0 || name != "a policy" && s.Bypassed[observe.Replaced] != uint64(2*len(reads)) {
				t.Errorf("%d hits, %d misses, bypassed %v", s.Hits, s.Misses, s.Bypassed)
			}
			e, err := gormcache.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]User{}) })
			if must(t, err); e.Statements[0].Query.Bypass != observe.Replaced {
				t.Errorf("Explain: %+v", e)
			}
		})
	}
}
