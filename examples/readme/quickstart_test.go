package readme

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

func Example_quickStart() {
	dir, err := os.MkdirTemp("", "gormcache-readme-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := quickStart(filepath.Join(dir, "shop.db")); err != nil {
		panic(err)
	}
	// Output:
	// 1 hit, 2 misses, 2 adults
}

func quickStart(path string) error {
	// docs: quick start
	db, err := gorm.Open(sqlite.Open(path), &gorm.Config{})
	if err != nil {
		return err
	}
	cache, err := gormcache.New(gormcache.Config{Namespace: "shop"})
	if err != nil {
		return err
	}
	if err := db.Use(cache); err != nil {
		return err
	}
	// docs: end
	defer func() {
		_ = cache.Close()
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	}()
	if err := db.AutoMigrate(&User{}, &Order{}); err != nil {
		return err
	}
	if err := db.Create(&User{Name: "Ada", Age: 36}).Error; err != nil {
		return err
	}
	// docs: first queries
	var users []User
	db.Clauses(fromcache.Region("default")).Where("age > ?", 18).Find(&users) // asks the database
	db.Clauses(fromcache.Region("default")).Where("age > ?", 18).Find(&users) // no SQL
	db.Create(&User{Name: "Bo", Age: 40})                                     // commits
	db.Clauses(fromcache.Region("default")).Where("age > ?", 18).Find(&users) // sees Bo
	// docs: end
	s := cache.Stats()
	fmt.Printf("%d hit, %d misses, %d adults\n", s.Hits, s.Misses, len(users))
	return nil
}
