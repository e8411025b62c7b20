package relation_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// TestACacheWithoutItsPreloadIsSaid: the query is right, and caches nothing of the relation.
//
// Falls if: nobody compares what is cached with what is preloaded.
func TestACacheWithoutItsPreloadIsSaid(t *testing.T) {
	l := &lab.Lines{}
	w := newWorld(t, "sqlite", 3, func(c *gormcache.Config) { c.Logger = l.Logger(slog.LevelInfo) })
	cached := func(name string) *gorm.DB { return w.db.Clauses(relation.Cache(name, "default")) }
	l.Take()
	for name, query := range map[string]func() error{
		"preloaded":    func() error { return cached("Orders").Preload("Orders").Find(&[]User{}).Error },
		"below it":     func() error { return cached("Orders").Preload("Orders.Items").Find(&[]User{}).Error },
		"a path":       func() error { return cached("Orders.Items").Preload("Orders.Items").Find(&[]User{}).Error },
		"associations": func() error { return cached("Orders").Preload(clause.Associations).Find(&[]User{}).Error },
		"any of them":  func() error { return cached(clause.Associations).Preload("Orders").Find(&[]User{}).Error },
		"embedded":     func() error { return cached("Home.City").Preload("Home.City").Find(&[]User{}).Error },
		"below a join": func() error {
			return cached("Company.City").Joins("Company").Preload("Company.City").Find(&[]User{}).Error
		},
		"a count":        func() error { return cached("Orders").Model(&User{}).Count(new(int64)).Error },
		"a column":       func() error { return cached("Orders").Model(&User{}).Pluck("name", &[]string{}).Error },
		"another type":   func() error { return cached("Orders").Model(&User{}).Find(&[]struct{ Name string }{}).Error },
		"not sent":       func() error { return cached("Orders").Session(&gorm.Session{DryRun: true}).Find(&[]User{}).Error },
		"an association": func() error { return cached("Orders").Model(&User{ID: 1}).Association("Orders").Find(&[]Order{}) },
		"batches": func() error {
			return cached("Orders").Preload("Orders").FindInBatches(&[]User{}, 2, func(*gorm.DB, int) error { return nil }).Error
		},
		"by a scope": func() error {
			return cached("Orders").Scopes(func(db *gorm.DB) *gorm.DB { return db.Preload("Orders") }).Find(&[]User{}).Error
		},
		"generics": func() error {
			_, err := gorm.G[User](w.db, relation.Cache("Orders", "default")).Preload("Orders", nil).Find(context.Background())
			return err
		},
		"without the cache": func() error { return w.db.Find(&[]User{}).Error },
	} {
		if must(t, query()); len(l.Take()) > 0 {
			t.Errorf("%s: it warns without cause", name)
		}
	}
	for i, c := range []struct {
		relation string
		query    func(db *gorm.DB) error
	}{
		{"Orders", func(db *gorm.DB) error { return db.Find(&[]User{}).Error }},
		{"Company", func(db *gorm.DB) error { return db.Joins("Company").First(&User{}).Error }},
		{"Orders.Items", func(db *gorm.DB) error { return db.Preload("Orders").Find(&[]User{}).Error }},
		{"Languages", func(db *gorm.DB) error {
			return db.Preload("Orders").FindInBatches(&[]User{}, 2, func(*gorm.DB, int) error { return nil }).Error
		}},
		{"Friends", func(db *gorm.DB) error { return db.Preload("Friend").Find(&[]User{}).Error }},
	} {
		for range 2 {
			err := c.query(cached(c.relation))
			if i < 4 {
				must(t, err)
			}
		}
		said := strings.Join(l.Take(), "\n")
		if strings.Count(said, "WARN ") != 1 || !strings.Contains(said, `Preload("`+c.relation+`")`) || !strings.Contains(said, "User") {
			t.Errorf("%s: it says\n%s", c.relation, said)
		}
	}
	// The remedy.
	w.take()
	must(t, cached("Orders").Preload("Orders").Find(&[]User{}).Error)
	w.take()
	must(t, cached("Orders").Preload("Orders").Find(&[]User{}).Error)
	if sent := len(w.take()); sent != 1 {
		t.Errorf("%d queries were sent, want that of users alone", sent)
	}
}
