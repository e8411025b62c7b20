package engine

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// inRequest is the detail of observe.InRequest.
const inRequest = "an equal read of this request was answered before (fromcache.InRequest): the answer is as old as that"

// readOwn answers from the request's own tier, or reads and leaves the answer there. Only answers that were told as hits or
// misses stay: what is stale, or was bypassed, is asked for again.
func (r *Region) readOwn(ctx context.Context, own *tier.Tier, q *Request) (Result, error) {
	start, key, anew := time.Now(), tier.Key{Region: r, Key: q.Key}, q.Mode == Refresh
	if anew { // or a read that is under way would leave what is older
		own.Drop()
	}
	seen := own.Seen()
	if !anew && !r.engine.Closed() {
		if a, ok := own.Get(key, q.Tags); ok {
			res := Result{Outcome: observe.Hit, Reason: observe.InRequest, Detail: inRequest, Payload: a.Payload, Hits: a.Parts}
			r.engine.cfg.Recorder.InRequest()
			r.Report(ctx, q, res, nil, start)
			return res, nil
		}
	}
	res, err := r.readAll(ctx, q)
	if err == nil && res.Rest == nil && (res.Outcome == observe.Hit || res.Outcome == observe.Miss) {
		own.Put(seen, key, q.Tags, tier.Answer{Payload: res.Payload, Parts: res.Hits}, anew)
	}
	return res, err
}

// enter looks up the request's own tier for a read of values. One that wants to know more of the entries than their values
// does without, as does one in a transaction.
func (p *valuing) enter(ctx context.Context) {
	own := tier.Of(ctx)
	if own == nil || p.Exact || p.MaxAge > 0 || p.inside != (Inside{}) || p.engine.Closed() {
		return
	}
	if p.Mode == Refresh {
		own.Drop()
	}
	p.own, p.seen = own, own.Seen()
}

// recall hands over a value that the request's own tier has.
func (p *valuing) recall(ctx context.Context, at int) bool {
	if p.own == nil || p.Mode == Refresh {
		return false
	}
	a, ok := p.own.Get(p.ownKey(at), p.Tags)
	if !ok {
		return false
	}
	p.value = Value{Entry: entry.Envelope{Kind: entry.KindValue, Payload: append([]byte{}, a.Payload...)}} // a codec may keep them
	if p.Caller.Take(at, &p.value) != nil {
		return false
	}
	p.engine.cfg.Recorder.InRequest()
	p.report(ctx, sight{at: at}, Result{Outcome: observe.Hit, Reason: observe.InRequest, Detail: inRequest}, nil)
	return true
}

// remember leaves a value in the request's own tier. payload may be shared with the store, or with others who wait.
func (p *valuing) remember(at int, payload []byte) {
	if p.own != nil && payload != nil {
		p.own.Put(p.seen, p.ownKey(at), p.Tags, tier.Answer{Payload: append([]byte{}, payload...)}, p.Mode == Refresh)
	}
}

func (p *valuing) ownKey(at int) tier.Key { return tier.Key{Region: p.region, Key: p.Keys[at]} }
