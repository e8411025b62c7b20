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
		loaded, err := p.query(ctx, p.missing)
		if err == nil {
			p.fill(ctx, loaded)
		}
		return result(loaded, false), err
	}
	id := p.flightID(p.missing)
	f, leader := p.engine.flights.joinSince(id, p.Key, p.landed)
	switch {
	case f == nil:
		return Result{}, errAbandoned
	case leader:
		return p.lead(ctx, id, f, p.query)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return Result{Outcome: observe.Miss, Coalesced: true}, ctx.Err()
	}
	switch {
	case f.abandoned:
		return Result{}, errAbandoned
	case f.err != nil:
		return Result{Outcome: observe.Miss, Coalesced: true}, f.err
	case f.loaded.Reason != "":
		return Result{Outcome: observe.Bypass, Reason: f.loaded.Reason, Detail: f.loaded.Detail}, nil
	}
	return result(f.loaded, true), nil
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
// that runs counts: of ten callers who find an entry dropped and share one load, it is dropped once.
func (p *reading) query(ctx context.Context, missing []int) (Loaded, error) {
	loaded, err := p.Load(ctx, missing)
	if err == nil && !p.NoFill {
		for n, part := range p.entries(&loaded) {
			if was := p.dropped[missing[n]]; was != nil {
				p.region.countDropped(p.Counters, loaded.Reason == "" && bytes.Equal(part.Payload, was))
			}
		}
	}
	return loaded, err
}

// lead runs the load of a flight and lands it. Those who wait go on as soon as the answer is there;
// the flight stays known until the entries are filled, so that callers in between share it too.
func (p *reading) lead(ctx context.Context, id string, f *flight, load Load) (Result, error) {
	landed := false
	land := func() {
		if !landed {
			landed = true
			close(f.done)
		}
	}
	// Also if load panics: the key lives on, and whoever waits tries again.
	defer land()
	defer p.engine.flights.forget(id, p.Key)
	loaded, err := load(ctx, p.missing)
	if err != nil {
		// The leader's own cancellation is not an answer to others with time left.
		if !over(ctx) {
			f.err, f.abandoned = err, false
		}
		return result(loaded, false), err
	}
	f.loaded, f.abandoned = loaded, false
	f.loaded.Rest, f.loaded.Parts = nil, nil
	land()
	p.fill(ctx, loaded)
	return result(loaded, false), nil
}

// over reports whether a caller's time is up. Deadlines reach the network by themselves, so an error of a
// connection may come a moment before its context says why.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// refresh loads the entry of a whole answer anew in the background, unless somebody already does. It reports false if
// that is not possible any more.
func (p *reading) refresh(ctx context.Context) bool {
	id := p.flightID(whole)
	f, leader := p.engine.flights.join(id)
	if !leader {
		return true
	}
	e, load, later := p.engine, p.Later(), p.detach()
	ok := e.background(ctx, func(ctx context.Context) {
		defer e.survive(ctx, "refresh")
		res, err := later.lead(ctx, id, f, load)
		if err != nil {
			e.cfg.Logger.DebugContext(ctx, "gormcache: background refresh failed", "error", describe(err))
		}
		if rest, ok := res.Rest.(io.Closer); ok { // there is no caller to take what can't be stored
			_ = rest.Close()
		}
	})
	if !ok {
		e.flights.drop(id)
		close(f.done)
	}
	return ok
}

// detach is a reading of the same whole answer that may go on when this one has returned.
func (p *reading) detach() *reading {
	q := *p.Request
	later := &reading{Request: &q, region: p.region, engine: p.engine, missing: whole}
	later.lookup.States = slices.Clone(p.lookup.States)
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
// recorded; the caller has its answer already.
func (p *reading) fill(ctx context.Context, l Loaded) {
	if p.NoFill || l.Reason != "" {
		return
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
			return
		}
		entries = append(entries, entry)
	}
	if len(entries) > 0 {
		p.region.set(ctx, p.Request, entries...)
	}
}

// entry is what is stored of an answer, or of a part of it.
func (p *reading) entry(i int, payload []byte, ttl time.Duration) (store.Entry, error) {
	env := entry.Envelope{Created: time.Now().UnixMilli(), Version: entry.NewVersion(), Kind: p.Kind, Payload: payload}
	tokens := make([]byte, 0, (len(p.Tags)+1)*store.TokenSize)
	env.Tokens = appendTokens(appendTokens(tokens, p.shared()), p.own(i))
	stored := store.Entry{Key: p.Key, TTL: ttl}
	if p.Parts != nil {
		stored.Key = p.Parts[i].Key
	}
	if ttl == NoExpiration {
		stored.TTL = 0
	} else if p.Later != nil && p.Parts == nil {
		env.Fresh = ttl
		stored.TTL += p.region.policy.StaleWhileRevalidate
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
