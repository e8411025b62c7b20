package plugin_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// At READ UNCOMMITTED a reader sees rows that are rolled back later, and without autocommit its pool
// keeps old snapshots: neither may be stored.
func TestSessionsThatRuleOutACache(t *testing.T) {
	lite, maria := servers.SQLite(t), servers.MariaDB(t)
	for name, c := range map[string]struct {
		database *servers.Database
		params   string
		cached   bool
	}{
		"sqlite":                      {lite, "", true},
		"mariadb":                     {maria, "", true},
		"mariadb without autocommit":  {maria, "&autocommit=0", false},
		"mariadb at READ UNCOMMITTED": {maria, "&tx_isolation=%27READ-UNCOMMITTED%27", false},
		"mariadb at SERIALIZABLE":     {maria, "&tx_isolation=%27SERIALIZABLE%27", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := *c.database
			d.DSN += c.params
			db := d.Open(t)
			p := servers.Plugin(t, db, gormcache.Config{Namespace: "session"})
			if err := db.Exec("CREATE TABLE IF NOT EXISTS things (id int)").Error; err != nil {
				t.Fatal(err)
			}
			for range 2 {
				var n int64
				if err := db.Clauses(fromcache.Region("default")).Table("things").Count(&n).Error; err != nil {
					t.Fatal(err)
				}
			}
			s := p.Stats()
			if c.cached && s.Hits != 1 || !c.cached && (s.Hits != 0 || s.Bypassed[observe.Catalog] != 2) {
				t.Errorf("%d hits, bypassed %v", s.Hits, s.Bypassed)
			}
		})
	}
}
