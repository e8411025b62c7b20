// Package coded is the check-and-set of stores that keep their entries in another form: sealed, compressed. The same bytes
// may have several forms there, so the store below cannot compare what a caller saw with what it holds.
//
//	caller          coded                               store below
//	Swap old, new   look up, open: the entry is old?    Lookup
//	                seal new                            Swap what was looked up, sealed new
//	                if it has changed in between: again
package coded

import (
	"bytes"
	"context"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Code is how a store keeps entries.
type Code struct {
	// Open returns the entry that is kept under key as the bytes given, or false: it counts as no entry.
	Open func(key string, kept []byte) (value []byte, ok bool)
	// Seal returns how an entry is kept under key.
	Seal func(key string, value []byte) (kept []byte, err error)
}

// Swapper returns the check-and-set of a store over next whose entries have that code; nil if next has none.
func Swapper(next store.Store, code Code) store.Swapper {
	below := store.SwapperOf(next)
	if below == nil {
		return nil
	}
	return &swapper{next, below, code}
}

type swapper struct {
	next  store.Store
	below store.Swapper
	code  Code
}

// Swap implements [store.Swapper]. Each round that repeats has met another caller's change, so that one got ahead.
func (s *swapper) Swap(ctx context.Context, swaps []store.Swap) error {
	left := make([]*store.Swap, len(swaps))
	for i := range swaps {
		swaps[i].Done = false
		left[i] = &swaps[i]
	}
	for len(left) > 0 {
		var err error
		if left, err = s.round(ctx, left); err != nil {
			return err
		}
	}
	// Without a swap that the store below was asked for, nobody has looked at the context.
	return ctx.Err()
}

// round tries the swaps once, and returns those that must be tried again: their entries were changed between Lookup and
// Swap, and may still be what the caller saw.
func (s *swapper) round(ctx context.Context, left []*store.Swap) (again []*store.Swap, err error) {
	l := store.Lookup{Keys: make([]string, len(left))}
	for i, sw := range left {
		l.Keys[i] = sw.Key
	}
	if err := s.next.Lookup(ctx, &l); err != nil {
		return nil, err
	}
	below := make([]store.Swap, 0, len(left))
	tried := left[:0]
	for i, sw := range left {
		if !s.matches(sw, l.Values[i]) {
			continue
		}
		kept, err := s.code.Seal(sw.Key, sw.Value)
		if err != nil {
			return nil, err
		}
		below = append(below, store.Swap{Key: sw.Key, Old: l.Values[i], Value: kept, TTL: sw.TTL})
		tried = append(tried, sw)
	}
	if len(below) == 0 {
		return nil, nil
	}
	err = s.below.Swap(ctx, below)
	for i, sw := range tried {
		if sw.Done = below[i].Done; !sw.Done {
			again = append(again, sw)
		}
	}
	return again, err
}

// matches reports whether the entry kept is what the swap may replace.
func (s *swapper) matches(sw *store.Swap, kept []byte) bool {
	if kept == nil {
		return sw.Old == nil
	}
	value, ok := s.code.Open(sw.Key, kept)
	if !ok { // callers have seen that there is none
		return sw.Old == nil
	}
	return bytes.Equal(value, sw.Value) || sw.Old != nil && bytes.Equal(value, sw.Old)
}
