package region

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
)

// Mode is how a call treats what is cached: [Normal], [Refresh] or [OnlyIfCached].
type Mode = engine.Mode

// Modes of a call.
const (
	// Normal serves what is cached, and loads otherwise.
	Normal = engine.Normal
	// Refresh loads in any case, and overwrites what is cached.
	Refresh = engine.Refresh
	// OnlyIfCached never loads: what is not cached is [ErrCacheMiss].
	OnlyIfCached = engine.OnlyIfCached
)

// Region is a named policy, and points to where its entries are. Plugin.Region returns that of a plugin; [New] makes one
// without GORM. It is safe for concurrent use.
type Region struct {
	engine *engine.Region
	drop   func(ctx context.Context, tags []string) error // nil: the plugin tells the store
	own    *standalone                                    // nil: the region of a plugin
}

// Of returns the handle of an engine's region. It is for Plugin.Region. drop gives tags new tokens.
func Of(r *engine.Region, drop ...func(ctx context.Context, tags []string) error) *Region {
	handle := &Region{engine: r}
	if len(drop) > 0 {
		handle.drop = drop[0]
	}
	return handle
}

// Name returns the region's name.
func (r *Region) Name() string { return r.engine.Name() }

// Config returns the region's policy, defaults filled in.
func (r *Region) Config() Config { return Config(r.engine.Policy()) }
