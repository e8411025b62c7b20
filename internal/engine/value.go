package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Values is one read of values that the application has named: of keys that share their tags.
type Values struct {
	// Keys are the keys in the store, each once.
	Keys []string
	// Tags are those that the values are made from, as [Region.Tags] gives them. An entry that depends on more is taken
	// too, if all its tags are as they were.
	Tags []string
	// Mode is how to treat what is cached. OnlyIfCached is for a caller that can't make values.
	Mode Mode
	// TTL takes the place of the region's, if positive.
	TTL time.Duration
	// MaxAge makes entries that are older a miss, if positive.
	MaxAge time.Duration
	// Old takes entries past their TTL too.
	Old bool
	// Exact is for a caller that describes the entries, too: what the request has read before says nothing of them.
	Exact bool
	// Negative takes the answer that there is no value; otherwise that is a miss.
	Negative bool
	// Inside returns what is to be known of the transaction that the caller is in; nil: it is in none.
	Inside func() Inside
	// Caller gets the values, and makes those that are missing.
	Caller Caller
}

// Inside is what a read of values must know of the transaction that it runs in.
type Inside struct {
	// Apart, if not empty, says why values are neither taken nor stored.
	Apart string
	// Alone keeps what is made from being shared with other callers, and the caller from waiting for theirs.
	Alone bool
	// NoFill keeps what is made from being stored.
	NoFill bool
}

// Caller is the side of a read of values that knows their type. For each key one of Take, Absent and Fail is called, once
// unless Take returns an error.
type Caller interface {
	// Take hands over a value. An error says that the payload can't be decoded, so that the entry is a miss.
	Take(at int, v *Value) error
	// Absent says that there is no value. The payload is what came with [Made.Absent]; an error is as of Take.
	Absent(at int, payload []byte) error
	// Fail says why the key has no answer.
	Fail(at int, err error)
	// Make makes values, one for each of missing. encode is false where they will not be stored, nor shared.
	Make(ctx context.Context, missing []int, encode bool) []Made
	// Later returns a caller that may make values after the read has returned. Nothing waits for what it takes. nil: there
	// is none, and nothing is served stale.
	Later() Caller
}

// Value is one value on its way to its [Caller]. It is valid during the call of Take.
type Value struct {
	// Entry is the entry it comes from; the payload is the value alone. Only the payload is set where it was just made.
	Entry entry.Envelope
	// Rest is the value itself, where this caller has made it and there is no payload.
	Rest any
	// Age is how old it is.
	Age time.Duration
	// Stale reports whether it is older than its TTL.
	Stale bool

	dropped bool // by a write
}

// Made is what came of making one value.
type Made struct {
	Payload []byte        // the value in bytes
	Rest    any           // the value itself
	Err     error         // there is none, because of this
	Absent  bool          // there is none, which is an answer; Payload is stored with it
	Private bool          // it is not to be stored
	TTL     time.Duration // takes the place of the others, if positive
	// Reason, if not empty, says why it is not stored. Without a payload it is not shared with other callers either.
	Reason observe.Reason
	Detail string
}

// ErrOwnKey is returned where making a value needs that value.
var ErrOwnKey = errors.New("gormcache: the function that makes this value has asked for the value itself: it would wait for itself")

// MissError is a miss because the cache could not be asked. It is [ErrCacheMiss].
type MissError struct {
	Reason observe.Reason
	Detail string
	Err    error // the store's, if it failed
}

// Error says that it is a miss, and why.
func (e *MissError) Error() string { return ErrCacheMiss.Error() + ": " + e.Detail }

// Unwrap returns [ErrCacheMiss] and what has failed.
func (e *MissError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrCacheMiss}
	}
	return []error{ErrCacheMiss, e.Err}
}

// sight is what a read saw of one key.
type sight struct {
	at      int                     // the key's place among all
	landed  uint32                  // flights that had landed before
	raw     []byte                  // the entry, byte for byte; nil if there was none
	id      [entry.VersionSize]byte // tells entries apart: equal only if nobody has written in between
	dropped []byte                  // the payload that a write has dropped
	spare   freshness               // spare or touched: what may be done with the entry if the load fails
}

// valuing is a read of values on its way. Keys that have no answer yet are left; each round asks the store for them, and
// loads those that nobody else loads.
type valuing struct {
	*Values
	region   *Region
	engine   *Engine
	start    time.Time
	patience time.Duration
	lookup   store.Lookup
	left     []sight
	value    Value
	inside   Inside
	waits    time.Time  // when the read has waited enough for other processes; see Region.turn
	direct   bool       // what is missing is made in the caller's goroutine: in another it came to no end
	behind   bool       // it is made in the background
	own      *tier.Tier // of the request; nil: none is to be used
	seen     uint64     // by own, when the read began
}

// valuings are used again: a hit must not allocate one.
var valuings = sync.Pool{New: func() any { return new(valuing) }}

// Values answers a request. A store that fails never keeps a caller that can make values from its answer, nor does a
// closed engine.
func (r *Region) Values(ctx context.Context, v *Values) {
	p := valuings.Get().(*valuing)
	defer p.release()
	p.Values, p.region, p.engine, p.start, p.patience = v, r, r.engine, time.Now(), r.engine.patience(ctx)
	if v.Inside != nil {
		p.inside = v.Inside()
	}
	p.enter(ctx)
	for at := range v.Keys {
		if !p.recall(ctx, at) {
			p.left = append(p.left, sight{at: at})
		}
	}
	if p.own != nil && len(p.left) == 0 {
		return
	}
	for p.round(ctx); len(p.left) > 0; p.round(ctx) {
		// Others were loading the same. They have perhaps filled the entries by now.
		p.patience = r.engine.rest(ctx, p.patience)
	}
}

// release gives the read back without holding on to values.
func (p *valuing) release() {
	clear(p.left[:cap(p.left)])
	clear(p.lookup.Values)
	clear(p.lookup.Keys)
	p.lookup.Tags, p.lookup.Keys, p.lookup.Values = nil, p.lookup.Keys[:0], p.lookup.Values[:0]
	*p = valuing{lookup: p.lookup, left: p.left[:0]}
	valuings.Put(p)
}

// round looks the keys up that are left, and has those loaded that are missing.
func (p *valuing) round(ctx context.Context) {
	e, l := p.engine, &p.lookup
	switch {
	case e.Closed():
		p.alone(ctx, &MissError{Reason: observe.Closed, Detail: closed})
		return
	case p.inside.Apart != "":
		p.alone(ctx, &MissError{Reason: observe.Transaction, Detail: p.inside.Apart})
		return
	case e.cfg.Blocked != nil && e.cfg.Blocked(p.Tags):
		p.alone(ctx, &MissError{Reason: observe.Pending, Detail: pending})
		return
	}
	l.Keys, l.Tags = l.Keys[:0], p.Tags
	for n := range p.left {
		s := &p.left[n]
		*s = sight{at: s.at, landed: e.flights.count(p.Keys[s.at]).Load()}
		l.Keys = append(l.Keys, p.Keys[s.at])
	}
	if err := e.lookup(ctx, &p.patience, l); err != nil {
		p.failed(ctx, err)
		return
	}
	e.learn(l.States)
	p.serve(ctx)
	if len(p.left) == 0 {
		return
	}
	if p.Mode == OnlyIfCached {
		for _, s := range p.take() {
			p.miss(ctx, s, ErrCacheMiss, Result{Outcome: observe.Miss})
		}
		return
	}
	if !clean(l.States) {
		if err := e.tokens(ctx, &p.patience, l); err != nil {
			p.failed(ctx, err)
			return
		}
		e.learn(l.States)
	}
	if !p.region.storable(l.States) {
		p.alone(ctx, &MissError{Reason: observe.Marked, Detail: marked(e.cfg.Namespace, l.Tags, l.States)})
		return
	}
	p.load(ctx)
}

// learn passes on the token of the epoch: DDL changes it, in whatever process it ran.
func (e *Engine) learn(states []store.State) {
	if e.cfg.Schema != nil && states[0].Known {
		e.cfg.Schema(states[0].Token)
	}
}

// take takes what is left off the list.
func (p *valuing) take() []sight {
	left := slices.Clone(p.left)
	p.left = p.left[:0]
	return left
}

// failed leaves the cache alone because the store failed. One that is closed along with the plugin has not failed.
func (p *valuing) failed(ctx context.Context, err error) {
	if p.engine.Closed() {
		p.alone(ctx, &MissError{Reason: observe.Closed, Detail: closed})
		return
	}
	p.alone(ctx, &MissError{Reason: observe.StoreError, Detail: fault.Text(err), Err: err})
}

// alone has the caller make what is left without the cache.
func (p *valuing) alone(ctx context.Context, why *MissError) {
	left := p.take()
	if p.Mode == OnlyIfCached {
		for _, s := range left {
			p.miss(ctx, s, why, Result{Outcome: observe.Miss, Reason: why.Reason, Detail: why.Detail})
		}
		return
	}
	p.makeAlone(ctx, left, why.Reason, why.Detail)
}

func (p *valuing) makeAlone(ctx context.Context, some []sight, reason observe.Reason, detail string) {
	if len(some) == 0 {
		return
	}
	some = p.notOwn(ctx, some)
	if len(some) == 0 {
		return
	}
	made := p.makeBound(ctx, some, nil, false, func() {})
	for n, s := range some {
		p.hand(ctx, s, &made[n], Result{Outcome: observe.Bypass, Reason: reason, Detail: detail})
	}
}

// notOwn fails the keys that the caller is just making, and returns the others.
func (p *valuing) notOwn(ctx context.Context, some []sight) []sight {
	others := make([]sight, 0, len(some))
	for _, s := range some {
		if leads(ctx, p.engine, p.Keys[s.at]) {
			p.miss(ctx, s, ErrOwnKey, Result{Outcome: observe.Miss})
			continue
		}
		others = append(others, s)
	}
	return others
}

func places(some []sight) []int {
	at := make([]int, len(some))
	for n := range some {
		at[n] = some[n].at
	}
	return at
}

// miss tells the caller why a key has no answer.
func (p *valuing) miss(ctx context.Context, s sight, err error, res Result) {
	p.Caller.Fail(s.at, err)
	p.report(ctx, s, res, err)
}

// hand gives the caller what it has made itself, or what another has made for it.
func (p *valuing) hand(ctx context.Context, s sight, m *Made, res Result) {
	if m.Reason != "" {
		res.Outcome, res.Reason, res.Detail = observe.Bypass, m.Reason, m.Detail
	}
	switch {
	case m.Err != nil && p.rescue(ctx, s, observe.LoadFailed, m.Err):
		return
	case m.Err != nil:
		p.Caller.Fail(s.at, m.Err)
	case m.Absent:
		if err := p.Caller.Absent(s.at, m.Payload); err != nil {
			p.Caller.Fail(s.at, err)
		}
	default:
		if m.Payload != nil {
			p.value = Value{Entry: entry.Envelope{Payload: m.Payload}}
			if p.Caller.Take(s.at, &p.value) == nil {
				if res.Outcome == observe.Miss && !m.Private {
					p.remember(s.at, m.Payload)
				}
				break
			}
		}
		p.value = Value{Rest: m.Rest} // there are no bytes, or the codec can't read what it has written
		if err := p.Caller.Take(s.at, &p.value); err != nil {
			p.Caller.Fail(s.at, err)
		}
	}
	p.report(ctx, s, res, m.Err)
}

// report counts the read of one key.
func (p *valuing) report(ctx context.Context, s sight, res Result, err error) {
	p.region.report(ctx, p.Keys[s.at], nil, nil, res, err, p.start)
}
