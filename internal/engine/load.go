package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// errAbandoned is returned where the load that a caller waited for ended without an answer: the caller tries again.
var errAbandoned = errors.New("gormcache: load abandoned")

// whole lists the one entry of a whole answer as missing.
var whole = []int{0}

// load asks the database for what is missing, and sees to it that it is as true as what was found.
func (p *reading) load(ctx context.Context) (Result, error) {
	res, err := p.loadOnce(ctx)
	if p.Parts == nil {
		return res, err
	}
	if err == nil && len(p.missing) < len(p.Parts) && !p.still(ctx) {
		return Result{}, ErrParts
	}
	res.Hits = p.hits
	return res, err
}

// loadOnce asks the database, once for all callers of this process who miss the same and saw the same tokens.
func (p *reading) loadOnce(ctx context.Context) (Result, error) {
	// A refresh wants what the database says now; a load that is under way may have begun before
	// the change it is after, if that was made outside GORM. A caller that saw a mark shares its load with nobody.
	if p.Alone || p.NoFill || p.Mode == Refresh || p.sawMark() {
		loaded, err := p.query(ctx, p.missing, func() {})
		if err == nil {
			p.fill(ctx, loaded)
		}
		return result(loaded, false), err
	}
	id, claims := p.flightID(p.missing), !p.waited()
	if !claims {
		id += unclaimed
	}
	f, leader := p.engine.flights.joinSince(id, p.Key, p.landed)
	switch {
	case f == nil:
		return Result{}, errAbandoned
	case leader && (p.direct || !p.hurried() || !p.ahead(ctx, id, f)):
		return p.lead(ctx, id, f)
	}
	if ttl := p.claimTTL(); ttl > 0 && p.waits.IsZero() {
		p.waits = p.region.waitEnds(ctx, ttl)
	}
	res, err := p.await(ctx, f, claims)
	p.direct = leader && errors.Is(err, errAbandoned)
	res.Coalesced = !leader && res.Outcome != observe.Stale
	return res, err
}

// await waits for a flight that somebody else leads; claims reports whether that one may wait for another process.
func (p *reading) await(ctx context.Context, f *flight, claims bool) (Result, error) {
	var enough <-chan struct{}
	if claims && !p.waits.IsZero() {
		var stop func()
		enough, stop = f.enough(p.waits)
		defer stop()
	}
	var slow <-chan time.Time
	if p.hurried() {
		timer := time.NewTimer(p.region.policy.SoftTimeout)
		defer timer.Stop()
		slow = timer.C
	}
	select {
	case <-f.done:
	case <-enough:
		return Result{}, errAbandoned
	case <-slow:
		return p.old(observe.LoadSlow, loadSlow), nil
	case <-ctx.Done():
		return Result{Outcome: observe.Miss}, ctx.Err()
	}
	switch {
	case f.abandoned:
		return Result{}, errAbandoned
	case f.err != nil:
		return Result{Outcome: observe.Miss}, f.err
	case f.loaded.Reason != "":
		return Result{Outcome: observe.Bypass, Reason: f.loaded.Reason, Detail: f.loaded.Detail}, nil
	case f.found:
		return Result{Outcome: observe.Hit, Payload: f.loaded.Payload}, nil
	}
	return result(f.loaded, true), nil
}

// hurried reports whether the caller gets what is old when its load is slow.
func (p *reading) hurried() bool {
	return p.region.policy.SoftTimeout > 0 && p.Later != nil && p.Parts == nil && p.spared()
}

// waited reports whether the read has waited enough for other processes.
func (p *reading) waited() bool { return !p.waits.IsZero() && !time.Now().Before(p.waits) }

func (p *reading) claimTTL() time.Duration {
	return p.region.claimTTL(p.Kind == entry.KindValue, p.behind)
}

// sawMark reports whether a missing part's own tag is marked.
func (p *reading) sawMark() bool {
	return slices.ContainsFunc(p.missing, func(i int) bool { return !clean(p.own(i)) })
}

// flightID tells apart what different callers load.
func (p *reading) flightID(missing []int) string {
	id := make([]byte, 0, len(p.Key)+len(p.lookup.States)*store.TokenSize+2*len(missing))
	id = appendTokens(append(id, p.Key...), p.shared())
	for _, i := range missing {
		id = appendTokens(binary.AppendUvarint(id, uint64(i)), p.own(i))
	}
	return string(id)
}

// query runs the request's load, and compares what it gives with the entries that a write has dropped. Only a load
// that runs counts: of ten callers who find an entry dropped and share one load, it is dropped once. late is called
// if the load takes longer than it may.
func (p *reading) query(ctx context.Context, missing []int, late func()) (Loaded, error) {
	began, live := time.Now(), false
	ctx, over, cause := p.region.bound(ctx, late)
	defer func() { over(live) }()
	loaded, err := p.Load(ctx, missing)
	live, err = loaded.Rest != nil, cause(err) // rows that are still being read need the context
	p.cost = time.Since(began)
	if err == nil && !p.NoFill {
		for n, part := range p.entries(&loaded) {
			if was := p.dropped[missing[n]]; was != nil {
				p.region.countDropped(p.Counters, loaded.Reason == "" && bytes.Equal(part.Payload, was))
			}
		}
	}
	return loaded, err
}

// bound returns a context for a load that ends after HardTimeout, and then calls late. What it returns besides is called
// with the load's error when the load has returned, and deferred without: it says that this one was the cause.
// live reports whether something is still to be read with the context.
func (r *Region) bound(ctx context.Context, late func()) (_ context.Context, over func(live bool), cause func(error) error) {
	hard := r.policy.HardTimeout
	if hard <= 0 {
		return ctx, func(bool) {}, func(err error) error { return err }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(hard, func() {
		cancel(ErrLoadTimeout)
		late()
	})
	over = func(live bool) {
		timer.Stop()
		if !live {
			cancel(nil)
		}
	}
	return ctx, over, func(err error) error {
		if err != nil && context.Cause(ctx) == ErrLoadTimeout { //nolint:errorlint // the very cause that was given
			return fault.Errorf("%w: %w", r.late(), err)
		}
		return err
	}
}

// late is the error of a load that took longer than HardTimeout.
func (r *Region) late() error {
	return fault.Errorf("region %q: %w (%s)", r.name, ErrLoadTimeout, r.policy.HardTimeout)
}

// lead runs the load of a flight and lands it, when it is this process's turn to load. Those who wait go on as soon as
// the answer is there; the flight stays known until the entries are filled, so that callers in between share it too.
func (p *reading) lead(ctx context.Context, id string, f *flight) (Result, error) {
	fs, r, key := p.engine.flights, p.region, p.Key // p may be used for another read when a load comes to its end late
	// Also if load panics: the key lives on, and whoever waits tries again.
	defer f.land(nil)
	defer fs.forget(id, key, f)
	held, seen := r.turn(ctx, bid{id: id, ttl: p.claimTTL(), patience: &p.patience, waits: &p.waits, look: p.look})
	var stored <-chan struct{}
	defer func() { held.release(stored) }()
	switch {
	case seen == there && p.found != nil:
		payload := p.found
		f.land(func() { f.loaded, f.found = Loaded{Payload: payload}, true })
		return Result{Outcome: observe.Hit, Payload: payload, Coalesced: true}, nil
	case seen != absent:
		return Result{}, errAbandoned
	}
	f.begun.Store(true)
	loaded, err := p.query(ctx, p.missing, func() { // it may never return
		f.land(func() { f.err = r.late() })
		fs.forget(id, key, f)
		held.release(nil)
	})
	if err != nil {
		// The leader's own cancellation is not an answer to others with time left.
		if !over(ctx) {
			f.land(func() { f.err = err })
		}
		return result(loaded, false), err
	}
	f.land(func() {
		f.loaded = loaded
		f.loaded.Rest, f.loaded.Parts = nil, nil
	})
	stored = p.fill(ctx, loaded)
	return result(loaded, false), nil
}

// look looks up what is missing once more, and whether its tags are still as they were.
func (p *reading) look(ctx context.Context, patience *time.Duration) glimpse {
	l := store.Lookup{Keys: make([]string, len(p.missing)), Tags: slices.Clone(p.Tags)}
	before := appendTokens(nil, p.shared())
	for n, i := range p.missing {
		l.Keys[n] = p.Key
		if p.Parts != nil {
			l.Keys[n], l.Tags, before = p.Parts[i].Key, append(l.Tags, p.Parts[i].Tag), appendTokens(before, p.own(i))
		}
	}
	if p.engine.lookup(ctx, patience, &l) != nil {
		return blind
	}
	now := reading{Request: p.Request, region: p.region, engine: p.engine, lookup: l}
	if !match(before, l.States, nil) || !p.region.servable(now.shared()) || !clean(l.States[len(p.Tags):]) {
		return moved
	}
	var env entry.Envelope
	for n := range p.missing {
		value := l.Values[n]
		if value == nil || bytes.Equal(value, p.was) || env.Decode(l.Keys[n], value) != nil || env.Kind != p.Kind {
			return absent
		}
		own := l.States[len(p.Tags):][n*len(p.own(0)):][:len(p.own(0))]
		if !match(env.Tokens, now.shared(), own) || p.region.policy.fresh(&env, moves{}, false, time.Now(), 0) != fresh {
			return absent
		}
	}
	if p.Parts == nil {
		p.found = env.Payload
	}
	return there
}

// over reports whether a caller's time is up. Deadlines reach the network by themselves, so an error of a
// connection may come a moment before its context says why.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// refresh loads the entry of a whole answer anew in the background, unless somebody already does, or that has failed just
// now. It reports false if that is not possible any more.
func (p *reading) refresh(ctx context.Context) bool {
	id := p.flightID(whole)
	if !p.engine.pauses.over(id) {
		return true
	}
	f, leader := p.engine.flights.join(id)
	return !leader || p.ahead(ctx, id, f)
}

// ahead leads the flight in the background. It reports false, and leaves the flight to others, if the engine is closed.
func (p *reading) ahead(ctx context.Context, id string, f *flight) bool {
	e, later := p.engine, p.detach()
	ok := e.background(ctx, func(ctx context.Context) {
		defer e.survive(ctx, "refresh")
		failed := true // also if it panics
		defer func() {
			if failed {
				e.pauses.begin(id)
			}
		}()
		res, err := later.leadBehind(ctx, id, f)
		if failed = err != nil; failed {
			e.cfg.Logger.DebugContext(ctx, "gormcache: background refresh failed", "error", describe(err))
		}
		if rest, ok := res.Rest.(io.Closer); ok { // there is no caller to take what can't be stored
			_ = rest.Close()
		}
	})
	if !ok {
		e.flights.drop(id, f)
		f.land(nil)
	}
	return ok
}

// leadBehind is lead where nobody has looked after the region's tags of soft invalidation and of grace: an entry may be
// served, and so come here, while one of them is marked or gone.
func (p *reading) leadBehind(ctx context.Context, id string, f *flight) (Result, error) {
	p.patience = p.engine.patience(ctx)
	if !clean(p.shared()) {
		err := p.repair(ctx)
		if err != nil || !p.region.storable(p.shared()) {
			p.engine.flights.drop(id, f)
			f.land(nil)
			return Result{}, err
		}
	}
	return p.lead(ctx, id, f)
}

// detach is a reading of the same whole answer that may go on when this one has returned.
func (p *reading) detach() *reading {
	q := *p.Request
	q.Tags, q.Load = slices.Clone(p.Tags), p.Later()
	later := &reading{
		Request: &q, region: p.region, engine: p.engine, missing: whole, behind: true,
		was: p.lookup.Values[0], dropped: [][]byte{p.dropped[0]},
	}
	later.lookup.Tags, later.lookup.States = q.Tags, slices.Clone(p.lookup.States)
	return later
}

// still reports whether what was found is as true as what was loaded after it. If somebody has moved a row from a
// part that was found to one that was loaded, together they would show it twice, which no answer of the
// database ever does.
func (p *reading) still(ctx context.Context) bool {
	n := len(p.Tags)
	now := store.Lookup{Tags: p.lookup.Tags[:n:n]}
	before := p.shared()[:n:n]
	for i, hit := range p.hits {
		if hit != nil {
			now.Tags, before = append(now.Tags, p.Parts[i].Tag), append(before, p.own(i)...)
		}
	}
	p.patience = p.engine.rest(ctx, p.patience)
	if err := p.engine.lookup(ctx, &p.patience, &now); err != nil || !clean(now.States) {
		return false
	}
	return match(appendTokens(nil, before), now.States, nil)
}

// fill stores what was loaded, under the tokens seen before the load. A store that fails is
// recorded; the caller has its answer already. stored is as of [Region.set].
func (p *reading) fill(ctx context.Context, l Loaded) (stored <-chan struct{}) {
	if p.NoFill || l.Reason != "" {
		return nil
	}
	var entries []store.Entry
	for n, part := range p.entries(&l) {
		i := p.missing[n]
		ttl := p.region.ttl(p.TTL, part.Empty)
		if ttl <= 0 || !clean(p.own(i)) {
			continue
		}
		entry, err := p.entry(i, part.Payload, ttl)
		if err != nil { // more tags than an entry can carry
			p.engine.cfg.Logger.DebugContext(ctx, "gormcache: entry not stored", "error", err)
			return nil
		}
		entries = append(entries, entry)
	}
	if len(entries) == 0 {
		return nil
	}
	return p.region.set(ctx, p.Request, entries...)
}

// entry is what is stored of an answer, or of a part of it.
func (p *reading) entry(i int, payload []byte, ttl time.Duration) (store.Entry, error) {
	env := entry.Envelope{Created: time.Now().UnixMilli(), Version: entry.NewVersion(), Cost: p.cost, Kind: p.Kind, Payload: payload}
	tokens := make([]byte, 0, (len(p.Tags)+1)*store.TokenSize)
	env.Tokens = appendTokens(appendTokens(tokens, p.shared()), p.own(i))
	stored := store.Entry{Key: p.Key, TTL: ttl}
	if p.Parts != nil {
		stored.Key = p.Parts[i].Key
	}
	if ttl == NoExpiration {
		stored.TTL = 0
	} else if p.region.policy.ages() {
		env.Fresh = ttl
		stored.TTL += p.region.policy.keeps()
	}
	var err error
	stored.Value, err = entry.Append(make([]byte, 0, env.Size()), stored.Key, &env)
	return stored, err
}

// entries are what was loaded, by its place among the missing entries.
func (p *reading) entries(l *Loaded) []LoadedPart {
	if p.Parts != nil {
		return l.Parts
	}
	return []LoadedPart{{Payload: l.Payload, Empty: l.Empty}}
}

func result(l Loaded, coalesced bool) Result {
	res := Result{Payload: l.Payload, Outcome: observe.Miss, Rest: l.Rest, Coalesced: coalesced}
	if l.Reason != "" {
		res.Outcome, res.Reason, res.Detail = observe.Bypass, l.Reason, l.Detail
	}
	return res
}
