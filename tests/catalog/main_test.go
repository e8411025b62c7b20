// Package catalog compares what the catalog makes of a database's own description with what the database does: which
// tables a view reads, which tables a write changes by triggers and foreign keys, which functions write, what is volatile,
// how values are laid out in columns.
package catalog_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m), servers.IgnoreLeaks()) }

// database is a connection pool and the dialect it speaks.
type database struct {
	*sql.DB
	dialect sqltext.Dialect
}

func open(t *testing.T, dialector gorm.Dialector) database {
	t.Helper()
	pool, err := servers.Open(t, dialector).DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1) // temporary tables belong to a connection
	return database{pool, sqltext.DialectOf(dialector.Name())}
}

func openSQLite(t *testing.T) database { return open(t, servers.SQLite(t).Dialector()) }

func openPostgres(t *testing.T) database { return open(t, servers.Postgres(t).Dialector()) }

func openMariaDB(t *testing.T) database { return open(t, servers.MariaDB(t).Dialector()) }

func (db database) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func (db database) load(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(context.Background(), db, db.dialect)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func kinds(t *testing.T, c *catalog.Catalog, want map[string]catalog.Kind) {
	t.Helper()
	for name, kind := range want {
		if got := c.Kind(name); got != kind {
			t.Errorf("%s is a %v, want %v", name, got, kind)
		}
	}
}

// affected checks what a write to each table reaches; "?x" stands for an effect of x that is unknown.
func affected(t *testing.T, c *catalog.Catalog, want map[string][]string) {
	t.Helper()
	for table, reaches := range want {
		all, unknown := c.Affected([]string{table}, nil)
		if unknown != "" {
			all = []string{"?" + unknown}
		}
		if !slices.Equal(all, reaches) {
			t.Errorf("a write to %s affects %v, want %v", table, all, reaches)
		}
	}
}

// tables checks what a view reads; nil stands for what can't be told.
func tables(t *testing.T, c *catalog.Catalog, want map[string][]string) {
	t.Helper()
	for view, reads := range want {
		got, doubt := c.Below([]string{view}, nil)
		got = slices.DeleteFunc(got, func(name string) bool { return c.Kind(name) != catalog.Table })
		if !slices.Equal(got, reads) || (doubt.Name == "") != (reads != nil) {
			t.Errorf("%s reads %v (%+v), want %v", view, got, doubt, reads)
		}
	}
}
