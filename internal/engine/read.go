package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Mode is how a request treats what is cached.
type Mode uint8

const (
	// Normal serves what is cached, and loads otherwise.
	Normal Mode = iota
	// Refresh loads in any case, and overwrites what is cached.
	Refresh
	// OnlyIfCached never loads: what is not cached is [ErrCacheMiss].
	OnlyIfCached
)

// Loaded is what a load gives.
type Loaded struct {
	// Payload is the answer in bytes. It is shared between callers and must not be modified.
	Payload []byte
	// Empty tells that there is nothing: NegativeTTL holds.
	Empty bool
	// Reason, if not empty, says why the answer can neither be stored nor shared. Rest then is the
	// answer, for the caller that loaded it alone.
	Reason observe.Reason
	// Detail makes Reason precise.
	Detail string
	// Rest is handed through to the caller that loaded, also beside an error. In the background,
	// where there is none, it is closed if it is an io.Closer.
	Rest any
}

// Request is one read. It is not modified, and not kept beyond the read.
type Request struct {
	// Key is the entry's key.
	Key string
	// Tags are all its tags, as [Region.Tags] gives them: the namespace's epoch is the first.
	Tags []string
	// Kind is what the payload holds.
	Kind serializer.Kind
	// TTL takes the place of the region's, if positive.
	TTL time.Duration
	// Mode is how to treat what is cached.
	Mode Mode
	// Alone keeps the load from being shared with other callers.
	Alone bool
	// NoFill keeps the answer from being stored.
	NoFill bool
	// Schema is the version of the schema that Tags rest on, if OfSchema. Where it is no longer the
	// present one after the tags have been read, the tags may be wrong.
	Schema   uint64
	OfSchema bool
	// Tracks are those of Tags that exist only by enrolment: a read must not make them with new tokens
	// as it makes others, but by Tracking.
	Tracks   []string
	Tracking Tracking
	// Load asks the database. It runs in the caller's goroutine.
	Load func(context.Context) (Loaded, error)
	// Later returns a load that may run in the background after the read has returned, so it must
	// not refer to anything of the caller's. Nil: there is none, and nothing is served stale.
	Later func() func(context.Context) (Loaded, error)
	// Tables and Counters are the tables the request reads, for hooks and counters.
	Tables   []string
	Counters []*observe.Counter

	// store takes the place of storing one entry.
	store func(context.Context, Loaded)
}

// Tracking sees to the tags that exist only by enrolment. It is safe for concurrent use.
type Tracking interface {
	// Enrol makes the tags, or takes away marks that have run out on them.
	Enrol(ctx context.Context) error
	// Due tells that it is time for Keep, once each time. It is quick.
	Due() bool
	// Keep keeps the tags from expiring.
	Keep(ctx context.Context) error
}

// Result is how a read ended.
type Result struct {
	// Payload is the answer of a hit, a stale hit or a miss. It must not be modified.
	Payload []byte
	// Outcome is how the read ended. After Bypass the caller asks the database itself, unless Rest
	// is set.
	Outcome observe.Outcome
	// Reason and Detail say why the read was bypassed.
	Reason observe.Reason
	Detail string
	// Rest is what the caller's own load gave beside, or in place of, a payload.
	Rest any
	// Coalesced tells that another caller's load gave the answer.
	Coalesced bool
}

var lookups = sync.Pool{New: func() any { return new(store.Lookup) }}

// Read answers a request. The error is that of the load, the caller's context's, [ErrCacheMiss],
// or [ErrSchema]; a store that fails never gives one, nor does a closed engine.
func (r *Region) Read(ctx context.Context, q *Request) (Result, error) {
	start, patience := time.Now(), r.engine.patience(ctx)
	res, err := r.read(ctx, q, &patience)
	for errors.Is(err, errAbandoned) {
		// Others waited for the same load. One of them has perhaps filled the entry by now.
		patience = r.engine.rest(ctx, patience)
		res, err = r.read(ctx, q, &patience)
	}
	if !errors.Is(err, ErrSchema) {
		r.Report(ctx, q, res, err, start)
	}
	return res, err
}

// ErrSchema is returned by [Region.Read], which has then neither asked the database nor counted the
// read, where the request's Schema is no longer the present one: its tags are to be found out anew.
var ErrSchema = errors.New("gormcache: the schema may have changed")

// errAbandoned says that the load that a caller waited for came to no end.
var errAbandoned = errors.New("gormcache: load abandoned")

func (r *Region) read(ctx context.Context, q *Request, patience *time.Duration) (Result, error) {
	e := r.engine
	if e.Closed() {
		return r.bypass(q, observe.Closed, closed)
	}
	if e.cfg.Blocked != nil && e.cfg.Blocked(q.Tags) {
		return r.bypass(q, observe.Pending, pending)
	}
	landed := e.flights.count(q.Key).Load()
	l := lookups.Get().(*store.Lookup)
	defer release(l)
	l.Keys, l.Tags = append(l.Keys[:0], q.Key), q.Tags
	if err := e.lookup(ctx, patience, l); err != nil {
		return r.failed(q, err)
	}
	if !e.current(q, l) {
		return Result{}, ErrSchema
	}
	e.keep(ctx, q)
	var dropped []byte
	if q.Mode != Refresh {
		res, was, ok := r.serve(ctx, q, l)
		if ok {
			return res, nil
		}
		dropped = was
	}
	if q.Mode == OnlyIfCached {
		return Result{Outcome: observe.Miss}, ErrCacheMiss
	}
	if !clean(l.States) {
		if err := e.mend(ctx, q, patience, l); err != nil {
			return r.failed(q, err)
		}
		if !e.current(q, l) {
			return Result{}, ErrSchema
		}
		// Whoever reads while a writer is between its mark and its settling may get the data of
		// before the commit after another process has already seen the new: nothing is concluded.
		if !clean(l.States) {
			return r.bypass(q, observe.Marked, e.marked(l.Tags, l.States))
		}
	}
	if dropped != nil && !q.NoFill {
		q = r.compared(q, dropped)
	}
	return r.load(ctx, q, appendTokens(nil, l.States), landed)
}

// current tells that the request's tags rest on the present schema. DDL changes the epoch, in whatever
// process it ran: one that turns a table into a view makes the tags of its readers wrong, and they
// must be found out anew before anything is stored under them.
func (e *Engine) current(q *Request, l *store.Lookup) bool {
	if e.cfg.Schema == nil || !q.OfSchema || !l.States[0].Known {
		return true
	}
	return e.cfg.Schema(l.States[0].Token) == q.Schema
}

// release gives the lookup back without holding on to values.
func release(l *store.Lookup) {
	l.Tags = nil
	clear(l.Values)
	lookups.Put(l)
}

// bypass leaves the cache alone; a request for cached data only is a miss then.
func (r *Region) bypass(q *Request, reason observe.Reason, detail string) (Result, error) {
	if q.Mode == OnlyIfCached {
		return Result{Outcome: observe.Miss, Reason: reason, Detail: detail}, ErrCacheMiss
	}
	return Result{Outcome: observe.Bypass, Reason: reason, Detail: detail}, nil
}

// failed leaves the cache alone because the store failed. One that is closed along with the plugin has not failed.
func (r *Region) failed(q *Request, err error) (Result, error) {
	if r.engine.Closed() {
		return r.bypass(q, observe.Closed, closed)
	}
	return r.bypass(q, observe.StoreError, fault.Text(err))
}

// serve answers from the entry if it may be. dropped is the payload of one that an invalidation has dropped.
func (r *Region) serve(ctx context.Context, q *Request, l *store.Lookup) (res Result, dropped []byte, ok bool) {
	if l.Values[0] == nil || !clean(l.States) {
		return Result{}, nil, false
	}
	var env serializer.Envelope
	if err := env.Decode(q.Key, l.Values[0]); err != nil || env.Kind != q.Kind {
		// Another format's version is a deployment under way; anything else is damage, or forgery.
		if !errors.Is(err, serializer.ErrVersion) {
			r.engine.cfg.Recorder.Rejected()
		}
		return Result{}, nil, false
	}
	if !match(env.Tokens, l.States) {
		return Result{}, env.Payload, false
	}
	if !env.IsOld(time.Now()) {
		return Result{Payload: env.Payload, Outcome: observe.Hit}, nil, true
	}
	if q.Later == nil || !r.refresh(ctx, q, bytes.Clone(env.Tokens)) {
		return Result{}, nil, false
	}
	return Result{Payload: env.Payload, Outcome: observe.Stale}, nil, true
}

// load asks the database, once for all callers of this process that saw the same tokens. landed is the
// count of landed flights before the lookup.
func (r *Region) load(ctx context.Context, q *Request, tokens []byte, landed uint32) (Result, error) {
	// A refresh wants what the database says now; a load that is under way may have begun before
	// the change it is after, if that was made outside GORM.
	if q.Alone || q.NoFill || q.Mode == Refresh {
		loaded, err := q.Load(ctx)
		if err == nil {
			r.fill(ctx, q, tokens, loaded)
		}
		return result(loaded, false), err
	}
	id := q.Key + string(tokens)
	f, leader := r.engine.flights.joinSince(id, q.Key, landed)
	switch {
	case f == nil:
		return Result{}, errAbandoned
	case leader:
		return r.lead(ctx, q, tokens, id, f, q.Load)
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

// lead runs the load of a flight and lands it. Those who wait go on as soon as the answer is there;
// the flight stays known until the entry is filled, so that callers in between share it too.
func (r *Region) lead(ctx context.Context, q *Request, tokens []byte, id string, f *flight, load func(context.Context) (Loaded, error)) (Result, error) {
	landed := false
	land := func() {
		if !landed {
			landed = true
			close(f.done)
		}
	}
	// Also if load panics: the key lives on, and whoever waits tries again.
	defer land()
	defer r.engine.flights.forget(id, q.Key)
	loaded, err := load(ctx)
	if err != nil {
		// The leader's own cancellation is not an answer to others with time left.
		if !over(ctx) {
			f.err, f.abandoned = err, false
		}
		return result(loaded, false), err
	}
	f.loaded, f.abandoned = loaded, false
	f.loaded.Rest = nil
	land()
	r.fill(ctx, q, tokens, loaded)
	return result(loaded, false), nil
}

// over tells that a caller's time is up. Deadlines reach the network by themselves, so an error of a
// connection may come a moment before its context says why.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// refresh loads the entry anew in the background, unless somebody already does. It reports false if
// that is not possible any more.
func (r *Region) refresh(ctx context.Context, q *Request, tokens []byte) bool {
	id := q.Key + string(tokens)
	f, leader := r.engine.flights.join(id)
	if !leader {
		return true
	}
	later, load := *q, q.Later()
	ok := r.engine.background(ctx, func(ctx context.Context) {
		defer r.engine.survive(ctx, "refresh")
		res, err := r.lead(ctx, &later, tokens, id, f, load)
		if err != nil {
			r.engine.cfg.Logger.DebugContext(ctx, "gormcache: background refresh failed", "error", describe(err))
		}
		if rest, ok := res.Rest.(io.Closer); ok { // there is no caller to take what can't be stored
			_ = rest.Close()
		}
	})
	if !ok {
		r.engine.flights.drop(id)
		close(f.done)
	}
	return ok
}

func result(l Loaded, coalesced bool) Result {
	res := Result{Payload: l.Payload, Outcome: observe.Miss, Rest: l.Rest, Coalesced: coalesced}
	if l.Reason != "" {
		res.Outcome, res.Reason, res.Detail = observe.Bypass, l.Reason, l.Detail
	}
	return res
}

func clean(states []store.State) bool {
	for i := range states {
		if !states[i].Clean() {
			return false
		}
	}
	return true
}

// match compares the tokens an entry carries with those its tags have now.
func match(tokens []byte, states []store.State) bool {
	if len(tokens) != len(states)*store.TokenSize {
		return false
	}
	for i := range states {
		if store.Token(tokens[i*store.TokenSize:]) != states[i].Token {
			return false
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
