package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// A leader of a process claims, in the store, the right to load for the leaders of all processes:
//
//	claim ---- granted ----> look once more ---- absent ----> load, fill, release
//	  |                           |
//	  | another has it            +-- there, or its tags have moved: read again
//	  v
//	wait: woken, or Poll has passed, or the claim has run out ----> look, claim
//	  |
//	  +-- Wait has passed, the store fails, or the load that was waited for gave nothing: load without a claim
//
// The name of a claim is made of the entry's key and of the tokens that the leader saw. So nobody waits for a load that
// began before a commit that the leader knows of, and an entry counts only by its tokens, whoever has loaded it: a claim
// that is lost, granted twice or never given back costs time, and never truth.

// unclaimed ends the ids of flights whose leader has waited enough for other processes, and so does not claim.
const unclaimed = " unclaimed"

// glimpse is what a look at an entry has shown, of one that was missing.
type glimpse uint8

const (
	absent glimpse = iota // it is still missing
	there                 // somebody has filled it
	moved                 // a tag has another token now, or a mark: whoever loads for this one loads for the past
	blind                 // the store failed
)

// bid is a leader's wish to load for all processes.
type bid struct {
	// id is what is loaded, and the tokens seen: the id of the flight.
	id string
	// ttl is how long the claim holds; 0: none is wanted. See [Region.claimTTL].
	ttl time.Duration
	// patience is how long the read may still wait for the store.
	patience *time.Duration
	// waits is when the read has waited enough for other processes. It is set by the first wait, and holds for all turns
	// of one read: where tokens change all the time, each would have another claim to wait for.
	waits *time.Time
	// hasty is a caller that does not wait for another process: it makes a value that others wait for, and the other
	// process may be making one that asks for this one's.
	hasty bool
	// look looks the entry up again, and remembers what it found.
	look func(ctx context.Context, patience *time.Duration) glimpse
}

// claimTTL is how long a claim for a load holds; 0: none is wanted. Those in the background claim where they can: nobody
// waits for the calls that it takes.
func (r *Region) claimTTL(value, background bool) time.Duration {
	switch ttl := r.policy.Claim.TTL; {
	case r.claims == nil || ttl < 0:
		return 0
	case ttl > 0:
		return ttl
	case value || background:
		return DefaultClaimTTL
	}
	return 0
}

// waitEnds returns when a read has waited enough for other processes, if it begins to wait now. One with a deadline
// leaves half of its time for a load of its own.
func (r *Region) waitEnds(ctx context.Context, ttl time.Duration) time.Time {
	wait := r.policy.Claim.Wait
	if wait <= 0 {
		wait = 2 * ttl
	}
	now := time.Now()
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, deadline.Sub(now)/2)
	}
	return now.Add(wait)
}

// turn returns when the caller is to load: with the claim, or without one where there is none to be had. Where look saw
// that the entry is there, or that its tags have moved, it returns that instead, and the caller is not to load.
func (r *Region) turn(ctx context.Context, t bid) (*claim, glimpse) {
	if t.ttl == 0 || !t.waits.IsZero() && !time.Now().Before(*t.waits) {
		return nil, absent
	}
	c := &store.Claim{Name: r.engine.cfg.Namespace.Load([]byte(t.id)), Owner: store.NewWriter(), TTL: t.ttl}
	granted, err := r.tryClaim(ctx, t.patience, c)
	if err != nil {
		return nil, absent
	}
	if !granted && t.hasty {
		return nil, absent
	}
	if !granted {
		if t.waits.IsZero() {
			*t.waits = r.waitEnds(ctx, t.ttl)
		}
		w := &waiting{Region: r, bid: t, claim: c}
		return w.wait(ctx)
	}
	held := r.hold(ctx, c)
	return r.lookAgain(ctx, t, held, t.patience)
}

// lookAgain looks whether another process has filled the entry before the claim was granted.
func (r *Region) lookAgain(ctx context.Context, t bid, held *claim, patience *time.Duration) (*claim, glimpse) {
	if seen := t.look(ctx, patience); seen == there || seen == moved {
		held.release(nil)
		return nil, seen
	}
	return held, absent
}

// waiting is a turn whose claim another process has.
type waiting struct {
	*Region
	bid
	claim *store.Claim
	owner store.Writer // whose load is waited for
	freed bool         // the claim was free once before it was asked for again
}

func (w *waiting) wait(ctx context.Context) (*claim, glimpse) {
	woken, stop := w.claims.Watch(w.claim.Name)
	defer stop()
	end := time.NewTimer(time.Until(*w.waits))
	defer end.Stop()
	next, ok := w.holder(ctx)
	for ok {
		called, over := w.pause(ctx, &woken, end, next)
		if over {
			break
		}
		patience := w.engine.patience(ctx)
		switch seen := w.look(ctx, &patience); seen {
		case there, moved:
			return nil, seen
		case blind:
			return nil, absent
		}
		granted, err := w.tryClaim(ctx, &patience, w.claim)
		switch {
		case err != nil:
			return nil, absent
		case granted: // and the entry may have been filled since the look
			return w.lookAgain(ctx, w.bid, w.hold(ctx, w.claim), &patience)
		}
		was := w.owner
		next, ok = w.holder(ctx)
		// The load that this one waited for has ended and filled nothing: an error, or an answer that can't be stored.
		// The next one would end in the same way, and processes that wait for each other would load one after the other.
		if called && was != (store.Writer{}) && w.owner != was {
			break
		}
	}
	return nil, absent
}

// pause waits for the next look. called reports whether a release was the cause; over, that the caller has waited enough.
func (w *waiting) pause(ctx context.Context, woken *<-chan struct{}, end *time.Timer, next time.Duration) (called, over bool) {
	poll := time.NewTimer(next)
	defer poll.Stop()
	select {
	case _, open := <-*woken:
		if !open { // a store that ends its channels would keep this one busy
			*woken = nil
		}
		return open, false
	case <-poll.C:
		return false, false
	case <-end.C:
	case <-ctx.Done():
	case <-w.engine.ctx.Done():
	}
	return false, true
}

// holder finds out who has the claim, and how long to wait for it before the next look. It reports false if the store
// fails.
func (w *waiting) holder(ctx context.Context) (next time.Duration, ok bool) {
	poll := w.policy.Claim.Poll
	if poll <= 0 {
		poll = DefaultClaimPoll
	}
	poll += rand.N(poll/4+1) - poll/8
	var all []store.Claim
	patience := w.engine.patience(ctx)
	err := w.ask(ctx, &patience, "claims", func(ctx context.Context) (err error) {
		all, err = w.claims.Claims(ctx, w.claim.Name)
		return err
	})
	switch {
	case err != nil:
		return 0, false
	case len(all) > 0:
		w.owner = all[0].Owner
		return min(poll, max(all[0].TTL, time.Millisecond)), true
	case !w.freed: // it was released before this one watched
		w.freed = true
		return 0, true
	}
	return poll, true
}

// tryClaim asks for the claim. Where the call was cut off the claim may have been granted all the same: it is given back.
func (r *Region) tryClaim(ctx context.Context, patience *time.Duration, c *store.Claim) (granted bool, err error) {
	if r.engine.cfg.ReadTimeout > 0 && *patience <= 0 {
		return false, errSpent
	}
	err = r.ask(ctx, patience, "claim", func(ctx context.Context) (err error) {
		granted, err = r.claims.Claim(ctx, c)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNoClaim) {
		r.engine.background(ctx, func(ctx context.Context) { r.giveBack(ctx, c) })
	}
	return granted && err == nil, err
}

// ask makes a call of the region's claimer that a reader waits for.
func (r *Region) ask(ctx context.Context, patience *time.Duration, op string, call func(context.Context) error) error {
	if r.engine.cfg.ReadTimeout > 0 {
		return r.engine.ask(ctx, patience, op, call)
	}
	budget, cancel := context.WithTimeoutCause(ctx, r.engine.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := call(budget)
	if err != nil {
		r.engine.storeError(ctx, op, err)
	}
	return err
}

// claim is the right to load for all processes. A nil one is that of a caller who loads without: its methods do nothing.
type claim struct {
	over chan (<-chan struct{})
}

// release gives the claim back when stored is closed, which is when the entries are filled; nil: at once. It is quick,
// and may be called more than once: the first call counts.
func (c *claim) release(stored <-chan struct{}) {
	if c == nil {
		return
	}
	select {
	case c.over <- stored:
	default:
	}
}

// hold renews a claim that was granted until it is released, or until the engine closes: a process that ends in
// good order keeps nobody waiting.
func (r *Region) hold(ctx context.Context, c *store.Claim) *claim {
	held := &claim{over: make(chan (<-chan struct{}), 1)}
	if r.engine.background(ctx, func(ctx context.Context) {
		held.renew(ctx, r, c)
		r.giveBack(ctx, c)
	}) {
		return held
	}
	r.giveBack(ctx, c)
	return nil
}

// renew returns when the claim is to be given back.
func (c *claim) renew(ctx context.Context, r *Region, sc *store.Claim) {
	tick := time.NewTicker(max(sc.TTL/3, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case stored := <-c.over:
			if stored != nil {
				<-stored // after WriteTimeout at the latest
			}
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		budget, cancel := context.WithTimeoutCause(ctx, min(r.engine.cfg.WriteTimeout, sc.TTL/3), store.ErrBudget)
		held, err := r.claims.Renew(budget, sc)
		cancel()
		if err != nil {
			r.engine.storeError(ctx, "renew", err)
		} else if !held { // it has run out meanwhile, so another process may load too
			tick.Stop()
		}
	}
}

// giveBack ends a claim for all to see, also while the engine closes.
func (r *Region) giveBack(ctx context.Context, c *store.Claim) {
	budget, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), r.engine.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	if _, err := r.claims.Release(budget, c.Name, c.Owner); err != nil {
		r.engine.storeError(ctx, "release", err)
	}
}
