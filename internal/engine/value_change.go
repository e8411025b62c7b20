package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// ErrConflict is returned where others have changed a value each time that this caller wanted to.
var ErrConflict = errors.New("gormcache: the value was changed by others meanwhile")

// Change is a change of one value that nobody may interfere with.
type Change struct {
	Key string
	// Tags are those that the new value is made from, as [Region.Tags] gives them; nil: those of the old one, if there is
	// one, and of the region.
	Tags []string
	// Begun takes the place of Tags.
	Begun *Begun
	// TTL takes the place of the region's, if positive.
	TTL time.Duration
	// Decide is given the value, or nil if there is none, and returns what takes its place. It may be called several times.
	// Its error ends the change.
	Decide func(old *Value) (Next, error)
	// Refused returns why nothing is to be stored, or nil. It is asked after Decide, which may have written to the database.
	Refused func() error
	// Tries is how often it is tried.
	Tries int
}

// Next is what takes the place of a value.
type Next struct {
	Payload []byte
	TTL     time.Duration // takes the place of the others, if positive
	// Same keeps the value, its age and its version: only the TTL is another, counted from now.
	Same bool
	// Ends keeps the moment at which the old value would have expired.
	Ends bool
	// None leaves all as it is.
	None bool
}

// Change changes a value: it looks it up, has the caller decide, and stores what takes its place if nobody has written it
// meanwhile. If somebody has, it begins anew. The error is that of Decide, [ErrConflict], store.ErrNoSwap, a
// [NotStoredError], the caller's context's, or the store's.
func (r *Region) Change(ctx context.Context, c *Change) error {
	s := r.swapper()
	if s == nil {
		return store.ErrNoSwap
	}
	for try := range c.Tries {
		done, err := r.tryChange(ctx, s, c)
		if done || err != nil {
			return err
		}
		if try+1 == c.Tries {
			break
		}
		if try == 0 {
			defer r.engine.turns.take(ctx, c.Key)()
			continue
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return ErrConflict
}

// longestPause bounds how long one waits between two tries.
const longestPause = 50 * time.Millisecond

// pause waits for a random time, so that those who have met do not meet again.
func pause(ctx context.Context, try int) error {
	t := time.NewTimer(rand.N(min(time.Millisecond<<min(try, 10), longestPause)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Region) tryChange(ctx context.Context, s store.Swapper, c *Change) (done bool, err error) {
	v, raw, n, err := r.examine(ctx, c)
	if err != nil {
		return false, err
	}
	next, err := c.decide(ctx, v)
	switch {
	case err != nil:
		return false, err
	case next.None:
		return true, nil
	}
	if c.Refused != nil {
		if err := c.Refused(); err != nil {
			return false, err
		}
	}
	n.Payload, n.Kind, n.ByHand = next.Payload, entry.KindValue, true
	if n.TTL = next.TTL; n.TTL <= 0 {
		n.TTL = c.TTL
	}
	switch old := v; {
	case !next.Ends || old == nil:
		n.TTL = r.ttl(n.TTL, false)
	case old.Entry.Fresh == 0:
		n.TTL = NoExpiration
	default:
		n.TTL = max(old.Entry.Fresh-old.Age, time.Millisecond)
	}
	if next.Same {
		n.Payload, n.Created, n.Version = v.Entry.Payload, v.Entry.Created, v.Entry.Version
	}
	e, err := r.entry(c.Key, n)
	if err != nil {
		return false, fault.Errorf("%w", err)
	}
	swap := []store.Swap{{Key: e.Key, Old: raw, Value: e.Value, TTL: e.TTL}}
	if err := r.engine.call(ctx, "swap", func(ctx context.Context) error { return s.Swap(ctx, swap) }); err != nil {
		tier.Of(ctx).Drop() // it may have landed
		return false, fault.Errorf("the store failed: %w", err)
	}
	if !next.Same {
		tier.Of(ctx).Drop()
	}
	if swap[0].Done {
		r.filled(nil, 1)
	}
	return swap[0].Done, nil
}

// decide asks the caller. What the request has read before the tokens were seen must not become part of what is stored.
func (c *Change) decide(ctx context.Context, old *Value) (Next, error) {
	defer tier.Of(ctx).Pause()()
	return c.Decide(old)
}

// examine looks the value up, and what the one that takes its place depends on.
func (r *Region) examine(ctx context.Context, c *Change) (v *Value, raw []byte, n *note, err error) {
	e := r.engine
	tags := c.Tags
	if tags == nil {
		tags = r.base
	}
	for follow := 0; ; follow++ {
		if e.Closed() {
			return nil, nil, nil, &NotStoredError{Detail: closed}
		}
		if e.cfg.Blocked != nil && e.cfg.Blocked(tags) {
			return nil, nil, nil, &NotStoredError{Detail: pending}
		}
		l := store.Lookup{Keys: []string{c.Key}, Tags: tags}
		if err := e.states(ctx, &l); err != nil {
			return nil, nil, nil, err
		}
		if !r.storable(l.States) {
			return nil, nil, nil, &NotStoredError{Detail: marked(e.cfg.Namespace, l.Tags, l.States)}
		}
		v = nil
		if raw = l.Values[0]; raw != nil {
			var got Value
			may, own := r.read(c.Key, raw, l.States, time.Now(), &got)
			if may == wider && follow < 3 {
				if more := tagsOf(own); covers(more, tags[len(r.base):]) && !slices.Equal(more, tags[len(r.base):]) {
					tags = append(slices.Clone(r.base), more...)
					continue
				}
			}
			if (may == fresh || may == early) && got.Entry.Kind == entry.KindValue {
				v = &got
			}
		}
		want := c.Tags
		switch {
		case want != nil:
		case v != nil:
			want = tags
		default: // what is not there any more is no reason to depend on its tags
			want = r.base
		}
		n = &note{Tags: want[len(r.base):]}
		for _, t := range want {
			token := l.States[slices.Index(tags, t)].Token
			n.Tokens = append(n.Tokens, token[:]...)
		}
		if b := c.Begun; b != nil {
			if b.why != nil {
				return nil, nil, nil, &NotStoredError{Detail: b.why.Detail}
			}
			n.Tags, n.Tokens = b.tags, b.tokens
		}
		return v, raw, n, nil
	}
}
