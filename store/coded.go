package store

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// Code is how a [Coded] store keeps entries. Its functions are safe for concurrent use.
type Code struct {
	// Encode returns what is kept under key for an entry. It need not return the same bytes for the same entry twice. It
	// neither changes nor keeps value.
	Encode func(key string, value []byte) (kept []byte, err error)
	// Decode returns the entry for what is kept under key, or false if kept is nothing that Encode made: it then counts as
	// no entry. The bytes may come from anybody. value may share kept's memory.
	Decode func(key string, kept []byte) (value []byte, ok bool)
}

// Coded is a [Layer] whose entries are kept in another form by the store below: sealed, compressed. Tags and claims pass
// as they are. It has the capabilities of the store below, and is safe for concurrent use.
type Coded struct {
	Store
	code     Code
	rejected atomic.Uint64
}

var (
	_ Layer     = (*Coded)(nil)
	_ Checker   = (*Coded)(nil)
	_ Batch     = (*Coded)(nil)
	_ Inspector = (*Coded)(nil)
)

// NewCoded returns next with its entries in this code.
func NewCoded(next Store, code Code) *Coded { return &Coded{Store: next, code: code} }

// Unwrap returns the store below; see [Unwrap].
func (s *Coded) Unwrap() Store { return s.Store }

// Rejected returns the number of entries that were found and did not decode.
func (s *Coded) Rejected() uint64 { return s.rejected.Load() }

// Lookup implements [Store]. An entry that does not decode is a miss, and counted.
func (s *Coded) Lookup(ctx context.Context, l *Lookup) error {
	if err := s.Store.Lookup(ctx, l); err != nil {
		clear(l.Values) // the store below may have left some there, as they are kept
		return err
	}
	for i, kept := range l.Values {
		if kept == nil {
			continue
		}
		value, ok := s.code.Decode(l.Keys[i], kept)
		switch {
		case !ok:
			value = nil
			s.rejected.Add(1)
		case value == nil:
			value = []byte{} // nil would be a miss
		}
		l.Values[i] = value
	}
	return nil
}

// Set implements [Store].
func (s *Coded) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	kept, err := s.code.Encode(key, value)
	if err != nil {
		return err
	}
	return s.Store.Set(ctx, key, kept, ttl)
}

// SetAll implements [Batch], in as many round trips as the store below needs.
func (s *Coded) SetAll(ctx context.Context, entries []Entry) error {
	kept := slices.Clone(entries)
	for i := range kept {
		var err error
		if kept[i].Value, err = s.code.Encode(kept[i].Key, kept[i].Value); err != nil {
			return err
		}
	}
	return SetAll(ctx, s.Store, kept)
}

// Inspect implements [Inspector], as far as the store below does.
func (s *Coded) Inspect(ctx context.Context, tags []string) ([]TagInfo, error) {
	return Inspect(ctx, s.Store, tags)
}

// Check implements [Checker], if the store below does.
func (s *Coded) Check(ctx context.Context) error { return check(ctx, s.Store) }

// Claimer implements [Layer].
func (s *Coded) Claimer() Claimer { return ClaimerOf(s.Store) }

// Swapper implements [Layer]. The store below cannot compare what a caller saw with what it keeps, since the same entry
// may be kept as other bytes there:
//
//	caller          Coded                                store below
//	Swap old, new   look up, decode: the entry is old?   Lookup
//	                encode new                           Swap what was looked up, new encoded
//	                if it has changed in between: again
func (s *Coded) Swapper() Swapper {
	if below := SwapperOf(s.Store); below != nil {
		return codedSwapper{s, below}
	}
	return nil
}

type codedSwapper struct {
	coded *Coded
	below Swapper
}

// Swap implements [Swapper]. Each round that is repeated has met another caller's change, so somebody gets ahead.
func (s codedSwapper) Swap(ctx context.Context, swaps []Swap) error {
	left := make([]*Swap, len(swaps))
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
	return ctx.Err()
}

// round tries the swaps once, and returns those that must be tried again: their entries were changed between Lookup and
// Swap, and may still be what the caller saw.
func (s codedSwapper) round(ctx context.Context, left []*Swap) (again []*Swap, err error) {
	l := Lookup{Keys: make([]string, len(left))}
	for i, sw := range left {
		l.Keys[i] = sw.Key
	}
	if err := s.coded.Store.Lookup(ctx, &l); err != nil {
		return nil, err
	}
	below := make([]Swap, 0, len(left))
	tried := make([]*Swap, 0, len(left))
	for i, sw := range left {
		if !s.matches(sw, l.Values[i]) {
			continue
		}
		kept, err := s.coded.code.Encode(sw.Key, sw.Value)
		if err != nil {
			return nil, err
		}
		below = append(below, Swap{Key: sw.Key, Old: l.Values[i], Value: kept, TTL: sw.TTL})
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

// matches reports whether a swap may replace what is kept. What does not decode is no entry, as for readers.
func (s codedSwapper) matches(sw *Swap, kept []byte) bool {
	if kept == nil {
		return sw.Old == nil
	}
	value, ok := s.coded.code.Decode(sw.Key, kept)
	if !ok {
		return sw.Old == nil
	}
	return bytes.Equal(value, sw.Value) || sw.Old != nil && bytes.Equal(value, sw.Old)
}
