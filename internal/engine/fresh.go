package engine

import (
	"math"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// freshness is what may be done with an entry that was found:
//
//	            made          TTL              TTL + StaleWhileRevalidate     TTL + StaleIfError
//	             |-- fresh ----|---- stale ------------|------ spare -----------------|-- useless
//	                  |-early--|
//	soft         |---- stale --------------------------|------ spare -----------------|
//	grace        |---- spare ---------------------------------------------------------|
//	a write      |---- touched, with StaleTouched -------------------------------------|
//	by hand      |---- useless
//
// Soft and grace are the region's invalidations of those names; by hand is that of the region or of everything.
type freshness uint8

const (
	useless freshness = iota // not to be served in any case
	touched                  // a write has dropped it: served where the load fails and the region asks for it
	spare                    // served where the load fails, or is slower than SoftTimeout
	stale                    // served while one caller reloads it
	early                    // a hit, while one caller reloads it
	fresh                    // a hit
	wider                    // of values: it depends on more tags than were looked up
)

// moves are the tags that have another token than the entry carries, or may have, since a writer has marked them.
type moves struct {
	all   bool // the namespace or the region as a whole, or the entry depends on other tags
	some  bool // any other tag
	soft  bool // the region's tag of soft invalidation
	grace bool // the region's tag of invalidation with grace
}

// fresh returns what may be done with an entry at the moment now. later reports whether a load in the background is
// possible; random is from 0 to less than 1.
func (pol *Policy) fresh(env *entry.Envelope, m moves, later bool, now time.Time, random float64) freshness {
	// Where this clock is behind that of the maker, the entry was made just now.
	age := time.Duration(min(max(now.UnixMilli()-env.Created, 0), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	past := time.Duration(math.MinInt64)
	if env.Fresh > 0 {
		past = age - env.Fresh
	}
	saved := past <= pol.StaleIfError && pol.StaleIfError > 0
	switch {
	case m.all:
		return useless
	case m.some && saved && pol.StaleTouched:
		return touched
	case m.some:
		return useless
	case m.grace && saved:
		return spare
	case m.grace:
		return useless
	case past <= 0 && !m.soft:
		if later && pol.EarlyRefresh.due(past, env, random) {
			return early
		}
		return fresh
	case later && past <= pol.StaleWhileRevalidate && pol.StaleWhileRevalidate > 0:
		return stale
	case saved:
		return spare
	}
	return useless
}

// due reports whether an entry whose end is past from now, and negative, is to be refreshed early.
func (e Early) due(past time.Duration, env *entry.Envelope, random float64) bool {
	switch left := -past; {
	case env.Fresh == 0:
		return false
	case e.Share > 0:
		return float64(left) <= e.Share*float64(env.Fresh)
	case e.Beta > 0:
		return float64(left) <= float64(env.Cost)*e.Beta*-math.Log(1-random)
	}
	return false
}

// keeps is how long an entry is kept past its TTL.
func (pol *Policy) keeps() time.Duration { return max(pol.StaleWhileRevalidate, pol.StaleIfError) }

// ages reports whether entries need to know how long they are fresh.
func (pol *Policy) ages() bool { return pol.keeps() > 0 || pol.EarlyRefresh != Early{} }

// moves finds out which tags have moved since an entry was filled: the shared ones, of which those of the region stand
// first, then its own.
func (r *Region) moves(tokens []byte, shared, own []store.State) (m moves) {
	if len(tokens) != (len(shared)+len(own))*store.TokenSize {
		return moves{all: true}
	}
	for i := range shared {
		switch {
		case shared[i].Clean() && store.Token(tokens[i*store.TokenSize:]) == shared[i].Token:
		case i > 0 && i == r.soft:
			m.soft = true
		case i > 0 && i == r.grace:
			m.grace = true
		case i < 2:
			m.all = true
		default:
			m.some = true
		}
	}
	m.some = m.some || !match(tokens[len(shared)*store.TokenSize:], nil, own)
	return m
}

// ages reports whether the region has tags that make entries old and not wrong.
func (r *Region) ages() bool { return r.soft > 0 || r.grace > 0 }

// servable reports whether the tags are clean. Those that only make entries old don't count: nothing that is read while
// one of them is marked is wrong.
func (r *Region) servable(states []store.State) bool {
	for i := range states {
		if !states[i].Clean() && (i == 0 || i != r.soft && i != r.grace) {
			return false
		}
	}
	return true
}

// storable reports whether entries may be filled under the tokens.
func (r *Region) storable(states []store.State) bool {
	for i := range states {
		if !states[i].Known {
			return false
		}
	}
	return r.servable(states)
}
