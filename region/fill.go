package region

import (
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// lookup reads the entry and its tags within the read budget.
func (e *Engine) lookup(ctx context.Context, l *store.Lookup) error {
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.ReadTimeout, store.ErrBudget)
	defer cancel()
	err := e.cfg.Store.Lookup(budget, l)
	if err != nil {
		e.storeError(ctx, "lookup", err)
	}
	return err
}

// tokens gives missing tags their tokens and ends the marks of dead writers.
func (e *Engine) tokens(ctx context.Context, l *store.Lookup) error {
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.ReadTimeout, store.ErrBudget)
	defer cancel()
	err := e.cfg.Store.Tokens(budget, l.Tags, l.States)
	if err != nil {
		e.storeError(ctx, "tokens", err)
	}
	return err
}

// mend makes the request's tags whole where it can: those that are missing, and those on which dead
// writers have left marks.
func (e *Engine) mend(ctx context.Context, q *Request, l *store.Lookup) error {
	if len(q.Tracks) == 0 {
		return e.tokens(ctx, l)
	}
	at := slices.Index(l.Tags, q.Tracks[0]) // they stand together
	if tracks := l.States[at : at+len(q.Tracks)]; !clean(tracks) {
		if err := e.enrol(ctx, q); err != nil {
			return err
		}
		if err := e.lookup(ctx, l); err != nil {
			return err
		}
	}
	// All but those, also if they have been evicted just now.
	for _, part := range [][2]int{{0, at}, {at + len(q.Tracks), len(l.Tags)}} {
		some := store.Lookup{Tags: l.Tags[part[0]:part[1]], States: l.States[part[0]:part[1]]}
		if clean(some.States) {
			continue
		}
		if err := e.tokens(ctx, &some); err != nil {
			return err
		}
	}
	return nil
}

// enrol makes the tags that exist only by enrolment.
func (e *Engine) enrol(ctx context.Context, q *Request) error {
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.ReadTimeout, store.ErrBudget)
	defer cancel()
	err := q.Enrol(budget)
	if err != nil {
		e.storeError(ctx, "enrol", err)
	}
	return err
}

// fill stores what was loaded, under the tokens seen before the load. A store that fails is
// recorded; the caller has its answer already.
func (r *Region) fill(ctx context.Context, q *Request, tokens []byte, l Loaded) {
	ttl := r.ttl(q, l.Empty)
	if q.NoFill || l.Reason != "" || ttl <= 0 {
		return
	}
	e := r.engine
	env := serializer.Envelope{Created: time.Now().UnixMilli(), Kind: q.Kind, Tokens: tokens, Payload: l.Payload}
	keep := ttl
	if ttl == NoExpiration {
		keep = 0
	} else if q.Later != nil {
		env.Fresh = ttl
		keep = ttl + r.cfg.StaleWhileRevalidate
	}
	value, err := serializer.AppendEnvelope(make([]byte, 0, env.Size()), q.Key, &env)
	if err != nil { // more tags than an entry can carry
		e.cfg.Logger.DebugContext(ctx, "gormcache: entry not stored", "error", err)
		return
	}
	// The caller may have given up by now, the entry is worth keeping all the same.
	ctx = context.WithoutCancel(ctx)
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	if err := e.cfg.Store.Set(budget, q.Key, value, keep); err != nil {
		e.storeError(ctx, "set", err)
		return
	}
	e.cfg.Recorder.Fill()
	r.counter.Fill()
	for _, c := range q.Counters {
		c.Fill()
	}
}
