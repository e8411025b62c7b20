package readme

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
)

func TestPolicies(t *testing.T) {
	// docs: policies
	cfg := gormcache.Config{
		Namespace: "shop",
		Regions:   map[string]region.Config{"default": {TTL: time.Hour}, "reports": {TTL: time.Minute}},
		Models: map[string]fromcache.Policy{
			"User":     {Operations: fromcache.Get | fromcache.Count},   // a model, by its type
			"orders":   {TTL: 10 * time.Minute},                         // a table
			"report_*": {Region: "reports", Operations: fromcache.List}, // a pattern
			"sessions": {Off: true},                                     // never
			// "*": {} for all that is not named
		},
	}
	// docs: end
	cache, err := gormcache.New(cfg)
	check(t, err)
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "shop.db")), &gorm.Config{Logger: logger.Discard})
	check(t, err)
	check(t, db.Use(cache))
	check(t, db.AutoMigrate(&User{}, &Order{}))
	check(t, db.Create(&User{Name: "Ada", Age: 36, Orders: []Order{{Item: "lamp"}}}).Error)
	var (
		user  User
		users []User
	)
	// docs: by policy
	db.First(&user, 1)                              // through the cache: the policy of User has Get
	db.Find(&users)                                 // not: it has no List
	db.Clauses(fromcache.Bypass()).First(&user, 1)  // not: the query says so
	db.Clauses(fromcache.Refresh()).First(&user, 1) // asks the database, and stores its answer
	// docs: end
	counts(t, cache, 0, 2, 1)
	// docs: explain
	e, err := gormcache.Explain(db, func(tx *gorm.DB) *gorm.DB { return tx.First(&user, 1) })
	// docs: end
	check(t, err)
	for _, word := range []string{`Config.Models["User"]`, "a write to users where id is 1"} {
		if !strings.Contains(e.String(), word) {
			t.Errorf("it does not say %q:\n%s", word, e)
		}
	}
	check(t, cache.Close())
}
