package engine

import (
	"math"
	"time"

	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// NoExpiration as a TTL lets entries live until they are invalidated or evicted.
const NoExpiration time.Duration = math.MaxInt64

// DefaultClaimPoll is how often who waits for a claim looks where [Claim.Poll] is 0.
const DefaultClaimPoll = 50 * time.Millisecond

// DefaultClaimTTL is the TTL of a claim to load a value where [Claim.TTL] is 0.
const DefaultClaimTTL = 5 * time.Second

// Policy is the policy of one region, with its defaults filled in. Its fields are those of region.Config, which says
// what they mean, so that the one converts to the other.
type Policy struct {
	TTL                  time.Duration
	NegativeTTL          time.Duration
	Jitter               float64
	StaleWhileRevalidate time.Duration
	MaxRows              int
	MaxBytes             int
	StaleIfError         time.Duration
	StaleTouched         bool
	EarlyRefresh         Early
	SoftTimeout          time.Duration
	HardTimeout          time.Duration
	Claim                Claim
	Store                store.Store
	Codec                serializer.Codec
	Mangler              func(key string) string
	CacheIf              func(key string, value any) bool
}

// InBackground reports whether something may be loaded that nobody waits for.
func (pol Policy) InBackground() bool {
	return pol.StaleWhileRevalidate > 0 || pol.EarlyRefresh != Early{} || pol.SoftTimeout > 0
}

// Early says when an entry is refreshed before its TTL has passed, by one caller while others are served from it: at a
// random moment that Beta moves, or in the last Share of the TTL. Only one of the two may be set. The zero value: never.
type Early struct {
	// Beta is the factor of XFetch (Vattani et al., 2015): the closer an entry comes to its end, and the longer its load
	// took, the likelier a read refreshes it. 1 is what the authors advise; more refreshes earlier.
	Beta float64
	// Share is the last part of the TTL, from 0 to less than 1, in which the first read refreshes the entry: with 0.2 and
	// a TTL of an hour, a read in the last 12 minutes.
	Share float64
}

// Claim says how the processes that share a store agree on which of them loads what is missing. The one that gets the
// claim loads; the others wait for its answer. It never decides whether an answer is true, only who works for it.
type Claim struct {
	// TTL is how long a claim holds if nobody renews it, so how long the death of a process that loads delays others at
	// most. It is renewed while the load runs. Defaults to 5 s for values; queries claim only if it is set, since most
	// queries cost less than the calls of the store that a claim takes. Negative: no claims.
	TTL time.Duration
	// Wait is how long a caller waits for another process's load before it loads itself. Defaults to twice the TTL, or
	// what is left until the caller's own deadline.
	Wait time.Duration
	// Poll is how often a caller that waits looks, in case it is not woken. Defaults to 50 ms.
	Poll time.Duration
}
