package lab

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// World is a database and a store, which the processes of one test share.
type World struct {
	*servers.Database
	// Plain has no plugin: it tells the truth, and writes behind the cache's back.
	Plain *gorm.DB
	// Config is that of every plugin. Its Store is that of all; its Hooks default to [Hooks].
	Config gormcache.Config
}

// New makes a world on an empty database of one of [servers.Kinds], which fill gives its tables and rows.
func New(tb testing.TB, kind string, cfg gormcache.Config, fill func(*gorm.DB) error) *World {
	tb.Helper()
	w := &World{Database: servers.Empty(tb, kind), Config: cfg}
	w.Plain = w.Open(tb)
	Must(tb, fill(w.Plain))
	return w
}

// Process opens a handle with a plugin, as a process of the application has. Each of change may alter the plugin's
// configuration first.
func (w *World) Process(tb testing.TB, change ...func(*gormcache.Config)) (*gorm.DB, *gormcache.Plugin) {
	tb.Helper()
	db := w.Open(tb)
	return db, w.Use(tb, db, change...)
}

// Use registers a plugin of the world with a handle.
func (w *World) Use(tb testing.TB, db *gorm.DB, change ...func(*gormcache.Config)) *gormcache.Plugin {
	tb.Helper()
	return Use(tb, db, w.Config, change...)
}

// Use registers a plugin with a handle, and closes it when tb ends. Its hooks default to [Hooks].
func Use(tb testing.TB, db *gorm.DB, cfg gormcache.Config, change ...func(*gormcache.Config)) *gormcache.Plugin {
	tb.Helper()
	if cfg.Hooks == nil {
		cfg.Hooks = Hooks()
	}
	return servers.Plugin(tb, db, cfg, change...)
}

// Store makes a store of one kind, "memory" or "redis", for all plugins of one test. It is closed when tb ends.
func Store(tb testing.TB, kind string) store.Store {
	tb.Helper()
	if kind == "redis" {
		return servers.Redis(tb).Store(tb)
	}
	s := memory.New()
	tb.Cleanup(func() { Must(tb, s.Close()) })
	return s
}
