package plugin_test

import (
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// At READ UNCOMMITTED a reader sees rows that are rolled back later, and without autocommit its pool
// keeps old snapshots: neither may be stored.
func TestSessionsThatRuleOutACache(t *testing.T) {
	maria := servers.MariaDB(t).DSN
	for name, c := range map[string]struct {
		dialector gorm.Dialector
		cached    bool
	}{
		"sqlite":                      {sqlite.Open(t.TempDir() + "/plain.db"), true},
		"mariadb":                     {mysql.Open(maria), true},
		"mariadb without autocommit":  {mysql.Open(maria + "&autocommit=0"), false},
		"mariadb at READ UNCOMMITTED": {mysql.Open(maria + "&tx_isolation=%27READ-UNCOMMITTED%27"), false},
		"mariadb at SERIALIZABLE":     {mysql.Open(maria + "&tx_isolation=%27SERIALIZABLE%27"), true},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := gorm.Open(c.dialector, &gorm.Config{Logger: logger.Discard})
			if err != nil {
				t.Fatal(err)
			}
			pool, err := db.DB()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = pool.Close() }()
			p, err := gormcache.New(gormcache.Config{Namespace: "session"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Close() }()
			if err := db.Use(p); err != nil {
				t.Fatal(err)
			}
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
