package plugin_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A plain view is found in the catalog: it is cached, and a write to the table below it drops it. One
// whose answer depends on more than tables is bypassed.
func TestViewsThatNobodyDeclared(t *testing.T) {
	db := servers.SQLite(t).Open(t)
	p := servers.Plugin(t, db, gormcache.Config{Namespace: "views"})
	for _, sql := range []string{
		"CREATE TABLE things (id int, at text)",
		"CREATE VIEW some AS SELECT id FROM things",
		"CREATE VIEW fewer AS SELECT id FROM some WHERE id > 0",
		"CREATE VIEW recent AS SELECT id FROM things WHERE at > datetime('now')",
	} {
		if err := db.Exec(sql).Error; err != nil {
			t.Fatal(err)
		}
	}
	count := func(view string) (n int64) {
		t.Helper()
		if err := db.Clauses(fromcache.Region("default")).Table(view).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		count("fewer")
		count("recent")
	}
	s := p.Stats()
	if s.Hits != 1 || s.Misses != 1 || s.Bypassed[observe.Volatile] != 2 {
		t.Errorf("%d hits, %d misses, bypassed %v", s.Hits, s.Misses, s.Bypassed)
	}
	if err := db.Exec("INSERT INTO things (id) VALUES (1)").Error; err != nil {
		t.Fatal(err)
	}
	if n := count("fewer"); n != 1 {
		t.Errorf("%d rows after a write to the table below the view, want 1", n)
	}
}
