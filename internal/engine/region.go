package engine

import (
	"math/rand/v2"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Region is a named policy, bound to the engine of one plugin. It is safe for concurrent use.
type Region struct {
	engine  *Engine
	name    string
	policy  Policy
	counter *observe.Counter
	base    []string // the tags every entry of the region depends on
}

func newRegion(e *Engine, name string, policy Policy) *Region {
	ns := e.cfg.Namespace
	return &Region{
		engine:  e,
		name:    name,
		policy:  policy,
		counter: e.cfg.Recorder.Region(name),
		base:    []string{ns.Epoch(), ns.Region(name)},
	}
}

// Name returns the region's name.
func (r *Region) Name() string { return r.name }

// Policy returns the region's policy.
func (r *Region) Policy() Policy { return r.policy }

// Namespace returns the prefix of the region's keys.
func (r *Region) Namespace() store.Namespace { return r.engine.cfg.Namespace }

// Tags returns all tags of an entry that depends on the given ones: those, and the ones that every
// entry of the region depends on. The order is fixed, since an entry's tokens stand in it.
func (r *Region) Tags(tags ...string) []string {
	all := make([]string, 0, len(r.base)+len(tags))
	return append(append(all, r.base...), tags...)
}

// ttl is how long the entry is fresh, jitter taken off; negative: it is not stored.
func (r *Region) ttl(q *Request, empty bool) time.Duration {
	ttl, negative := r.policy.TTL, r.policy.NegativeTTL
	if q.TTL > 0 {
		ttl = q.TTL
		negative = min(ttl, negative)
	}
	if empty {
		ttl = negative
	}
	if ttl == NoExpiration || ttl < 0 || r.policy.Jitter == 0 {
		return ttl
	}
	return ttl - time.Duration(r.policy.Jitter*rand.Float64()*float64(ttl))
}
