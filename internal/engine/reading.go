package engine

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// reading is a read on its way: of one entry or more. One of several is a part of the answer, and depends on a tag of
// its own besides those that all share; the one entry of a whole answer has no tag of its own.
//
//	tags of all          T!            one mark: bypass
//	tags of single parts T[c=1] …      a mark: this part is loaded, and not stored
type reading struct {
	*Request
	region   *Region
	engine   *Engine
	patience time.Duration
	landed   uint32       // flights that had landed before the lookup
	lookup   store.Lookup // tags: those that all entries share, then one of each part
	hits     [][]byte     // payloads by entry; nil where there is none that may be served
	stale    bool         // the hit is old, and is being refreshed
	dropped  [][]byte     // payloads by entry of those that a write has dropped
	spares   [][]byte     // payloads by entry of those that may be served if the load fails
	touched  bool         // a write has dropped one of the spares
	missing  []int        // entries without a hit
	loose    bool         // a writer has marked the region's tag of soft invalidation, or of grace
	waits    time.Time    // when the read has waited enough for other processes; see turn
	direct   bool         // the load is to run in the caller's goroutine: in another it came to no end
	behind   bool         // the load runs in the background
	was      []byte       // the entry that is being refreshed, as it was found
	found    []byte       // payload that another process has filled meanwhile
	cost     time.Duration
}

// readings are used again: a hit must not allocate one.
var readings = sync.Pool{New: func() any { return new(reading) }}

// Read answers a request: it looks all entries up in one round trip, and loads those that are missing together. The
// error is that of the load, the caller's context's, [ErrCacheMiss], [ErrSchema] or [ErrParts]; a store that fails
// never gives one, nor does a closed engine.
func (r *Region) Read(ctx context.Context, q *Request) (Result, error) {
	if own := tier.Of(ctx); own != nil && !q.Inside {
		return r.readOwn(ctx, own, q)
	}
	return r.readAll(ctx, q)
}

// readAll is Read without the request's own tier.
func (r *Region) readAll(ctx context.Context, q *Request) (Result, error) {
	start := time.Now()
	p := readings.Get().(*reading)
	defer p.release()
	p.Request, p.region, p.engine, p.patience = q, r, r.engine, r.engine.patience(ctx)
	p.waits, p.direct = time.Time{}, false
	res, err := p.read(ctx)
	for errors.Is(err, errAbandoned) {
		// Others waited for the same load. One of them has perhaps filled the entry by now.
		p.patience = r.engine.rest(ctx, p.patience)
		res, err = p.read(ctx)
	}
	if !errors.Is(err, ErrSchema) && !errors.Is(err, ErrParts) {
		r.Report(ctx, q, res, err, start)
	}
	return res, err
}

func (p *reading) read(ctx context.Context) (Result, error) {
	e, l := p.engine, &p.lookup
	if e.Closed() {
		return p.bypass(observe.Closed, closed)
	}
	p.begin()
	if e.cfg.Blocked != nil && e.cfg.Blocked(l.Tags) {
		return p.bypass(observe.Pending, pending)
	}
	p.landed = e.flights.count(p.Key).Load()
	if err := e.lookup(ctx, &p.patience, l); err != nil {
		return p.failed(err)
	}
	if !p.current() {
		return Result{}, ErrSchema
	}
	e.keep(ctx, p.Request)
	p.serve(ctx)
	switch {
	case len(p.missing) == 0:
		return p.served(), nil
	case p.Mode == OnlyIfCached:
		return Result{Outcome: observe.Miss}, ErrCacheMiss
	}
	if err := p.repair(ctx); err != nil {
		return p.failed(err)
	}
	if !p.current() {
		return Result{}, ErrSchema
	}
	// Whoever reads while a writer is between its mark and its settling may get the data of
	// before the commit after another process has already seen the new: nothing is concluded.
	if !p.region.storable(p.shared()) {
		return p.bypass(observe.Marked, marked(e.cfg.Namespace, l.Tags, p.shared()))
	}
	res, err := p.load(ctx)
	if err != nil {
		return p.rescue(ctx, res, err)
	}
	return res, nil
}

// begin fills in what is looked up.
func (p *reading) begin() {
	l := &p.lookup
	p.stale, p.touched, p.missing = false, false, p.missing[:0]
	if p.Parts == nil {
		l.Keys, l.Tags = append(l.Keys[:0], p.Key), p.Tags
		p.hits, p.dropped, p.spares = append(p.hits[:0], nil), append(p.dropped[:0], nil), append(p.spares[:0], nil)
		return
	}
	n := len(p.Parts)
	l.Keys, l.Tags = make([]string, n), append(make([]string, 0, len(p.Tags)+n), p.Tags...)
	for i, part := range p.Parts {
		l.Keys[i], l.Tags = part.Key, append(l.Tags, part.Tag)
	}
	p.hits, p.dropped, p.spares = make([][]byte, n), make([][]byte, n), make([][]byte, n) // the caller gets the hits
}

// release gives the reading back without holding on to values, or to what the caller was given.
func (p *reading) release() {
	if p.Parts != nil {
		p.hits, p.dropped, p.spares = nil, nil, nil
	}
	p.Request, p.region, p.engine, p.lookup.Tags, p.found = nil, nil, nil, nil, nil
	clear(p.hits)
	clear(p.dropped)
	clear(p.spares)
	clear(p.lookup.Values)
	readings.Put(p)
}

// shared are the states of the tags that all entries depend on.
func (p *reading) shared() []store.State { return p.lookup.States[:len(p.Tags)] }

// own are the states of the tags that only one entry depends on: that of a part's own tag, or none.
func (p *reading) own(entry int) []store.State {
	if p.Parts == nil {
		return nil
	}
	at := len(p.Tags) + entry
	return p.lookup.States[at : at+1]
}

// current reports whether the request's tags rest on the present schema. DDL changes the epoch, in whatever
// process it ran: one that turns a table into a view makes the tags of its readers wrong, and they
// must be found out anew before anything is stored under them.
func (p *reading) current() bool {
	schema, states := p.engine.cfg.Schema, p.lookup.States
	if schema == nil || !p.OfSchema || !states[0].Known {
		return true
	}
	return schema(states[0].Token) == p.Schema
}

// bypass leaves the cache alone; a request for cached data only is a miss then.
func (p *reading) bypass(reason observe.Reason, detail string) (Result, error) {
	if p.Mode == OnlyIfCached {
		return Result{Outcome: observe.Miss, Reason: reason, Detail: detail}, ErrCacheMiss
	}
	return Result{Outcome: observe.Bypass, Reason: reason, Detail: detail}, nil
}

// failed leaves the cache alone because the store failed. One that is closed along with the plugin has not failed.
func (p *reading) failed(err error) (Result, error) {
	if p.engine.Closed() {
		return p.bypass(observe.Closed, closed)
	}
	return p.bypass(observe.StoreError, fault.Text(err))
}

// serve finds the entries that may be served, and those that are missing.
func (p *reading) serve(ctx context.Context) {
	now, usable := time.Now(), p.Mode != Refresh && p.region.servable(p.shared())
	p.loose = usable && p.region.ages() && !clean(p.shared())
	for i, value := range p.lookup.Values {
		if usable && value != nil && clean(p.own(i)) {
			p.hits[i] = p.valid(ctx, i, now)
		}
		if p.hits[i] == nil {
			p.missing = append(p.missing, i)
		}
	}
}

// valid is the payload of an entry that may be served now, nil if there is none. One that is old may be served as long
// as somebody refreshes it.
func (p *reading) valid(ctx context.Context, at int, now time.Time) []byte {
	var env entry.Envelope
	may, dropped := p.judge(&env, at, p.lookup.Values[at], now)
	switch may {
	case fresh:
		return env.Payload
	case early:
		p.refresh(ctx)
		return env.Payload
	case stale:
		if p.refresh(ctx) {
			p.stale = true
			return env.Payload
		}
	case spare, touched:
		// In a transaction the database has the word. Parts of which some are wrong may show a row twice.
		if !p.Alone && (may == spare || p.Parts == nil) {
			p.spares[at], p.touched = env.Payload, p.touched || may == touched
		}
	}
	if dropped {
		p.dropped[at] = env.Payload
	}
	return nil
}

// judge decodes an entry and finds out what may be done with it. dropped reports whether a write has dropped it.
func (p *reading) judge(env *entry.Envelope, at int, value []byte, now time.Time) (may freshness, dropped bool) {
	if err := env.Decode(p.lookup.Keys[at], value); err != nil || env.Kind != p.Kind {
		// Another format's version is a deployment under way; anything else is damage, or forgery.
		if !errors.Is(err, entry.ErrVersion) {
			p.engine.cfg.Recorder.Rejected()
		}
		return useless, false
	}
	var m moves
	if p.loose || !match(env.Tokens, p.shared(), p.own(at)) {
		m = p.region.moves(env.Tokens, p.shared(), p.own(at))
	}
	random := 0.0
	if p.region.policy.EarlyRefresh.Beta > 0 {
		random = rand.Float64()
	}
	return p.region.policy.fresh(env, m, p.Later != nil && p.Parts == nil, now, random), m.all || m.some
}

// rescue serves what is old, and the region allows for it, where the load has failed.
func (p *reading) rescue(ctx context.Context, res Result, err error) (Result, error) {
	for _, other := range []error{errAbandoned, ErrSchema, ErrParts} {
		if errors.Is(err, other) {
			return res, err
		}
	}
	if !p.spared() || errors.Is(ctx.Err(), context.Canceled) { // who has given up wants no answer
		return res, err
	}
	if rest, ok := res.Rest.(io.Closer); ok {
		_ = rest.Close()
	}
	return p.old(observe.LoadFailed, loadFailed(err)), nil
}

// spared reports whether there is something old for all that is missing.
func (p *reading) spared() bool {
	for _, i := range p.missing {
		if p.spares[i] == nil {
			return false
		}
	}
	return true
}

// old is the result of spares in the place of what is missing.
func (p *reading) old(why observe.Reason, detail string) Result {
	for _, i := range p.missing {
		p.hits[i] = p.spares[i]
	}
	p.stale = true
	res := p.served()
	res.Reason, res.Detail = why, detail
	if p.touched {
		res.Detail += alsoTouched
	}
	return res
}

// served is the result where no entry is missing.
func (p *reading) served() Result {
	res := Result{Outcome: observe.Hit}
	if p.stale {
		res.Outcome = observe.Stale
	}
	if p.Parts == nil {
		res.Payload = p.hits[0]
	} else {
		res.Hits = p.hits
	}
	return res
}

// repair makes the shared tags whole where it can, and those of the missing parts: those that are missing, and those
// on which dead writers have left marks.
func (p *reading) repair(ctx context.Context) error {
	l, n := &p.lookup, len(p.Tags)
	if !clean(p.shared()) {
		shared := store.Lookup{Tags: l.Tags[:n:n], States: p.shared()}
		if err := p.engine.repair(ctx, p.Request, &p.patience, &shared); err != nil {
			return err
		}
		copy(p.shared(), shared.States)
	}
	var own store.Lookup
	var places []int
	for _, i := range p.missing {
		if !clean(p.own(i)) {
			own.Tags, places = append(own.Tags, p.Parts[i].Tag), append(places, i)
		}
	}
	if len(places) == 0 {
		return nil
	}
	own.States = make([]store.State, len(places))
	if err := p.engine.tokens(ctx, &p.patience, &own); err != nil {
		return err
	}
	for n, i := range places {
		p.own(i)[0] = own.States[n]
	}
	return nil
}

func clean(states []store.State) bool {
	for i := range states {
		if !states[i].Clean() {
			return false
		}
	}
	return true
}

// match compares the tokens an entry carries with those its tags have now: the shared ones, then its own.
func match(tokens []byte, shared, own []store.State) bool {
	if len(tokens) != (len(shared)+len(own))*store.TokenSize {
		return false
	}
	for _, states := range [...][]store.State{shared, own} {
		for i := range states {
			if store.Token(tokens) != states[i].Token {
				return false
			}
			tokens = tokens[store.TokenSize:]
		}
	}
	return true
}

func appendTokens(dst []byte, states []store.State) []byte {
	for i := range states {
		dst = append(dst, states[i].Token[:]...)
	}
	return dst
}
