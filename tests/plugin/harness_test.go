package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var must, eventually = lab.Must, lab.Eventually

// database is an empty database of one kind with the tests' tables in it.
type database struct {
	*servers.Database
	plain *gorm.DB // without the plugin: the truth, and writes behind the cache's back
}

func newDatabase(t testing.TB, kind string) *database {
	t.Helper()
	w := lab.New(t, kind, gormcache.Config{}, func(db *gorm.DB) error { return errors.Join(schema(kind, db), seed(db)) })
	return &database{Database: w.Database, plain: w.Plain}
}

// newStore makes a store that all plugins of one test share, as processes share a Redis.
func newStore(t testing.TB, kind string) store.Store {
	t.Helper()
	return lab.Store(t, kind)
}

// use registers a plugin over the store.
func use(t testing.TB, db *gorm.DB, s store.Store, change ...func(*gormcache.Config)) *gormcache.Plugin {
	t.Helper()
	return lab.Use(t, db, gormcache.Config{
		Store: s, Namespace: "test", Views: map[string][]string{"user_names": {"users"}},
		Regions: map[string]region.Config{"default": {TTL: time.Hour}, "second": {TTL: time.Hour}},
	}, change...)
}

const (
	hit    = observe.Hit
	miss   = observe.Miss
	bypass = observe.Bypass
)

type rows = []map[string]any

// cached reads a table through the cache, and tells how.
func cached(t testing.TB, db *gorm.DB, table string, opts ...fromcache.Option) (rows, observe.Read) {
	t.Helper()
	got, seen, err := tryCached(t.Context(), db, table, opts...)
	if err != nil {
		t.Fatalf("cached read of %s: %v", table, err)
	}
	return got, seen
}

func tryCached(ctx context.Context, db *gorm.DB, table string, opts ...fromcache.Option) (rows, observe.Read, error) {
	var seen observe.Read
	got := rows{}
	err := db.WithContext(lab.Seeing(ctx, &seen)).
		Clauses(fromcache.Region("default", opts...)).Table(table).Order(orderOf(table)).Find(&got).Error
	return got, seen, err
}

// direct reads a table and leaves the cache alone.
func direct(t testing.TB, db *gorm.DB, table string) rows {
	t.Helper()
	got := rows{}
	must(t, db.Table(table).Order(orderOf(table)).Find(&got).Error)
	return got
}

func same(t testing.TB, what string, got, want rows) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// reading reads a table through the cache and checks both answer and outcome.
func reading(t testing.TB, db *gorm.DB, table string, want rows, outcomes ...observe.Outcome) {
	t.Helper()
	got, seen := cached(t, db, table)
	same(t, "cached read of "+table, got, want)
	for _, o := range outcomes {
		if seen.Outcome == o {
			return
		}
	}
	t.Errorf("cached read of %s: %v (%s %s), want %v", table, seen.Outcome, seen.Reason, seen.Detail, outcomes)
}

// warm fills the cache with a read, and makes sure that it is served. After everything was dropped the
// first read is bypassed, since the database's catalog must be read again.
func warm(t testing.TB, db *gorm.DB, table string) rows {
	t.Helper()
	for range 3 {
		if got, seen := cached(t, db, table); seen.Outcome == hit {
			return got
		}
	}
	_, seen := cached(t, db, table)
	t.Fatalf("%s can't be cached: %v (%s %s)", table, seen.Outcome, seen.Reason, seen.Detail)
	return nil
}

// dropped reads a table through the cache and checks that the answer was loaded. catalog tells that
// all was dropped, and so the catalog is read first.
func dropped(t testing.TB, db *gorm.DB, table string, want rows, catalog bool) {
	t.Helper()
	got, seen := cached(t, db, table)
	same(t, "cached read of "+table, got, want)
	if seen.Outcome != miss && !(catalog && seen.Reason == observe.Catalog) {
		t.Errorf("cached read of %s: %v (%s %s), want a miss", table, seen.Outcome, seen.Reason, seen.Detail)
	}
}

// behind changes a table behind the cache's back.
func (d *database) behind(t testing.TB, table string) {
	t.Helper()
	for _, w := range watched {
		if w.table != table || w.behind == "-" {
			continue
		}
		s := w.behind
		if s == "" {
			s = fmt.Sprintf("UPDATE %s SET name = 'behind'", table)
		}
		must(t, d.plain.Exec(s).Error)
	}
}

// rename changes one user on any handle.
func rename(db *gorm.DB, id uint, name string) error {
	return db.Model(&User{ID: id}).Update("name", name).Error
}
