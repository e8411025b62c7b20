package region

import (
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// reading is the budget of a call that a reader waits for.
func (e *Engine) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.cfg.ReadTimeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, e.cfg.ReadTimeout, store.ErrBudget)
}

// lookup reads the entry and its tags within the read budget.
func (e *Engine) lookup(ctx context.Context, l *store.Lookup) error {
	budget, cancel := e.reading(ctx)
	defer cancel()
	err := e.cfg.Store.Lookup(budget, l)
	if err != nil {
		e.storeError(ctx, "lookup", err)
	}
	return err
}

// tokens gives missing tags their tokens and ends the marks of dead writers.
func (e *Engine) tokens(ctx context.Context, l *store.Lookup) error {
	budget, cancel := e.reading(ctx)
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
	budget, cancel := e.reading(ctx)
	defer cancel()
	err := q.Tracking.Enrol(budget)
	if err != nil {
		e.storeError(ctx, "enrol", err)
	}
	return err
}

// keep keeps the tags from expiring that exist only by enrolment, now and then, in the background: to enrol once
// more would mean to bypass for a while.
func (e *Engine) keep(ctx context.Context, q *Request) {
	if len(q.Tracks) == 0 || !q.Tracking.Due() {
		return
	}
	tracking := q.Tracking
	e.background(ctx, func(ctx context.Context) {
		budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
		defer cancel()
		if err := tracking.Keep(budget); err != nil {
			e.storeError(ctx, "keep", err)
		}
	})
}

// fill stores what was loaded, under the tokens seen before the load. A store that fails is
// recorded; the caller has its answer already.
func (r *Region) fill(ctx context.Context, q *Request, tokens []byte, l Loaded) {
	if q.NoFill || l.Reason != "" {
		return
	}
	if q.store != nil {
		q.store(ctx, l)
		return
	}
	ttl := r.ttl(q, l.Empty)
	if ttl <= 0 {
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
	if r.set(ctx, store.Entry{Key: q.Key, Value: value, TTL: keep}) {
		r.filled(q)
	}
}

// set stores entries, and tells whether the store has taken them. The caller may have given up by now, they
// are worth keeping all the same.
func (r *Region) set(ctx context.Context, entries ...store.Entry) bool {
	e := r.engine
	ctx = context.WithoutCancel(ctx)
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	var err error
	if len(entries) == 1 {
		err = e.cfg.Store.Set(budget, entries[0].Key, entries[0].Value, entries[0].TTL)
	} else {
		err = store.SetAll(budget, e.cfg.Store, entries)
	}
	if err != nil {
		e.storeError(ctx, "set", err)
	}
	return err == nil
}

// filled counts an entry that was stored.
func (r *Region) filled(q *Request) {
	r.engine.cfg.Recorder.Fill()
	r.counter.Fill()
	for _, c := range q.Counters {
		c.Fill()
	}
}
