package memory

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var _ store.Claimer = (*Store)(nil)

// claims are the claims on all names, and those who wait for a release.
type claims struct {
	mu     *sync.Mutex
	names  map[string][]claim
	sweep  int    // at this many names those without a live claim are dropped
	fence  uint64 // the last one, of any name: so a name that nobody has may be forgotten at once
	waiter map[string]map[chan struct{}]struct{}
}

type claim struct {
	owner    store.Writer
	fence    uint64
	deadline time.Duration // on the store's clock
}

// leastSweep keeps a store with few names from looking for dead ones all the time.
const leastSweep = 1024

func newClaims() claims {
	return claims{
		mu: new(sync.Mutex), names: map[string][]claim{}, sweep: leastSweep,
		waiter: map[string]map[chan struct{}]struct{}{},
	}
}

// clear ends all claims. Who watches a name is woken, and asks again.
func (c *claims) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.names)
	for name := range c.waiter {
		c.wake(name)
	}
}

// live returns the claims on a name that have not run out, and forgets the others.
func (c *claims) live(name string, now time.Duration) []claim {
	all, ok := c.names[name]
	if !ok {
		return nil
	}
	all = slices.DeleteFunc(all, func(cl claim) bool { return cl.deadline <= now })
	c.set(name, all)
	return all
}

func (c *claims) set(name string, all []claim) {
	if len(all) == 0 {
		delete(c.names, name)
	} else {
		c.names[name] = all
	}
}

// makeRoom drops the names whose owners never released them, each time that the names have doubled.
func (c *claims) makeRoom(now time.Duration) {
	if len(c.names) < c.sweep {
		return
	}
	for name := range c.names {
		c.live(name, now)
	}
	c.sweep = max(leastSweep, 2*len(c.names))
}

// nextFence returns a fence that is greater than all before, also than those of an earlier process, as long as the clock
// of the machine is not set back.
func (c *claims) nextFence() uint64 {
	c.fence = max(c.fence+1, uint64(max(time.Now().UnixMicro(), 0)))
	return c.fence
}

// wake tells those who watch a name.
func (c *claims) wake(name string) {
	for w := range c.waiter[name] {
		select {
		case w <- struct{}{}:
		default: // it is told already
		}
	}
}

func owned(by store.Writer) func(claim) bool {
	return func(c claim) bool { return c.owner == by }
}

// Claim implements [store.Claimer]. Fences grow over all names, so they do after a name was free for any time.
func (s *Store) Claim(ctx context.Context, c *store.Claim) (granted bool, err error) {
	c.Fence = 0
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	cs := &s.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := s.now()
	cs.makeRoom(now)
	all := cs.live(c.Name, now)
	i := slices.IndexFunc(all, owned(c.Owner))
	if i < 0 {
		if len(all) >= max(c.Slots, 1) {
			return false, nil
		}
		all, i = append(all, claim{owner: c.Owner}), len(all)
	}
	if c.Fenced && all[i].fence == 0 {
		all[i].fence = cs.nextFence()
	}
	if c.Fenced {
		c.Fence = all[i].fence
	}
	all[i].deadline = after(now, c.TTL)
	cs.set(c.Name, all)
	return true, nil
}

// Renew implements [store.Claimer].
func (s *Store) Renew(ctx context.Context, c *store.Claim) (held bool, err error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	cs := &s.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := s.now()
	all := cs.live(c.Name, now)
	i := slices.IndexFunc(all, owned(c.Owner))
	if i < 0 {
		return false, nil
	}
	all[i].deadline = after(now, c.TTL)
	return true, nil
}

// Release implements [store.Claimer].
func (s *Store) Release(ctx context.Context, name string, owner store.Writer) (released bool, err error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	cs := &s.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	all := cs.live(name, s.now())
	left := all[:0:0]
	if owner != noWriter {
		left = slices.DeleteFunc(slices.Clone(all), owned(owner))
	}
	if len(left) == len(all) {
		return false, nil
	}
	cs.set(name, left)
	cs.wake(name)
	return true, nil
}

// Claims implements [store.Claimer].
func (s *Store) Claims(ctx context.Context, name string) ([]store.Claim, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	cs := &s.claims
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := s.now()
	all := cs.live(name, now)
	claims := make([]store.Claim, len(all))
	for i, cl := range all {
		claims[i] = store.Claim{Name: name, Owner: cl.owner, Fence: cl.fence, Fenced: cl.fence > 0, TTL: cl.deadline - now}
	}
	return claims, nil
}

// Watch implements [store.Claimer].
func (s *Store) Watch(name string) (woken <-chan struct{}, stop func()) {
	cs := &s.claims
	w := make(chan struct{}, 1)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.waiter[name] == nil {
		cs.waiter[name] = map[chan struct{}]struct{}{}
	}
	cs.waiter[name][w] = struct{}{}
	return w, func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		delete(cs.waiter[name], w)
		if len(cs.waiter[name]) == 0 {
			delete(cs.waiter, name)
		}
	}
}
