package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Report counts a read that has ended and calls the hook. Read does so itself; it is for callers that
// find out before reading that the cache must be left alone.
func (r *Region) Report(ctx context.Context, q *Request, res Result, err error, start time.Time) {
	rec := r.engine.cfg.Recorder
	rec.Count(res.Outcome, res.Reason)
	r.counter.Add(res.Outcome)
	for _, c := range q.Counters {
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
			Region: r.name, Tables: q.Tables, Outcome: res.Outcome, Reason: res.Reason,
			Detail: res.Detail, Coalesced: res.Coalesced, Err: err, Duration: took,
		})
	}
	if debug {
		log.DebugContext(ctx, "gormcache: read", "region", r.name, "tables", q.Tables, "key", q.Key,
			"outcome", res.Outcome.String(), "reason", string(res.Reason), "detail", res.Detail,
			"coalesced", res.Coalesced, "error", describe(err), "took", took)
	}
}

// countDropped counts an entry that a write has dropped, and that was loaded again.
func (r *Region) countDropped(q *Request, identical bool) {
	r.engine.cfg.Recorder.Dropped(identical)
	r.counter.Dropped(identical)
	for _, c := range q.Counters {
		c.Dropped(identical)
	}
}
