package engine

import (
	"math"
	"time"
)

// NoExpiration as a TTL lets entries live until they are invalidated or evicted.
const NoExpiration time.Duration = math.MaxInt64

// Policy is the policy of one region, with its defaults filled in. Its fields are those of region.Config, which says
// what they mean, so that the one converts to the other.
type Policy struct {
	TTL                  time.Duration
	NegativeTTL          time.Duration
	Jitter               float64
	StaleWhileRevalidate time.Duration
	MaxRows              int
	MaxBytes             int
}
