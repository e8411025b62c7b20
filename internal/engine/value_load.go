package engine

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// boarding is a key that is loaded: by this caller, or by the one it waits for.
type boarding struct {
	sight
	id     string
	flight *flight // nil: the load is shared with nobody
}

// load leads those keys that nobody loads, all in one call, and waits for the others. What others left unfinished stays
// on the list.
//
// It leads before it waits. Of two callers who miss the same two keys each may lead one, and none may wait before it has
// landed its own.
func (p *valuing) load(ctx context.Context) {
	var led, others []boarding
	var alone []sight
	flights := p.engine.flights
	for _, s := range p.notOwn(ctx, p.take()) {
		b, key := boarding{sight: s}, p.Keys[s.at]
		if p.Mode == Refresh || p.inside.Alone {
			// It wants what the source says now. A load under way may have begun before the change that it is after.
			led = append(led, b)
			continue
		}
		b.id = p.flightID(key, &s)
		f, leader := flights.joinSince(b.id, key, s.landed)
		b.flight = f
		switch {
		case f == nil: // one has landed since the lookup
			p.left = append(p.left, s)
		case leader:
			led = append(led, b)
		default:
			others = append(others, b)
		}
	}
	if len(led) > 0 {
		made := p.lead(ctx, led)
		for n, b := range led {
			p.hand(ctx, b.sight, &made[n], Result{Outcome: observe.Miss})
		}
	}
	for _, b := range others {
		if p.wait(ctx, b) {
			alone = append(alone, b.sight)
		}
	}
	p.makeAlone(ctx, alone, observe.Unencodable, "")
}

// flightID is the key and all that its callers saw: the tokens, and the entry. A caller who comes after a commit has seen
// other tokens, and one who comes after a Set or Delete another entry, so neither joins a load that began before.
func (p *valuing) flightID(key string, s *sight) string {
	id := make([]byte, 0, len(key)+len(s.id)+len(p.lookup.States)*store.TokenSize)
	return string(appendTokens(append(append(id, key...), s.id[:]...), p.lookup.States))
}

// lead makes the values of some keys for all who wait for them, and fills them in. Those who wait go on as soon as there is
// an answer; the flights stay known until the entries are filled, so that callers in between share it too.
func (p *valuing) lead(ctx context.Context, led []boarding) []Made {
	landed := false
	land := func() {
		if !landed {
			landed = true
			for _, b := range led {
				if b.flight != nil {
					close(b.flight.done)
				}
			}
		}
	}
	// Also if making panics: the keys live on, and whoever waits tries again.
	defer land()
	defer func() {
		for _, b := range led {
			if b.flight != nil {
				p.engine.flights.forget(b.id, p.Keys[b.at])
			}
		}
	}()
	some := make([]sight, len(led))
	for n := range led {
		some[n] = led[n].sight
	}
	began := time.Now()
	made := p.make(ctx, some, led, true)
	cost := time.Since(began)
	for n, b := range led {
		b.settle(ctx, &made[n])
		if m := &made[n]; b.dropped != nil && m.Err == nil {
			p.region.countDropped(nil, m.Payload != nil && bytes.Equal(m.Payload, b.dropped))
		}
	}
	land()
	p.fill(ctx, some, made, cost)
	return made
}

// settle gives the answer to those who wait for it.
func (b *boarding) settle(ctx context.Context, m *Made) {
	f := b.flight
	// The leader's own cancellation is not an answer to others with time left.
	if f == nil || m.Err != nil && over(ctx) {
		return
	}
	f.err, f.abandoned = m.Err, false
	f.loaded = Loaded{Payload: m.Payload, Empty: m.Absent}
	if m.Payload == nil {
		f.loaded.Reason, f.loaded.Detail = m.Reason, m.Detail
	}
}

// wait waits for another caller's load. It reports true if that can't be shared, so that this caller makes its own.
func (p *valuing) wait(ctx context.Context, b boarding) (alone bool) {
	f := b.flight
	stop, ok := p.engine.flights.waiting(ctx, f)
	if !ok { // that load waits for one of this caller's
		return true
	}
	defer stop()
	select {
	case <-f.done:
	case <-ctx.Done():
		p.miss(ctx, b.sight, ctx.Err(), Result{Outcome: observe.Miss, Coalesced: true})
		return false
	}
	switch {
	case f.abandoned:
		p.left = append(p.left, b.sight)
	case f.err == nil && (f.loaded.Reason != "" || f.loaded.Empty && !p.Negative):
		return true
	case f.err == nil && !f.loaded.Empty:
		p.value = Value{Entry: entry.Envelope{Payload: f.loaded.Payload}}
		if p.Caller.Take(b.at, &p.value) != nil { // the other uses the key for another type
			return true
		}
		p.report(ctx, b.sight, Result{Outcome: observe.Miss, Coalesced: true}, nil)
	default:
		p.hand(ctx, b.sight, &Made{Err: f.err, Absent: f.loaded.Empty}, Result{Outcome: observe.Miss, Coalesced: true})
	}
	return false
}

// refresh loads entries that are old anew in the background, those that nobody else loads. It reports false if that is not
// possible.
func (p *valuing) refresh(ctx context.Context, stale []sight) bool {
	caller := p.Caller.Later()
	if caller == nil {
		return false
	}
	e := p.engine
	var led []boarding
	for _, s := range stale {
		id := p.flightID(p.Keys[s.at], &s)
		if f, leader := e.flights.join(id); leader {
			led = append(led, boarding{sight: s, id: id, flight: f})
		}
	}
	if len(led) == 0 {
		return true
	}
	later := p.detach(caller)
	ok := e.background(ctx, func(ctx context.Context) {
		defer e.survive(ctx, "refresh")
		for _, m := range later.lead(ctx, led) {
			if m.Err != nil {
				e.cfg.Logger.DebugContext(ctx, "gormcache: background refresh failed", "error", describe(m.Err))
			}
		}
	})
	if !ok {
		for _, b := range led {
			e.flights.drop(b.id)
			close(b.flight.done)
		}
	}
	return ok
}

// detach is the same read for a caller that may go on when this one has returned.
func (p *valuing) detach(caller Caller) *valuing {
	v := *p.Values
	v.Keys, v.Tags, v.Caller = slices.Clone(p.Keys), slices.Clone(p.Tags), caller
	later := &valuing{Values: &v, region: p.region, engine: p.engine, start: p.start}
	later.lookup.States = slices.Clone(p.lookup.States)
	return later
}

// fill stores what was made, each in place of the entry that was seen before it was made: whoever has written one in
// between wins. It depends on the tokens that were seen with the entry.
func (p *valuing) fill(ctx context.Context, some []sight, made []Made, cost time.Duration) {
	if p.Inside != nil { // making them may have written
		if now := p.Inside(); now.Apart != "" || now.NoFill {
			return
		}
	}
	if cost > p.region.memory() { // the tombstone of a value that was deleted meanwhile may be gone by now
		p.engine.cfg.Logger.WarnContext(ctx, "gormcache: values not stored: making them took longer than a Delete is remembered",
			"region", p.region.name, "took", cost)
		return
	}
	var swaps []store.Swap
	var seen []sight
	for n, s := range some {
		m := &made[n]
		if m.Err != nil || m.Reason != "" || m.Private {
			continue
		}
		n := note{Tags: p.Tags[len(p.region.base):], Tokens: appendTokens(nil, p.lookup.States), Payload: m.Payload, Kind: entry.KindValue, Cost: cost}
		if m.Absent {
			n.Kind = entry.KindAbsent
		}
		if n.TTL = m.TTL; n.TTL <= 0 {
			n.TTL = p.TTL
		}
		if n.TTL = p.region.ttl(n.TTL, m.Absent); n.TTL <= 0 {
			continue
		}
		e, err := p.region.entry(p.Keys[s.at], &n)
		if err != nil { // more tags than an entry can carry
			p.engine.cfg.Logger.DebugContext(ctx, "gormcache: value not stored", "error", err)
			continue
		}
		swaps = append(swaps, store.Swap{Key: e.Key, Old: s.raw, Value: e.Value, TTL: e.TTL})
		seen = append(seen, s)
	}
	if len(swaps) > 0 {
		r := p.region // p is used again when the read has returned
		r.storing(ctx, func(ctx context.Context) { r.filled(nil, r.swapFills(ctx, swaps, seen)) })
	}
}
