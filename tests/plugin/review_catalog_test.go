package plugin_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// A load of the catalog waits for a connection. Whoever holds the last one must not wait for the load.
func TestALoadOfTheCatalogThatWaitsForAConnection(t *testing.T) {
	for name, statement := range map[string]func(c *gorm.DB) error{
		"write": func(c *gorm.DB) error { return c.Exec("UPDATE users SET name = 'x'").Error },
		"read": func(c *gorm.DB) error {
			return c.Clauses(fromcache.Region("default")).Find(&[]User{}).Error
		},
		"transaction": func(c *gorm.DB) error { return rename(c, 1, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sqlite", "memory")
			pool, err := s.writer.db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			read, done := make(chan error, 1), make(chan error, 1)
			must(t, s.writer.db.Connection(func(c *gorm.DB) error {
				go func() { read <- s.writer.db.Clauses(fromcache.Region("default")).Find(&[]Order{}).Error }()
				eventually(t, "a load that waits", func() bool { return pool.Stats().WaitCount > 0 })
				go func() { done <- statement(c) }()
				select {
				case err := <-done:
					return err
				case <-time.After(20 * time.Second):
					t.Error("the connection's holder waits for a load that waits for the connection")
					return nil
				}
			}))
			must(t, <-read)
		})
	}
}

// A caller whose time is up does not go on waiting for another's load of the catalog.
func TestALoadOfTheCatalogThatOutlastsACaller(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	pool, err := s.writer.db.DB()
	must(t, err)
	pool.SetMaxOpenConns(1)
	read, begun := make(chan error, 1), make(chan error, 1)
	must(t, s.writer.db.Connection(func(*gorm.DB) error {
		go func() { read <- s.writer.db.Clauses(fromcache.Region("default")).Find(&[]Order{}).Error }()
		eventually(t, "a load that waits", func() bool { return pool.Stats().WaitCount > 0 })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		go func() { begun <- s.writer.db.WithContext(ctx).Begin().Error }()
		select {
		case err := <-begun:
			says(t, "Begin", err, "deadline")
		case <-time.After(20 * time.Second):
			t.Error("a deadline of 10 ms is not kept")
		}
		return nil
	}))
	must(t, <-read)
}

// The first epoch that a process sees may be that of DDL which its catalog, read for a write, is older
// than: a table that has become a view is none, and its readers depend on what the view reads.
func TestDDLBeforeTheFirstCachedRead(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	must(t, s.other.db.Exec("CREATE TABLE v (id int, name text)").Error)
	must(t, s.writer.db.Exec("UPDATE islands SET name = 'x'").Error)
	must(t, s.other.db.Exec("DROP TABLE v").Error)
	must(t, s.other.db.Exec("CREATE VIEW v AS SELECT id, name FROM users").Error)
	warm(t, s.writer.db, "v")
	must(t, rename(s.other.db, 1, "new"))
	reading(t, s.writer.db, "v", direct(t, s.plain, "v"), miss)
}

// A connection leads to the database of its own pool, not to that of the handle: were it taken for the
// latter, one tenant would get the other's rows.
func TestAConnectionOfAPoolThatWasSwapped(t *testing.T) {
	s, tenant := newScene(t, "sqlite", "memory"), newDatabase(t, "sqlite")
	must(t, rename(tenant.plain, 1, "tenant"))
	pool, err := tenant.plain.DB()
	must(t, err)
	swapped := s.other.db.WithContext(t.Context())
	swapped.Statement.ConnPool = pool
	warm(t, s.other.db, "users")
	must(t, swapped.Connection(func(c *gorm.DB) error {
		want := direct(t, tenant.plain, "users")
		reading(t, c, "users", want, miss)
		reading(t, c, "users", want, hit)
		return nil
	}))
}

// What a trigger changes that is declared may be other rows of the very table, and the catalog need not show it: here
// another program has made it since the catalog was read.
//
// Falls if: a write to such a table counts as one to its own rows. Then user 1 stays as before.
func TestDeclaredTriggersChangeOtherRows(t *testing.T) {
	for name, alone := range map[string]bool{"alone": true, "in a transaction": false} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sqlite", "memory", func(cfg *gormcache.Config) {
				cfg.Triggers = map[string][]string{"users": {"users"}}
			})
			db := s.writer.db.Session(&gorm.Session{SkipDefaultTransaction: alone})
			for range 2 { // the first commit learns that the schema it went by may be old
				warm(t, s.other.db, "users")
				must(t, rename(db, 3, "c"))
			}
			expectFirst(t, s.other.db, "ann", miss)
			expectFirst(t, s.other.db, "ann", hit)
			must(t, s.plain.Exec("CREATE TRIGGER others AFTER UPDATE ON users WHEN NEW.id = 2 BEGIN "+
				"UPDATE users SET name = 'changed' WHERE id = 1; END").Error)
			must(t, rename(db, 2, "b"))
			expectFirst(t, s.other.db, "changed", miss)
		})
	}
}
