//go:build !race

package plugin_test

import (
	"testing"

	"gorm.io/gorm"
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
