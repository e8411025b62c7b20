package relation_test

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

var must = lab.Must

// world is a database, a handle without the plugin, which tells the truth and writes behind the cache's back,
// and one with it, whose queries are noted.
type world struct {
	plain  *gorm.DB
	db     *gorm.DB
	plugin *gormcache.Plugin

	queries lab.Lines
	runs    int
}

func newWorld(t testing.TB, kind string, users int, change ...func(*gormcache.Config)) *world {
	t.Helper()
	d, w := servers.Empty(t, kind), &world{}
	w.plain = d.OpenTapped(t, &tap.Tap{})
	must(t, migrate(w.plain))
	must(t, w.plain.Transaction(func(tx *gorm.DB) error { return seed(tx.Session(&gorm.Session{Initialized: true}), users) }))
	w.db = d.OpenTapped(t, &tap.Tap{Ran: w.note})
	w.plugin = lab.Use(t, w.db, gormcache.Config{
		Namespace: "relations",
		Regions:   map[string]region.Config{"default": {TTL: time.Hour}, "second": {TTL: time.Hour}},
	}, change...)
	must(t, w.db.Clauses(fromcache.Region("default")).Find(&[]City{}).Error) // reads the catalog
	return w
}

func (w *world) note(query string) {
	if strings.HasPrefix(query, "SELECT") && !strings.Contains(query, "FOR UPDATE") {
		w.queries.Add(query)
	}
}

// take returns the queries since the last take.
func (w *world) take() []string { return w.queries.Take() }

// fresh is a key that no entry has yet.
func (w *world) fresh() fromcache.Option {
	w.runs++
	return fromcache.Key(w.runs)
}

// scoped is a handle whose queries cache both their rows and these relations.
func (w *world) scoped(opt fromcache.Option, relations ...string) *gorm.DB {
	db := w.db.Clauses(fromcache.Region("default", opt))
	for _, name := range relations {
		db = db.Clauses(relation.Cache(name, "default", opt))
	}
	return db
}
