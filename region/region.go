package region

import "github.com/seed-4f7f0efa/gormcache/internal/engine"

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

// Region is a named policy of one plugin, and points to where that plugin keeps its entries. Plugin.Region returns
// it. It is safe for concurrent use.
type Region struct{ engine *engine.Region }

// Of returns the handle of an engine's region. It is for Plugin.Region.
func Of(r *engine.Region) *Region { return &Region{engine: r} }

// Name returns the region's name.
func (r *Region) Name() string { return r.engine.Name() }

// Config returns the region's policy, defaults filled in.
func (r *Region) Config() Config { return Config(r.engine.Policy()) }
