package readme

import (
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// User is a row of the shop's.
type User struct {
	ID     uint
	Tenant uint
	Name   string
	Age    int
	Orders []Order
}

// Order is what a user has bought.
type Order struct {
	ID     uint
	UserID uint
	Item   string
}

// shop opens a database with a few rows, and the plugin on it.
func shop(t *testing.T) (*gorm.DB, *gormcache.Plugin) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "shop.db")), &gorm.Config{Logger: logger.Discard})
	check(t, err)
	check(t, db.AutoMigrate(&User{}, &Order{}))
	check(t, db.Create(&[]User{
		{Name: "Ada", Age: 36, Tenant: 7, Orders: []Order{{Item: "lamp"}, {Item: "desk"}}},
		{Name: "Bo", Age: 17, Tenant: 7},
	}).Error)
	cache, err := gormcache.New(gormcache.Config{
		Namespace: "shop",
		Regions:   map[string]region.Config{"default": {TTL: gormcache.DefaultTTL}, "reports": {TTL: gormcache.DefaultTTL}},
	})
	check(t, err)
	check(t, db.Use(cache))
	t.Cleanup(func() {
		check(t, cache.Close())
		pool, err := db.DB()
		check(t, err)
		check(t, pool.Close())
	})
	return db, cache
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counts checks how the reads so far have ended.
func counts(t *testing.T, cache *gormcache.Plugin, hits, misses, bypasses uint64) {
	t.Helper()
	s := cache.Stats()
	if s.Hits != hits || s.Misses != misses || s.Bypasses != bypasses {
		t.Errorf("%d hits, %d misses, %d bypasses %v, want %d, %d, %d", s.Hits, s.Misses, s.Bypasses, s.Bypassed, hits, misses, bypasses)
	}
}
