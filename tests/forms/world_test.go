package forms_test

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

const (
	lite = "sqlite"
	pg   = "postgres"
	my   = "mysql" // MariaDB, by GORM's name for it
)

// regions are all regions of a world.
var regions = []string{"default", "negative", "no_empty", "few_rows", "small"}

// world is one database with the forms' data, and two handles on it.
type world struct {
	dialect  string
	prepared bool
	policy   bool // all is cached by policy
	database *servers.Database

	plain    *gorm.DB // without the plugin
	plainSQL *statements
	cached   *gorm.DB // with it
	SQL      *statements
	plugin   *gormcache.Plugin

	outcomes lab.Outcomes
}

func newWorld(t *testing.T, dialect string, prepared bool, change ...func(*gormcache.Config)) *world {
	w := &world{dialect: dialect, prepared: prepared}
	switch dialect {
	case lite:
		w.database = servers.SQLite(t)
	case pg:
		w.database = servers.Postgres(t)
	case my:
		w.database = servers.MariaDB(t)
		w.database.DSN += "&multiStatements=true"
	}
	if err := seed(w.database.Open(t)); err != nil {
		t.Fatalf("%s: seed: %v", dialect, err)
	}
	w.plain, w.plainSQL = w.open(t)
	w.cached, w.SQL = w.open(t)
	w.plugin = lab.Use(t, w.cached, gormcache.Config{
		Namespace: "forms",
		Regions: map[string]region.Config{
			"default":  {TTL: time.Hour},
			"negative": {TTL: time.Hour, NegativeTTL: time.Minute},
			"no_empty": {TTL: time.Hour, NegativeTTL: -1},
			"few_rows": {TTL: time.Hour, MaxRows: 3},
			"small":    {TTL: time.Hour, MaxBytes: 256},
		},
		Hooks: w.outcomes.Hooks(),
	}, change...)
	t.Cleanup(func() {
		if err := w.plugin.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// open returns a handle whose SQL is noted.
func (w *world) open(t *testing.T) (*gorm.DB, *statements) {
	log := &statements{}
	cfg := &gorm.Config{PrepareStmt: w.prepared, TranslateError: true}
	return w.database.OpenTapped(t, &tap.Tap{Ran: log.add}, cfg), log
}

func (w *world) String() string { return fmt.Sprintf("%s, prepared %v", w.dialect, w.prepared) }
