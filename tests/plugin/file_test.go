package plugin_test

import (
	"context"
	"path/filepath"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/null"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
)

// TestAFileKeepsValuesAndNoRows runs a program three times. While none runs, the database changes: what depends on it is
// asked for again, and other values are not. Falls if rows or values of tables are saved, or values are saved without
// their tags.
func TestAFileKeepsValuesAndNoRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	d := newDatabase(t, "sqlite")
	made := map[string]int{}
	run := func(during func(db *gorm.DB)) {
		s, err := memory.Open(path)
		must(t, err)
		db := d.Open(t)
		p := use(t, db, s)
		reading(t, db, "users", direct(t, d.plain, "users"), miss)
		r, err := p.Region("default")
		must(t, err)
		for key, opts := range map[string][]region.Option{
			"free": nil, "tagged": {region.WithTags("mine")}, "of users": {region.WithTables("users")},
		} {
			_, err := region.GetOrCreate(t.Context(), r, key, func(context.Context) (int, error) {
				made[key]++
				return made[key], nil
			}, opts...)
			must(t, err)
		}
		during(db)
		must(t, p.Close())
		must(t, s.Close())
	}
	run(func(*gorm.DB) {})
	must(t, rename(d.plain, 1, "changed while no program ran"))
	run(func(db *gorm.DB) { must(t, invalidate.Tags(t.Context(), db, "mine")) })
	if made["free"] != 1 || made["tagged"] != 1 || made["of users"] != 2 {
		t.Errorf("after the second run the values were made so often: %v", made)
	}
	run(func(*gorm.DB) {})
	if made["free"] != 1 || made["tagged"] != 2 {
		t.Errorf("after the third run the values were made so often: %v", made)
	}
}

// TestNoStoreAtAll: with store/null every read asks the database, and nothing else is different.
func TestNoStoreAtAll(t *testing.T) {
	d := newDatabase(t, "sqlite")
	db := d.Open(t)
	use(t, db, null.New())
	for range 3 {
		reading(t, db, "users", direct(t, d.plain, "users"), miss)
		must(t, rename(db, 1, "renamed"))
	}
}

// TestRejectedEntriesAreCountedThroughLayers: a meter over a sealed store does not hide what that one has rejected.
func TestRejectedEntriesAreCountedThroughLayers(t *testing.T) {
	below := newStore(t, "memory")
	pass := func(ctx context.Context, _ store.Call, next func(context.Context) error) error { return next(ctx) }
	d := newDatabase(t, "sqlite")
	var stats []func() observe.Stats
	var handles []*gorm.DB
	for _, id := range []string{"one", "two"} {
		s, err := sealed.New(below, sealed.Keys{Current: sealed.Key{ID: id, Secret: []byte("the secret of key " + id + ", long enough")}})
		must(t, err)
		handles = append(handles, d.Open(t))
		stats = append(stats, use(t, handles[len(handles)-1], store.Wrap(store.Wrap(s, pass), pass)).Stats)
	}
	warm(t, handles[1], "islands")
	want := warm(t, handles[0], "users")
	reading(t, handles[1], "users", want, miss)
	if n := stats[1]().Rejected; n != 1 {
		t.Errorf("%d are counted", n)
	}
}
