package plugin_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

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
