package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Part is a part of an answer: an entry of its own, that depends on a tag of its own besides those that
// all parts share.
type Part struct {
	Key, Tag string
}

// PartsRequest is one read of an answer that falls into parts. It is not modified, and not kept beyond the
// read.
type PartsRequest struct {
	// Request tells what all parts have in common. Its Key stands for all of them together; its Tags are
	// those that they share. Load and Later are not used: parts are not served stale.
	Request
	// Parts are the parts, each once.
	Parts []Part
	// LoadParts asks the database for some of the parts, by their places in Parts. Loaded.Payload is what
	// it answers; parts is the same divided, in the order of missing. [ErrParts] if it can't be.
	LoadParts func(ctx context.Context, missing []int) (l Loaded, parts []LoadedPart, err error)
}

// LoadedPart is a part of what the database answered.
type LoadedPart struct {
	Payload []byte
	Empty   bool
}

// PartsResult is how a read of parts ended. Its Payload is that of what was loaded.
type PartsResult struct {
	Result
	// Hits are the payloads found, in the order of the parts; nil where there was none.
	Hits [][]byte
}

// ErrParts is returned by [Region.ReadParts] if the answer turned out not to fall into parts. The read has
// not been counted, and nothing was stored.
var ErrParts = errors.New("gormcache: the answer does not fall into parts")

// ReadParts answers a request part by part: those that are cached are found in one round trip, and the
// others loaded together. It counts as a hit if none was to be loaded. Errors are as for [Region.Read], and
// [ErrParts].
//
//	tags of all     T!            one mark: bypass
//	tags of parts   T[c=1] …      a mark: this part is loaded, and not stored
func (r *Region) ReadParts(ctx context.Context, q *PartsRequest) (PartsResult, error) {
	start := time.Now()
	p := &partsRead{Region: r, PartsRequest: q, shared: len(q.Tags), patience: r.engine.patience(ctx)}
	res, err := p.read(ctx)
	for errors.Is(err, errAbandoned) {
		p = &partsRead{Region: r, PartsRequest: q, shared: len(q.Tags), patience: r.engine.rest(ctx, p.patience)}
		res, err = p.read(ctx)
	}
	if !errors.Is(err, ErrSchema) && !errors.Is(err, ErrParts) {
		r.Report(ctx, &q.Request, res.Result, err, start)
	}
	return res, err
}

// partsRead is a read of parts on its way.
type partsRead struct {
	*Region
	*PartsRequest
	patience time.Duration
	lookup   store.Lookup // tags: those that all share, then one of each part
	shared   int
	hits     [][]byte
	missing  []int
	marked   map[int]bool   // parts that are not to be stored
	dropped  map[int][]byte // payloads of parts' entries that a write has dropped
}

func (p *partsRead) read(ctx context.Context) (PartsResult, error) {
	e, q := p.engine, p.PartsRequest
	if e.Closed() {
		return p.bypass(observe.Closed, closed)
	}
	p.hits = make([][]byte, len(q.Parts))
	l := &p.lookup
	l.Keys, l.Tags = make([]string, len(q.Parts)), append(make([]string, 0, len(q.Tags)+len(q.Parts)), q.Tags...)
	for i, part := range q.Parts {
		l.Keys[i], l.Tags = part.Key, append(l.Tags, part.Tag)
	}
	if e.cfg.Blocked != nil && e.cfg.Blocked(l.Tags) {
		return p.bypass(observe.Pending, pending)
	}
	landed := e.flights.count(q.Key).Load()
	if err := e.lookup(ctx, &p.patience, l); err != nil {
		return p.failed(err)
	}
	if !e.current(&q.Request, l) {
		return PartsResult{}, ErrSchema
	}
	e.keep(ctx, &q.Request)
	p.serve()
	if len(p.missing) == 0 {
		return PartsResult{Result: Result{Outcome: observe.Hit}, Hits: p.hits}, nil
	}
	if q.Mode == OnlyIfCached {
		return PartsResult{Result: Result{Outcome: observe.Miss}}, ErrCacheMiss
	}
	if err := p.mend(ctx); err != nil {
		return p.failed(err)
	}
	if !e.current(&q.Request, l) {
		return PartsResult{}, ErrSchema
	}
	if !clean(p.states()) {
		return p.bypass(observe.Marked, e.marked(l.Tags[:p.shared], p.states()))
	}
	return p.load(ctx, landed)
}

func (p *partsRead) bypass(reason observe.Reason, detail string) (PartsResult, error) {
	res, err := p.Region.bypass(&p.Request, reason, detail)
	return PartsResult{Result: res}, err
}

func (p *partsRead) failed(err error) (PartsResult, error) {
	res, err := p.Region.failed(&p.Request, err)
	return PartsResult{Result: res}, err
}

// states are those of the tags that all parts share.
func (p *partsRead) states() []store.State { return p.lookup.States[:p.shared] }

// state is that of a part's own tag.
func (p *partsRead) state(part int) *store.State { return &p.lookup.States[p.shared+part] }

// serve takes the parts that are cached.
func (p *partsRead) serve() {
	shared, now := clean(p.states()), time.Now()
	tokens := make([]byte, 0, (p.shared+1)*store.TokenSize)
	tokens = appendTokens(tokens, p.states())
	for i := range p.Parts {
		if shared && p.Mode != Refresh && p.state(i).Clean() {
			p.hits[i] = p.valid(i, append(tokens, p.state(i).Token[:]...), now)
		}
		if p.hits[i] == nil {
			p.missing = append(p.missing, i)
		}
	}
}

// valid is the payload of a part's entry, nil if there is none that carries these tokens.
func (p *partsRead) valid(part int, tokens []byte, now time.Time) []byte {
	value := p.lookup.Values[part]
	if value == nil {
		return nil
	}
	var env serializer.Envelope
	if err := env.Decode(p.Parts[part].Key, value); err != nil || env.Kind != p.Kind {
		if !errors.Is(err, serializer.ErrVersion) {
			p.engine.cfg.Recorder.Rejected()
		}
		return nil
	}
	if string(env.Tokens) != string(tokens) {
		if p.dropped == nil {
			p.dropped = map[int][]byte{}
		}
		p.dropped[part] = env.Payload
		return nil
	}
	if env.IsOld(now) {
		return nil
	}
	return env.Payload
}

// mend makes the shared tags whole, and those of the missing parts, where it can.
func (p *partsRead) mend(ctx context.Context) error {
	l := &p.lookup
	if !clean(p.states()) {
		shared := store.Lookup{Tags: l.Tags[:p.shared], States: p.states()}
		if err := p.engine.mend(ctx, &p.Request, &p.patience, &shared); err != nil {
			return err
		}
		copy(p.states(), shared.States)
	}
	var own store.Lookup
	var places []int
	for _, i := range p.missing {
		if !p.state(i).Clean() {
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
		*p.state(i) = own.States[n]
		if !own.States[n].Clean() {
			if p.marked == nil {
				p.marked = map[int]bool{}
			}
			p.marked[i] = true
		}
	}
	return nil
}

// load asks the database for what is missing, once for all callers of this process who miss the same of
// the same parts, and saw the same tokens.
func (p *partsRead) load(ctx context.Context, landed uint32) (PartsResult, error) {
	q := p.Request
	q.Alone = q.Alone || len(p.marked) > 0 // who saw a mark shares with nobody
	var parts []LoadedPart
	q.Load = func(ctx context.Context) (l Loaded, err error) {
		l, parts, err = p.LoadParts(ctx, p.missing)
		if err == nil && !q.NoFill {
			p.compare(parts)
		}
		return l, err
	}
	q.store = func(ctx context.Context, _ Loaded) { p.fill(ctx, parts) }
	res, err := p.Region.load(ctx, &q, p.identity(), landed)
	if err == nil && len(p.missing) < len(p.Parts) && !p.still(ctx) {
		return PartsResult{}, ErrParts
	}
	return PartsResult{Result: res, Hits: p.hits}, err
}

// still tells that what was found is as true as what was loaded after it. If somebody has moved a row from a
// part that was found to one that was loaded, together they would show it twice, which no answer of the
// database ever does.
func (p *partsRead) still(ctx context.Context) bool {
	now := store.Lookup{Tags: p.lookup.Tags[:p.shared:p.shared]}
	before := p.states()[:p.shared:p.shared]
	for i, hit := range p.hits {
		if hit != nil {
			now.Tags, before = append(now.Tags, p.Parts[i].Tag), append(before, *p.state(i))
		}
	}
	p.patience = p.engine.rest(ctx, p.patience)
	if err := p.engine.lookup(ctx, &p.patience, &now); err != nil || !clean(now.States) {
		return false
	}
	return match(appendTokens(nil, before), now.States)
}

// compare counts the parts whose entries a write has dropped, and those of them that are as they were.
func (p *partsRead) compare(parts []LoadedPart) {
	for n := range parts {
		if was, ok := p.dropped[p.missing[n]]; ok {
			p.countDropped(&p.Request, bytes.Equal(parts[n].Payload, was))
		}
	}
}

// identity tells apart what different callers load.
func (p *partsRead) identity() []byte {
	id := appendTokens(make([]byte, 0, (p.shared+2*len(p.missing))*store.TokenSize), p.states())
	for _, i := range p.missing {
		id = binary.AppendUvarint(id, uint64(i))
		id = append(id, p.state(i).Token[:]...)
	}
	return id
}

// fill stores the parts that were loaded, under the tokens seen before the load.
func (p *partsRead) fill(ctx context.Context, parts []LoadedPart) {
	var entries []store.Entry
	tokens := appendTokens(nil, p.states())
	for n, i := range p.missing {
		ttl := p.ttl(&p.Request, parts[n].Empty)
		if ttl <= 0 || p.marked[i] {
			continue
		}
		if ttl == NoExpiration {
			ttl = 0
		}
		env := serializer.Envelope{Created: time.Now().UnixMilli(), Kind: p.Kind, Payload: parts[n].Payload}
		env.Tokens = append(tokens[:len(tokens):len(tokens)], p.state(i).Token[:]...)
		value, err := serializer.AppendEnvelope(make([]byte, 0, env.Size()), p.Parts[i].Key, &env)
		if err != nil { // more tags than an entry can carry
			p.engine.cfg.Logger.DebugContext(ctx, "gormcache: entry not stored", "error", err)
			return
		}
		entries = append(entries, store.Entry{Key: p.Parts[i].Key, Value: value, TTL: ttl})
	}
	if len(entries) > 0 {
		p.set(ctx, &p.Request, entries...)
	}
}
