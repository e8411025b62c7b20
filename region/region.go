package region

import (
	"math/rand/v2"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Region is a named policy, bound to the engine of one plugin. It is safe for concurrent use.
type Region struct {
	engine  *Engine
	name    string
	cfg     Config
	counter *observe.Counter
	base    []string // the tags every entry of the region depends on
}

func newRegion(e *Engine, name string, cfg Config) *Region {
	ns := e.cfg.Namespace
	return &Region{
		engine:  e,
		name:    name,
		cfg:     cfg,
		counter: e.cfg.Recorder.Region(name),
		base:    []string{ns.Epoch(), ns.Region(name)},
	}
}

// Name returns the region's name.
func (r *Region) Name() string { return r.name }

// Config returns the region's policy, defaults filled in.
func (r *Region) Config() Config { return r.cfg }

// Tags returns all tags of an entry that depends on the given ones: those, and the ones that every
// entry of the region depends on. The order is fixed, since an entry's tokens stand in it.
func (r *Region) Tags(tags ...string) []string {
	all := make([]string, 0, len(r.base)+len(tags))
	return append(append(all, r.base...), tags...)
}

// ttl is how long the entry is fresh, jitter taken off; negative: it is not stored.
func (r *Region) ttl(q *Request, empty bool) time.Duration {
	ttl, negative := r.cfg.TTL, r.cfg.NegativeTTL
	if q.TTL > 0 {
		ttl = q.TTL
		negative = min(ttl, negative)
	}
	if empty {
		ttl = negative
	}
	if ttl == NoExpiration || ttl < 0 || r.cfg.Jitter == 0 {
		return ttl
	}
	return ttl - time.Duration(r.cfg.Jitter*rand.Float64()*float64(ttl))
}
