package engine

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
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
	soft    int      // places in base of the tags of soft invalidation and of grace; 0: the region has none
	grace   int
	claims  store.Claimer // nil: other processes do not share the region's entries, or can't agree

	functionsMu sync.Mutex
	functions   map[string][]Function // by template
}

func newRegion(e *Engine, name string, policy Policy) *Region {
	ns := e.cfg.Namespace
	r := &Region{
		engine:  e,
		name:    name,
		policy:  policy,
		counter: e.cfg.Recorder.Region(name),
		base:    []string{ns.Epoch(), ns.Region(name)},
	}
	if policy.StaleWhileRevalidate > 0 {
		r.soft, r.base = len(r.base), append(r.base, ns.Soft(name))
	}
	if policy.StaleIfError > 0 {
		r.grace, r.base = len(r.base), append(r.base, ns.Grace(name))
	}
	switch {
	case policy.Store != nil:
		r.claims = store.ClaimerOf(policy.Store)
	case e.cfg.ReadTimeout > 0: // a store in this process alone has flights
		r.claims = store.ClaimerOf(e.cfg.Store)
	}
	return r
}

// Name returns the region's name.
func (r *Region) Name() string { return r.name }

// Policy returns the region's policy.
func (r *Region) Policy() Policy { return r.policy }

// Counts are the numbers of the region's reads.
func (r *Region) Counts() observe.Counts { return r.engine.cfg.Recorder.Snapshot().Regions[r.name] }

// Namespace returns the prefix of the region's keys.
func (r *Region) Namespace() store.Namespace { return r.engine.cfg.Namespace }

// Tags returns all tags of an entry that depends on the given ones: those, and the ones that every
// entry of the region depends on. The order is fixed, since an entry's tokens stand in it.
func (r *Region) Tags(tags ...string) []string {
	all := make([]string, 0, len(r.base)+len(tags))
	return append(append(all, r.base...), tags...)
}

// ttl is how long the entry is fresh, jitter taken off; negative: it is not stored.
func (r *Region) ttl(instead time.Duration, empty bool) time.Duration {
	ttl, negative := r.policy.TTL, r.policy.NegativeTTL
	if instead > 0 {
		ttl = instead
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

// set stores entries, also if the caller has given up by now. The caller has its answer already, and does not wait
// for a slow store beyond its patience: storing goes on in the background, for WriteTimeout at most. stored is closed
// when it has ended; nil: it has.
func (r *Region) set(ctx context.Context, q *Request, entries ...store.Entry) (stored <-chan struct{}) {
	e, counters := r.engine, q.Counters // the request is not kept beyond the read
	return r.storing(ctx, func(ctx context.Context) {
		if e.put(ctx, entries) {
			r.filled(counters, len(entries))
		}
	})
}

// storing runs put, which stores something, and waits for it as long as the caller has patience. stored is as of set.
func (r *Region) storing(ctx context.Context, put func(context.Context)) (stored <-chan struct{}) {
	e := r.engine
	if e.cfg.ReadTimeout == 0 {
		put(context.WithoutCancel(ctx))
		return nil
	}
	done := make(chan struct{})
	if !e.background(ctx, func(ctx context.Context) {
		defer close(done)
		defer e.survive(ctx, "fill")
		put(ctx)
	}) {
		return nil
	}
	patience := time.NewTimer(e.patience(ctx))
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	case <-ctx.Done():
	}
	return done
}

// filled counts entries that were stored.
func (r *Region) filled(counters []*observe.Counter, n int) {
	for range n {
		r.engine.cfg.Recorder.Fill()
		r.counter.Fill()
		for _, c := range counters {
			c.Fill()
		}
	}
}

// Report counts a read that has ended and calls the hook. Read does so itself; it is for callers that
// find out before reading that the cache must be left alone.
func (r *Region) Report(ctx context.Context, q *Request, res Result, err error, start time.Time) {
	r.report(ctx, q.Key, q.Tables, q.Counters, res, err, start)
}

func (r *Region) report(ctx context.Context, key string, tables []string, counters []*observe.Counter, res Result, err error, start time.Time) {
	rec := r.engine.cfg.Recorder
	noted(ctx, &res)
	rec.Count(res.Outcome, res.Reason)
	r.counter.Add(res.Outcome)
	for _, c := range counters {
		c.Add(res.Outcome)
	}
	if res.Coalesced {
		rec.Coalesced()
	}
	hook, log := rec.Hooks.Read, r.engine.cfg.Logger
	debug := log.Enabled(ctx, slog.LevelDebug)
	if hook == nil && !debug {
		return
	}
	took := time.Since(start)
	if hook != nil {
		hook(ctx, observe.Read{
			Region: r.name, Tables: tables, Outcome: res.Outcome, Reason: res.Reason,
			Detail: res.Detail, Coalesced: res.Coalesced, Err: err, Duration: took,
		})
	}
	if debug {
		log.DebugContext(ctx, "gormcache: read", "region", r.name, "tables", tables, "key", key,
			"outcome", res.Outcome.String(), "reason", string(res.Reason), "detail", res.Detail,
			"coalesced", res.Coalesced, "error", describe(err), "took", took)
	}
}

// countDropped counts an entry that a write has dropped, and that was loaded again.
func (r *Region) countDropped(counters []*observe.Counter, identical bool) {
	r.engine.cfg.Recorder.Dropped(identical)
	r.counter.Dropped(identical)
	for _, c := range counters {
		c.Dropped(identical)
	}
}
