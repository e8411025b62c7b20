package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// boarding is a key that is loaded: by this caller, or by the one it waits for.
type boarding struct {
	sight
	key    string
	id     string
	flight *flight // nil: the load is shared with nobody
	mine   bool    // this caller leads it in the background
	claims bool    // its leader may wait for another process
}

// load leads those keys that nobody loads, all in one call, and waits for the others. What others left unfinished stays
// on the list.
//
// It leads before it waits. Of two callers who miss the same two keys each may lead one, and none may wait before it has
// landed its own.
func (p *valuing) load(ctx context.Context) {
	var led, ahead, others []boarding
	var alone []sight
	flights := p.engine.flights
	for _, s := range p.notOwn(ctx, p.take()) {
		key := p.Keys[s.at]
		b := boarding{sight: s, key: key}
		if p.Mode == Refresh || p.inside.Alone {
			// It wants what the source says now. A load under way may have begun before the change that it is after.
			led = append(led, b)
			continue
		}
		b.id, b.claims = p.flightID(key, &s)
		f, leader := flights.joinSince(b.id, key, s.landed)
		b.flight = f
		switch {
		case f == nil: // one has landed since the lookup
			p.left = append(p.left, s)
		case leader && p.hurried(s) && !p.direct:
			ahead = append(ahead, b)
		case leader:
			led = append(led, b)
		default:
			others = append(others, b)
		}
	}
	if len(ahead) > 0 && p.ahead(ctx, ahead) {
		for _, b := range ahead {
			b.mine = true
			others = append(others, b)
		}
	} else {
		led = append(led, ahead...)
	}
	if len(led) > 0 {
		p.handAll(ctx, led, p.lead(ctx, led))
	}
	if ttl := p.claimTTL(); len(others) > 0 && ttl > 0 && p.waits.IsZero() {
		p.waits = p.region.waitEnds(ctx, ttl)
	}
	for _, b := range others {
		if p.wait(ctx, b) {
			alone = append(alone, b.sight)
		}
	}
	p.makeAlone(ctx, alone, observe.Unencodable, "")
}

// handAll gives the caller what it has made. nil: it was not this process's turn, and the keys are left.
func (p *valuing) handAll(ctx context.Context, led []boarding, made []Made) {
	for n, b := range led {
		if made == nil {
			p.left = append(p.left, b.sight)
			continue
		}
		p.hand(ctx, b.sight, &made[n], Result{Outcome: observe.Miss})
	}
}

// hurried reports whether the caller gets what is old when its load is slow.
func (p *valuing) hurried(s sight) bool { return s.spare != useless && p.region.policy.SoftTimeout > 0 }

// claimTTL is how long a claim for what is missing holds; 0: none is wanted.
func (p *valuing) claimTTL() time.Duration {
	if p.inside.NoFill {
		return 0
	}
	return p.region.claimTTL(true, p.behind)
}

// flightID is the key and all that its callers saw: the tokens, and the entry. A caller who comes after a commit has seen
// other tokens, and one who comes after a Set or Delete another entry, so neither joins a load that began before. claims
// reports whether the flight may wait for another process.
func (p *valuing) flightID(key string, s *sight) (_ string, claims bool) {
	id := make([]byte, 0, len(key)+len(s.id)+len(p.lookup.States)*store.TokenSize)
	id = appendTokens(append(append(id, key...), s.id[:]...), p.lookup.States)
	if claims = p.waits.IsZero() || time.Now().Before(p.waits); !claims {
		id = append(id, unclaimed...)
	}
	return string(id), claims
}

// lead makes the values of some keys for all who wait for them, and fills them in, when it is this process's turn to load
// them: otherwise it returns nil, and they are to be looked up again. Those who wait go on as soon as there is an answer; the
// flights stay known until the entries are filled, so that callers in between share it too.
func (p *valuing) lead(ctx context.Context, led []boarding) []Made {
	// Also if making panics: the keys live on, and whoever waits tries again.
	r := p.region // p may be used for another read when a load comes to its end late
	defer r.engine.flights.end(led, nil)
	held, seen := p.region.turn(ctx, p.bid(ctx, led))
	var stored <-chan struct{}
	defer func() { held.release(stored) }()
	if seen != absent {
		return nil
	}
	some := make([]sight, len(led))
	for n := range led {
		some[n] = led[n].sight
	}
	for _, b := range led {
		if b.flight != nil {
			b.flight.begun.Store(true)
		}
	}
	began := time.Now()
	made := p.makeBound(ctx, some, led, true, func() { // it may never return
		r.engine.flights.end(led, r.late())
		held.release(nil)
	})
	cost := time.Since(began)
	for n, b := range led {
		b.settle(ctx, &made[n])
		if m := &made[n]; b.dropped != nil && m.Err == nil {
			p.region.countDropped(nil, m.Payload != nil && bytes.Equal(m.Payload, b.dropped))
		}
	}
	stored = p.fill(ctx, some, made, cost)
	return made
}

// makeBound is make with the region's HardTimeout.
func (p *valuing) makeBound(ctx context.Context, some []sight, led []boarding, encode bool, late func()) []Made {
	ctx, over, cause := p.region.bound(ctx, late)
	defer over(false)
	made := p.make(ctx, some, led, encode)
	for n := range made {
		made[n].Err = cause(made[n].Err)
	}
	return made
}

// end forgets flights, and lands those that have no answer yet: with an error, or without one.
func (fs *flights) end(led []boarding, err error) {
	for _, b := range led {
		if b.flight == nil {
			continue
		}
		fs.forget(b.id, b.key, b.flight)
		if err != nil {
			b.flight.land(func() { b.flight.err = err })
		}
		b.flight.land(nil)
	}
}

// bid is the wish to make the values for all processes. Several keys are claimed together.
func (p *valuing) bid(ctx context.Context, led []boarding) bid {
	var id []byte
	for _, b := range led {
		if b.flight == nil {
			return bid{}
		}
		id = append(binary.AppendUvarint(id, uint64(len(b.id))), b.id...)
	}
	return bid{
		id: string(id), ttl: p.claimTTL(), patience: &p.patience, waits: &p.waits, hasty: isMaking(ctx),
		look: func(ctx context.Context, patience *time.Duration) glimpse { return p.look(ctx, patience, led) },
	}
}

// look looks whether the entries and their tags are still as they were.
func (p *valuing) look(ctx context.Context, patience *time.Duration, led []boarding) glimpse {
	l := store.Lookup{Tags: p.Tags, Keys: make([]string, len(led))}
	for n, b := range led {
		l.Keys[n] = p.Keys[b.at]
	}
	if p.engine.lookup(ctx, patience, &l) != nil {
		return blind
	}
	if !p.region.servable(l.States) || !match(appendTokens(nil, p.lookup.States), l.States, nil) {
		return moved
	}
	for n, b := range led {
		if !bytes.Equal(l.Values[n], b.raw) {
			return moved // filled, set or deleted: what it is now is to be read
		}
	}
	return absent
}

// settle gives the answer to those who wait for it.
func (b *boarding) settle(ctx context.Context, m *Made) {
	f := b.flight
	// The leader's own cancellation is not an answer to others with time left.
	if f == nil || m.Err != nil && over(ctx) {
		return
	}
	f.land(func() {
		f.err = m.Err
		f.loaded = Loaded{Payload: m.Payload, Empty: m.Absent}
		if m.Payload == nil {
			f.loaded.Reason, f.loaded.Detail = m.Reason, m.Detail
		}
	})
}

// wait waits for another caller's load. It reports true if that can't be shared, so that this caller makes its own.
func (p *valuing) wait(ctx context.Context, b boarding) (alone bool) {
	f := b.flight
	stop, ok := p.engine.flights.waiting(ctx, f)
	if !ok { // that load waits for one of this caller's
		return true
	}
	defer stop()
	var slow <-chan time.Time
	if p.hurried(b.sight) {
		timer := time.NewTimer(p.region.policy.SoftTimeout)
		defer timer.Stop()
		slow = timer.C
	}
	var enough <-chan struct{}
	if b.claims && !p.waits.IsZero() {
		var stop func()
		enough, stop = f.enough(p.waits)
		defer stop()
	}
	left := false
	select {
	case <-f.done:
	case <-enough:
		left = true
	case <-slow:
		if p.rescue(ctx, b.sight, observe.LoadSlow, nil) {
			return false
		}
		select {
		case <-f.done:
		case <-enough:
			left = true
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	select {
	case <-f.done:
	default:
		if left {
			p.direct = p.direct || b.mine
			p.left = append(p.left, b.sight)
			return false
		}
		if !p.rescue(ctx, b.sight, observe.LoadFailed, ctx.Err()) {
			p.miss(ctx, b.sight, ctx.Err(), Result{Outcome: observe.Miss, Coalesced: !b.mine})
		}
		return false
	}
	switch {
	case f.abandoned:
		p.direct = p.direct || b.mine
		p.left = append(p.left, b.sight)
	case f.err == nil && (f.loaded.Reason != "" || f.loaded.Empty && !p.Negative):
		return true
	case f.err == nil:
		var err error
		if p.value = (Value{Entry: entry.Envelope{Payload: f.loaded.Payload}}); f.loaded.Empty {
			err = p.Caller.Absent(b.at, f.loaded.Payload)
		} else {
			err = p.Caller.Take(b.at, &p.value)
		}
		if err != nil { // the other uses the key for another type, or for another key of its own
			return true
		}
		p.remember(b.at, f.loaded.Payload)
		p.report(ctx, b.sight, Result{Outcome: observe.Miss, Coalesced: !b.mine}, nil)
	default:
		p.hand(ctx, b.sight, &Made{Err: f.err}, Result{Outcome: observe.Miss, Coalesced: !b.mine})
	}
	return false
}

// refresh loads entries that are old anew in the background, those that nobody else loads and whose load has not failed just
// now. It reports false if that is not possible.
func (p *valuing) refresh(ctx context.Context, stale []sight) bool {
	var led []boarding
	for _, s := range stale {
		key := p.Keys[s.at]
		id, _ := p.flightID(key, &s)
		if !p.engine.pauses.over(id) {
			continue
		}
		if f, leader := p.engine.flights.join(id); leader {
			led = append(led, boarding{sight: s, key: key, id: id, flight: f})
		}
	}
	if len(led) == 0 || p.ahead(ctx, led) {
		return true
	}
	for _, b := range led {
		p.engine.flights.drop(b.id, b.flight)
		b.flight.land(nil)
	}
	return false
}

// ahead leads flights in the background. It reports false, and leaves them to the caller, if that is not possible.
func (p *valuing) ahead(ctx context.Context, led []boarding) bool {
	caller := p.Caller.Later()
	if caller == nil {
		return false
	}
	e, later := p.engine, p.detach(caller)
	return e.background(ctx, func(ctx context.Context) {
		defer e.survive(ctx, "refresh")
		defer e.flights.end(led, nil)
		// Nobody has looked after the tags of soft invalidation and of grace: an entry may be served, and so come here,
		// while one of them is marked or gone.
		later.patience = e.patience(ctx)
		if l := &later.lookup; !clean(l.States) && (e.tokens(ctx, &later.patience, l) != nil || !later.region.storable(l.States)) {
			return
		}
		var made []Made
		returned := false // not if making panics
		defer func() {
			for n := range led {
				if !returned || made != nil && made[n].Err != nil {
					e.pauses.begin(led[n].id)
				}
			}
		}()
		made = later.lead(ctx, led)
		returned = true
		for _, m := range made {
			if m.Err != nil {
				e.cfg.Logger.DebugContext(ctx, "gormcache: background refresh failed", "error", describe(m.Err))
			}
		}
	})
}

// detach is the same read for a caller that may go on when this one has returned.
func (p *valuing) detach(caller Caller) *valuing {
	v := *p.Values
	v.Keys, v.Tags, v.Caller = slices.Clone(p.Keys), slices.Clone(p.Tags), caller
	later := &valuing{Values: &v, region: p.region, engine: p.engine, start: p.start, behind: true}
	later.lookup.Tags, later.lookup.States = v.Tags, slices.Clone(p.lookup.States)
	return later
}

// fill stores what was made, each in place of the entry that was seen before it was made: whoever has written one in
// between wins. It depends on the tokens that were seen with the entry. stored is as of [Region.set].
func (p *valuing) fill(ctx context.Context, some []sight, made []Made, cost time.Duration) (stored <-chan struct{}) {
	if p.Inside != nil { // making them may have written
		if now := p.Inside(); now.Apart != "" || now.NoFill {
			return nil
		}
	}
	if cost > p.region.memory() { // the tombstone of a value that was deleted meanwhile may be gone by now
		p.engine.cfg.Logger.WarnContext(ctx, "gormcache: values not stored: making them took longer than a Delete is remembered",
			"region", p.region.name, "took", cost)
		return nil
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
	if len(swaps) == 0 {
		return nil
	}
	r := p.region // p is used again when the read has returned
	return r.storing(ctx, func(ctx context.Context) { r.filled(nil, r.swapFills(ctx, swaps, seen)) })
}
