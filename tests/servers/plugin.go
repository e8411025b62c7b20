package servers

import (
	"cmp"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
)

// budget is wide: the machine may be slow, and a lookup that runs out of time is a bypass, which is not what
// tests are about.
const budget = 10 * time.Second

// Plugin registers a plugin with a handle, and closes it when tb ends. Each of change may alter its
// configuration first.
func Plugin(tb testing.TB, db *gorm.DB, cfg gormcache.Config, change ...func(*gormcache.Config)) *gormcache.Plugin {
	tb.Helper()
	cfg.ReadTimeout, cfg.WriteTimeout = cmp.Or(cfg.ReadTimeout, budget), cmp.Or(cfg.WriteTimeout, budget)
	for _, f := range change {
		f(&cfg)
	}
	p, err := gormcache.New(cfg)
	if err == nil {
		err = db.Use(p)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}
