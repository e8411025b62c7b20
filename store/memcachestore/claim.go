package memcachestore

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// The value of a name's item, version 1:
//
//	version (1 byte) fence (8) releases (8) { owner (12) item (12) fence (8) span (4) ends (8) } …
//
// The head has the last fence that was given, and a number that changes with each release, for those who watch. As
// with marks, a claim holds until the item of its timer has expired.
const (
	nameVersion = 1
	nameHead    = 1 + 8 + 8
	claimSize   = 2*store.TokenSize + 8 + 4 + 8
	fenceFor    = 25 * time.Hour  // how long a name keeps its last fence when nobody has it
	toldFor     = 5 * time.Second // how long a name tells of its last release: a second may end at once, before others look
)

// name is the state of the name of claims.
type name struct {
	fence, releases uint64
	claims          []claim
}

type claim struct {
	owner store.Writer
	fence uint64
	timer timer
}

// parseName reads the value of a name's item; a malformed one counts as none.
func parseName(value []byte) (n name) {
	if len(value) < nameHead || value[0] != nameVersion || (len(value)-nameHead)%claimSize != 0 {
		return name{}
	}
	n.fence, n.releases = binary.BigEndian.Uint64(value[1:]), binary.BigEndian.Uint64(value[9:])
	for rest := value[nameHead:]; len(rest) > 0; rest = rest[claimSize:] {
		var cl claim
		copy(cl.owner[:], rest)
		copy(cl.timer.item[:], rest[store.TokenSize:])
		numbers := rest[2*store.TokenSize:]
		cl.fence = binary.BigEndian.Uint64(numbers)
		cl.timer.span = binary.BigEndian.Uint32(numbers[8:])
		cl.timer.ends = int64(binary.BigEndian.Uint64(numbers[12:]))
		n.claims = append(n.claims, cl)
	}
	return n
}

func (n *name) bytes() []byte {
	b := append(make([]byte, 0, nameHead+len(n.claims)*claimSize), nameVersion)
	b = binary.BigEndian.AppendUint64(b, n.fence)
	b = binary.BigEndian.AppendUint64(b, n.releases)
	for _, cl := range n.claims {
		b = append(append(b, cl.owner[:]...), cl.timer.item[:]...)
		b = binary.BigEndian.AppendUint64(b, cl.fence)
		b = binary.BigEndian.AppendUint32(b, cl.timer.span)
		b = binary.BigEndian.AppendUint64(b, uint64(cl.timer.ends))
	}
	return b
}

// lifetime is how long the item is to be kept.
func (n *name) lifetime() time.Duration {
	d := toldFor
	if n.fence > 0 {
		d = fenceFor
	}
	for _, cl := range n.claims {
		d = max(d, time.Duration(cl.timer.span+2)*time.Second)
	}
	return d
}

// nextFence returns a fence greater than all before. Where the item was evicted, or the server restarted, that holds as
// long as the machines' clocks agree better than the time that has passed since.
func (n *name) nextFence() uint64 {
	n.fence = next(n.fence)
	return n.fence
}

// next returns a number greater than last, and than those of a name that was forgotten, if clocks agree.
func next(last uint64) uint64 { return max(last+1, uint64(max(time.Now().UnixMicro(), 0))) }

func (n *name) of(owner store.Writer) int {
	return slices.IndexFunc(n.claims, func(cl claim) bool { return cl.owner == owner })
}

// Claim implements [store.Claimer].
func (s *Store) Claim(ctx context.Context, c *store.Claim) (granted bool, err error) {
	c.Fence = 0
	var fence uint64
	err = s.changeName(ctx, "claim", c.Name, c.TTL, func(n *name, own *timer) bool {
		granted, fence = false, 0
		i := n.of(c.Owner)
		if i < 0 {
			if len(n.claims) >= max(c.Slots, 1) {
				return false
			}
			n.claims, i = append(n.claims, claim{owner: c.Owner}), len(n.claims)
		}
		if c.Fenced && n.claims[i].fence == 0 {
			n.claims[i].fence = n.nextFence()
		}
		if c.Fenced {
			fence = n.claims[i].fence
		}
		n.claims[i].timer = *own
		granted = true
		return true
	})
	if err != nil {
		return false, err
	}
	c.Fence = fence
	return granted, nil
}

// Renew implements [store.Claimer].
func (s *Store) Renew(ctx context.Context, c *store.Claim) (held bool, err error) {
	err = s.changeName(ctx, "renew", c.Name, c.TTL, func(n *name, own *timer) bool {
		i := n.of(c.Owner)
		if held = i >= 0; held {
			n.claims[i].timer = *own
		}
		return held
	})
	return held && err == nil, err
}

// Release implements [store.Claimer]. Who watches is woken at once in this process; in others within [PollEvery], since
// memcached tells nobody of a change.
func (s *Store) Release(ctx context.Context, of string, owner store.Writer) (released bool, err error) {
	err = s.changeName(ctx, "release", of, 0, func(n *name, _ *timer) bool {
		before := len(n.claims)
		n.claims = slices.DeleteFunc(n.claims, func(cl claim) bool { return owner == noWriter || cl.owner == owner })
		if released = len(n.claims) < before; released {
			n.releases = next(n.releases)
		}
		return released
	})
	if err != nil {
		return false, err
	}
	if released {
		s.watch.wake(of)
	}
	return released, nil
}

// Claims implements [store.Claimer]. Who has the name is what the server says; how long still, the clocks of the machines.
func (s *Store) Claims(ctx context.Context, of string) (all []store.Claim, err error) {
	err = s.changeName(ctx, "claims", of, 0, func(n *name, _ *timer) bool {
		all = make([]store.Claim, len(n.claims))
		for i, cl := range n.claims {
			left := max(time.Until(time.UnixMilli(cl.timer.ends)), time.Millisecond)
			all[i] = store.Claim{Name: of, Owner: cl.owner, Fence: cl.fence, Fenced: cl.fence > 0, TTL: left}
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// changeName changes a name, without the claims that have run out. With span > 0 there is a timer for the own claim. If f
// reports false, nothing is changed.
func (s *Store) changeName(ctx context.Context, call, of string, ttl time.Duration, f func(*name, *timer) bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	sv := s.servers[place(s.servers, of)]
	return fail(call, sv.do(ctx, func(c *session) error {
		var own *timer
		return c.until([]int{0}, func(places []int) (again []int, err error) {
			item, err := c.client.Get(wire(of))
			if err != nil && !errors.Is(err, memcache.ErrCacheMiss) {
				return nil, err
			}
			var n name
			if item != nil {
				n = parseName(item.Value)
			}
			if err := c.forget(&n); err != nil {
				return nil, err
			}
			if own == nil && call != "release" && call != "claims" {
				if own, err = c.start(max(ttl, 1)); err != nil {
					return nil, err
				}
			}
			if !f(&n, own) {
				return nil, nil
			}
			stored, err := c.put(item, of, n.bytes(), n.lifetime())
			if err == nil && !stored {
				again = places
			}
			return again, err
		})
	}))
}

// forget takes the claims off that have run out.
func (c *session) forget(n *name) error {
	timers := make([]string, len(n.claims))
	for i, cl := range n.claims {
		timers[i] = timerName(cl.timer.item)
	}
	alive, err := c.alive(timers)
	n.claims = slices.DeleteFunc(n.claims, func(cl claim) bool { return !alive(cl.timer.item) })
	return err
}
