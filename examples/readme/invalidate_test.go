package readme

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

func TestByHand(t *testing.T) {
	db, cache := shop(t)
	ctx := t.Context()
	var users []User
	read := func() {
		check(t, db.Clauses(fromcache.Region("reports", fromcache.Tags("welcome page"))).Find(&users).Error)
	}
	read()
	// docs: by hand
	err := errors.Join(
		invalidate.Tables(ctx, db, "users"),      // written to by another program
		invalidate.Model(ctx, db, &User{ID: 5}),  // the same, by a model
		invalidate.Tags(ctx, db, "welcome page"), // stored with fromcache.Tags("welcome page")
		invalidate.Region(ctx, db, "reports"),    // all of a region
		invalidate.All(ctx, db),                  // all of the namespace
	)
	// docs: end
	check(t, err)
	read()
	if hits := cache.Stats().Hits; hits != 0 {
		t.Errorf("%d hits after everything was invalidated", hits)
	}
}

func TestHooks(t *testing.T) {
	// docs: hooks
	hooks := &observe.Hooks{
		Read: func(ctx context.Context, r observe.Read) {
			if r.Outcome == observe.Bypass {
				slog.InfoContext(ctx, "not cached", "tables", r.Tables, "reason", r.Reason, "detail", r.Detail)
			}
		},
	}
	cache, err := gormcache.New(gormcache.Config{Namespace: "shop", Hooks: hooks})
	// docs: end
	check(t, err)
	check(t, cache.Close())
}

func TestTesting(t *testing.T) {
	db, cache := shop(t)
	var users []User
	// docs: testing
	before := cache.Stats()
	db.Clauses(fromcache.Region("default")).Find(&users) // the code under test
	db.Clauses(fromcache.Region("default")).Find(&users)
	if after := cache.Stats(); after.Hits-before.Hits != 1 {
		t.Errorf("bypassed by reason: %v", after.Bypassed)
	}
	// docs: end
}
