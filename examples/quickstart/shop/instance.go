package shop

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Stores is where the instances keep what they cache.
type Stores struct {
	Namespace string
	// Shared makes a store for one more instance. Nil: there is one instance, with the store inside the process.
	Shared func() store.Store
}

// instance is what one process of the shop would have: a handle on the database with the plugin, and a
// plain one beside it, to compare.
type instance struct {
	db       *gorm.DB
	plain    *gorm.DB
	plugin   *gormcache.Plugin
	sql      counter // of db
	plainSQL counter
	last     atomic.Pointer[observe.Read]
}

func newInstance(dir string, stores Stores) (*instance, error) {
	in := &instance{}
	var err error
	if in.db, err = open(dir, &in.sql); err != nil {
		return nil, err
	}
	if in.plain, err = open(dir, &in.plainSQL); err != nil {
		return nil, err
	}
	cfg := gormcache.Config{
		Namespace: stores.Namespace,
		Regions:   map[string]region.Config{"shop": {TTL: time.Minute}},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Hooks:     &observe.Hooks{Read: func(_ context.Context, r observe.Read) { in.last.Store(&r) }},
	}
	if stores.Shared != nil {
		cfg.Store = stores.Shared()
	}
	if in.plugin, err = gormcache.New(cfg); err != nil {
		return nil, err
	}
	return in, in.db.Use(in.plugin)
}

// open opens the shop's database below a counter.
func open(dir string, statements *counter) (*gorm.DB, error) {
	dsn := "file:" + filepath.Join(dir, "shop.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)"
	// The way to a driver that is known by its name only. Nothing is connected yet.
	named, err := sql.Open(sqlite.DriverName, dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(&connector{driver: named.Driver(), dsn: dsn, counter: statements})
	if err := named.Close(); err != nil {
		return nil, err
	}
	return gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Default.LogMode(logger.Error)})
}

func (in *instance) close() {
	if in.plugin != nil {
		_ = in.plugin.Close()
	}
	for _, db := range []*gorm.DB{in.db, in.plain} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	}
}
