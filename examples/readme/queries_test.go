package readme

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
)

func TestQueries(t *testing.T) {
	db, cache := shop(t)
	ctx := t.Context()
	var (
		users []User
		user  User
		n     int64
		names []string
	)
	// docs: classic
	db.Clauses(fromcache.Region("default", fromcache.TTL(time.Minute))).Where("age > ?", 18).Find(&users)
	db.Scopes(fromcache.Scope("default")).First(&user, 1)
	db.Clauses(fromcache.Region("reports")).Model(&User{}).Where("age > ?", 18).Count(&n)
	db.Clauses(fromcache.Region("reports")).Raw("SELECT name FROM users ORDER BY name").Scan(&names)
	// docs: end
	// docs: generic
	adults, err := gorm.G[User](db, fromcache.Region("default")).Where("age > ?", 18).Find(ctx)
	// docs: end
	check(t, err)
	if len(users) != 1 || user.Name != "Ada" || n != 1 || len(names) != 2 || len(adults) != 1 {
		t.Error(users, user, n, names, adults)
	}
	counts(t, cache, 1, 4, 0) // the generic form has the SQL of the first
}

func TestOptions(t *testing.T) {
	db, cache := shop(t)
	var users []User
	tenant := uint(7)
	// docs: options
	// The answer depends on what the SQL does not show: row-level security, search_path, a session variable.
	db.Clauses(fromcache.Region("default", fromcache.Key(tenant))).Find(&users)

	// Ask the database now, and store its answer.
	db.Clauses(fromcache.Region("default", fromcache.Refresh())).Find(&users)

	// Never ask the database.
	err := db.Clauses(fromcache.Region("default", fromcache.OnlyIfCached())).Find(&users).Error
	if errors.Is(err, fromcache.ErrCacheMiss) {
		users = nil
	}
	// docs: end
	check(t, err)
	if len(users) != 2 {
		t.Error(users)
	}
	counts(t, cache, 1, 2, 0)
}

func TestPreload(t *testing.T) {
	db, cache := shop(t)
	var users []User
	for range 2 {
		users = nil
		// docs: preload
		db.Clauses(
			fromcache.Region("default"),         // the users
			relation.Cache("Orders", "default"), // each user's orders
		).Preload("Orders").Find(&users)
		// docs: end
	}
	if len(users) != 2 || len(users[0].Orders) != 2 {
		t.Error(users)
	}
	counts(t, cache, 2, 2, 0)
}

func TestTransaction(t *testing.T) {
	db, cache := shop(t)
	// docs: transaction
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{}).Where("id = ?", 1).Update("age", 37).Error; err != nil {
			return err
		}
		var user User // The database answers: the row is not committed yet.
		return tx.Clauses(fromcache.Region("default")).First(&user, 1).Error
	}) // Here, before Transaction returns, what reads users is invalidated.
	// docs: end
	check(t, err)
	counts(t, cache, 0, 0, 1)
}

func TestValues(t *testing.T) {
	db, cache := shop(t)
	ctx := t.Context()
	// docs: values
	reports, err := cache.Region("reports")
	if err != nil {
		t.Fatal(err)
	}
	count := func(ctx context.Context) (int64, error) {
		return gorm.G[User](db).Where("age > ?", 18).Count(ctx, "id")
	}
	adults, err := region.GetOrCreate(ctx, reports, "adults", count, region.WithTables("users"))
	// docs: end
	check(t, err)
	if adults != 1 {
		t.Error(adults)
	}
	counts(t, cache, 0, 1, 0)
}
