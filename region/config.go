package region

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
)

// NoExpiration as a TTL lets entries live until they are invalidated or evicted.
const NoExpiration = engine.NoExpiration

// Limits of a [Config].
const (
	// MaxStale is the greatest StaleWhileRevalidate.
	MaxStale = 30 * 24 * time.Hour
	// DefaultMaxRows is used where MaxRows is 0.
	DefaultMaxRows = 100_000
	// DefaultMaxBytes is used where MaxBytes is 0.
	DefaultMaxBytes = 4 << 20
)

// Config is the policy of one region.
type Config struct {
	// TTL is how long an entry may be served as a hit. It must be positive; [NoExpiration] is allowed.
	// Freshness after writes through GORM does not depend on it: it bounds what the promise does not
	// cover, such as writes made by other programs.
	TTL time.Duration

	// NegativeTTL is the TTL of empty results (no rows). Defaults to TTL. Negative: empty results are
	// not stored.
	NegativeTTL time.Duration

	// Jitter is the share of the TTL, from 0 to less than 1, that is taken off at random for each
	// entry, so that entries made together do not expire together. Defaults to 0.
	Jitter float64

	// StaleWhileRevalidate is how long past its TTL an entry may still be served, while one caller
	// per process reloads it in the background. Only entries that no write has touched are served so:
	// they are old, not wrong. At most [MaxStale]; it has no meaning with NoExpiration. Defaults to 0.
	StaleWhileRevalidate time.Duration

	// MaxRows is the greatest number of rows of a stored result; larger ones are bypassed.
	// Defaults to [DefaultMaxRows].
	MaxRows int

	// MaxBytes is the greatest encoded size of a stored result; larger ones are bypassed.
	// Defaults to [DefaultMaxBytes].
	MaxBytes int
}

// WithDefaults returns the configuration with its defaults filled in.
func (c Config) WithDefaults() Config {
	if c.NegativeTTL == 0 {
		c.NegativeTTL = c.TTL
	}
	if c.MaxRows == 0 {
		c.MaxRows = DefaultMaxRows
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	return c
}

// Validate names every field that is wrong, and the remedy.
func (c Config) Validate() error {
	var errs []error
	if c.TTL <= 0 {
		errs = append(errs, fmt.Errorf("TTL is %s: it must be positive (region.NoExpiration for no limit)", c.TTL))
	}
	if c.Jitter < 0 || c.Jitter >= 1 || math.IsNaN(c.Jitter) {
		errs = append(errs, fmt.Errorf("Jitter is %v: it must be from 0 to less than 1", c.Jitter))
	}
	if c.StaleWhileRevalidate < 0 || c.StaleWhileRevalidate > MaxStale {
		errs = append(errs, fmt.Errorf("StaleWhileRevalidate is %s: it must be from 0 to %s", c.StaleWhileRevalidate, MaxStale))
	}
	if c.StaleWhileRevalidate > 0 && c.TTL == NoExpiration {
		errs = append(errs, errors.New("StaleWhileRevalidate is set with TTL NoExpiration: entries never get old, so leave one of them out"))
	}
	if c.MaxRows < 0 {
		errs = append(errs, fmt.Errorf("MaxRows is %d: it must be positive (0 for the default)", c.MaxRows))
	}
	if c.MaxBytes < 0 {
		errs = append(errs, fmt.Errorf("MaxBytes is %d: it must be positive (0 for the default)", c.MaxBytes))
	}
	return errors.Join(errs...)
}
