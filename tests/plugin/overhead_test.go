//go:build !race

package plugin_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// An unscoped query costs no allocation more with the plugin than without. The race detector allocates by
// itself, so make test runs this without.
func TestUnscopedQueriesAreFree(t *testing.T) {
	d := newDatabase(t, "sqlite")
	for _, cfg := range []gorm.Config{{}, {PrepareStmt: true}} {
		with, without := cfg, cfg
		db, plain := d.Open(t, &with), d.Open(t, &without)
		use(t, db, newStore(t, "memory"))
		for name, query := range map[string]func(db *gorm.DB) error{
			"Find":  func(db *gorm.DB) error { var u []User; return db.Where("age > ?", 1).Find(&u).Error },
			"First": func(db *gorm.DB) error { var u User; return db.First(&u, 1).Error },
			"Count": func(db *gorm.DB) error { var n int64; return db.Model(&User{}).Count(&n).Error },
			"Scan":  func(db *gorm.DB) error { var n []string; return db.Model(&User{}).Select("name").Scan(&n).Error },
			"Raw": func(db *gorm.DB) error {
				var n []string
				return db.Raw("SELECT name FROM users WHERE id > ?", 1).Scan(&n).Error
			},
		} {
			allocs := func(db *gorm.DB) float64 {
				return testing.AllocsPerRun(200, func() { must(t, query(db)) })
			}
			allocs(db)
			allocs(plain)
			if a, b := allocs(db), allocs(plain); a > b {
				t.Errorf("%s, prepared %v: %.0f allocations with the plugin, %.0f without", name, cfg.PrepareStmt, a, b)
			}
		}
	}
}

// mostAllocations is what a hit in the process may cost beyond what GORM takes to build its statement: the key, the
// deadline of the lookup, the view of the rows, and the rows themselves.
const mostAllocations = 13

// A hit costs a handful of allocations, whatever the number of rows: a few more for each hundred only where fields
// are pointers.
func TestHitsAreCheap(t *testing.T) {
	d := newDatabase(t, "sqlite")
	db, plain := d.Open(t, &gorm.Config{}), d.Open(t, &gorm.Config{DryRun: true})
	p := use(t, db, newStore(t, "memory"))
	users := make([]User, 500)
	for i := range users {
		users[i] = User{Name: "many", Age: 40}
	}
	must(t, db.CreateInBatches(users, 100).Error)
	cached := db.Clauses(fromcache.Region("default")).Session(&gorm.Session{})
	for name, query := range map[string]func(db *gorm.DB) error{
		"row":  func(db *gorm.DB) error { var u User; return db.Where("id = ?", users[0].ID).Take(&u).Error },
		"rows": func(db *gorm.DB) error { var u []User; return db.Where("name = ?", "many").Find(&u).Error },
	} {
		allocs := func(db *gorm.DB) float64 {
			return testing.AllocsPerRun(200, func() { must(t, query(db)) })
		}
		allocs(cached)
		allocs(plain)
		hits := p.Stats().Hits
		hit, floor := allocs(cached), allocs(plain)
		if got := p.Stats().Hits - hits; got != 201 { // one to warm up
			t.Fatalf("%s: %d hits", name, got)
		}
		if hit-floor > mostAllocations {
			t.Errorf("%s: %.0f allocations, and %.0f to build the statement", name, hit, floor)
		}
	}
}
