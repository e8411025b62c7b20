package region

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// NoExpiration as a TTL lets entries live until they are invalidated or evicted.
const NoExpiration = engine.NoExpiration

// Limits of a [Config].
const (
	// MaxTTL is the greatest TTL and NegativeTTL, but for [NoExpiration].
	MaxTTL = 100 * 365 * 24 * time.Hour
	// MaxStale is the greatest StaleWhileRevalidate, and the greatest StaleIfError.
	MaxStale = 30 * 24 * time.Hour
	// DefaultMaxRows is used where MaxRows is 0.
	DefaultMaxRows = 100_000
	// DefaultMaxBytes is used where MaxBytes is 0.
	DefaultMaxBytes = 4 << 20
	// DefaultClaimTTL is the TTL of a claim to load a value where Claim.TTL is 0. Queries do not claim then.
	DefaultClaimTTL = engine.DefaultClaimTTL
	// MinClaimTTL is the least Claim.TTL that is positive.
	MinClaimTTL = 10 * time.Millisecond
	// DefaultClaimPoll is used where Claim.Poll is 0.
	DefaultClaimPoll = 50 * time.Millisecond
	// MaxMangled is the greatest length of what a Mangler returns.
	MaxMangled = store.MaxReadable
)

// Config is the policy of one region.
type Config struct {
	// TTL is how long an entry may be served as a hit. It must be positive; at most [MaxTTL], or [NoExpiration].
	// Freshness after writes through GORM does not depend on it: it bounds what the promise does not
	// cover, such as writes made by other programs.
	TTL time.Duration

	// NegativeTTL is the TTL of empty results (no rows). Defaults to TTL. Negative: empty results are
	// not stored.
	NegativeTTL time.Duration

	// Jitter is the share of the TTL, from 0 to less than 1, that is taken off at random for each
	// entry, so that entries made together do not expire together. Defaults to 0.
	Jitter float64

	// StaleWhileRevalidate is how long past its TTL an entry may still be served, while one caller of all processes
	// reloads it in the background (see Claim), and after invalidate.Region with invalidate.Soft. Only entries that no write has touched are served so:
	// they are old, not wrong. At most [MaxStale]; it has no meaning with NoExpiration. Defaults to 0.
	StaleWhileRevalidate time.Duration

	// MaxRows is the greatest number of rows of a stored result; larger ones are bypassed.
	// Defaults to [DefaultMaxRows].
	MaxRows int

	// MaxBytes is the greatest encoded size of a stored result; larger ones are bypassed.
	// Defaults to [DefaultMaxBytes].
	MaxBytes int

	// StaleIfError is how long past its TTL an entry may still be served where its load fails: the database is down, or
	// the function that makes a value returns an error, or takes longer than the caller has. The result is told as stale. So
	// it is after invalidate.Region with invalidate.Grace. Only entries that no write has touched
	// are served so, unless StaleTouched is set. At most [MaxStale]; it has no meaning with NoExpiration. Defaults to 0.
	StaleIfError time.Duration

	// StaleTouched lets StaleIfError serve entries too that a write has dropped: data that is known to be wrong, where
	// the choice is between that and an error. It needs StaleIfError. Defaults to false.
	StaleTouched bool

	// EarlyRefresh reloads an entry before its TTL has passed: one caller does, after a look at the shared store, while
	// all get the hit. It has no meaning with NoExpiration. Defaults to none.
	EarlyRefresh Early

	// SoftTimeout is how long a caller waits for a load where there is an old value that may be served: after that it gets
	// the old value, and the load goes on. It needs StaleIfError, which says how old that value may be. Defaults to 0:
	// the caller waits for its load.
	SoftTimeout time.Duration

	// HardTimeout is how long a load may take; then its context ends. It bounds what a load that never ends
	// costs others. It must be greater than SoftTimeout. Defaults to 0: the load has as much time as its caller.
	HardTimeout time.Duration

	// Claim says how the processes that share the store agree on which of them loads what is missing.
	Claim Claim

	// Store is where this region's entries live. Tags stay in the plugin's Config.Store: what invalidates entries is the
	// same for all regions, and a store of a region's own has nothing to invalidate. So an entry costs a read of both,
	// one after the other. It may be shared by regions. Who made it closes it. Defaults to the plugin's Config.Store.
	Store store.Store

	// Codec encodes values. It has no bearing on the rows of queries. Defaults to [serializer.Msgpack].
	Codec serializer.Codec

	// Mangler makes the key in the store from the key of a value, for people and programs that look into the store: it
	// takes the place of the hash. What it returns for two keys should differ: two keys with one name never get each
	// other's value, but each write of the one removes that of the other. It must be printable ASCII without spaces, at
	// most [MaxMangled] bytes; where it is not, the hash of the key is used. Defaults to none.
	Mangler func(key string) string

	// CacheIf reports whether a value is stored. One that is not is returned all the same. It has no bearing on queries.
	// It may be called by several goroutines at once. Defaults to nil: all are.
	CacheIf func(key string, value any) bool
}

// Early says when an entry is reloaded before its TTL has passed, by one caller while others are served from it. Its fields,
// of which one may be set:
//
//	Beta  float64   XFetch: at a random moment, the earlier the longer the load took; 1 is usual, more reloads earlier
//	Share float64   in the last share of the TTL, from 0 to less than 1: with 0.2 and an hour, the last 12 minutes
type Early = engine.Early

// Claim says how processes that share a store agree on which of them loads. The others wait for its answer. Its fields:
//
//	TTL  time.Duration   how long a loader that dies delays others. Defaults to 5 s for values; queries claim only where
//	                     it is set, but for reloads in the background. Negative: no claims
//	Wait time.Duration   how long a caller waits before it loads itself, at most half of what it has left. Defaults to twice the TTL
//	Poll time.Duration   how often a caller that waits looks, in case it is not woken. Defaults to 50 ms
type Claim = engine.Claim

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
	if c.Claim.Poll == 0 {
		c.Claim.Poll = DefaultClaimPoll
	}
	if c.Codec == nil {
		c.Codec = serializer.Msgpack
	}
	return c
}

// Validate names every field that is wrong, and the remedy.
func (c Config) Validate() error {
	v := &validation{}
	c.validateLife(v)
	c.validateLoads(v)
	if c.MaxRows < 0 {
		v.bad("MaxRows is %d: it must be positive (0 for the default)", c.MaxRows)
	}
	if c.MaxBytes < 0 {
		v.bad("MaxBytes is %d: it must be positive (0 for the default)", c.MaxBytes)
	}
	if isNil(c.Store) {
		v.bad("Store is a %T that is nil: pass one that was made, or leave it out for the plugin's", c.Store)
	}
	if isNil(c.Codec) {
		v.bad("Codec is a %T that is nil: pass one that was made, or leave it out for serializer.Msgpack", c.Codec)
	} else if c.Codec != nil && !codecNames.MatchString(c.Codec.Name()) {
		v.bad("Codec names itself %q: its Name must be 1 to 32 of A-Z a-z 0-9 _ . -", c.Codec.Name())
	}
	return errors.Join(v.errs...)
}

// validateLife is about how long an entry lives, and what of it may be served when it is old.
func (c Config) validateLife(v *validation) {
	switch {
	case c.TTL <= 0:
		v.bad("TTL is %s: it must be positive (region.NoExpiration for no limit)", c.TTL)
	case c.TTL != NoExpiration && c.TTL > MaxTTL:
		v.bad("TTL is %s: it must be at most %s (region.NoExpiration for no limit)", c.TTL, MaxTTL)
	}
	if c.NegativeTTL != NoExpiration && c.NegativeTTL > MaxTTL && c.NegativeTTL != c.TTL {
		v.bad("NegativeTTL is %s: it must be at most %s (region.NoExpiration for no limit)", c.NegativeTTL, MaxTTL)
	}
	if !(c.Jitter >= 0 && c.Jitter < 1) {
		v.bad("Jitter is %v: it must be from 0 to less than 1", c.Jitter)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"StaleWhileRevalidate", c.StaleWhileRevalidate}, {"StaleIfError", c.StaleIfError}} {
		if d.value < 0 || d.value > MaxStale {
			v.bad("%s is %s: it must be from 0 to %s", d.field, d.value, MaxStale)
		}
		if d.value > 0 && c.TTL == NoExpiration {
			v.bad("%s is set with TTL NoExpiration: entries never get old, so leave one of them out", d.field)
		}
	}
	if c.StaleTouched && c.StaleIfError == 0 {
		v.bad("StaleTouched is set without StaleIfError: set that too, to how long old entries may be served, or leave StaleTouched out")
	}
}

// validateLoads is about when and by whom an entry is loaded, and how long that may take.
func (c Config) validateLoads(v *validation) {
	e := c.EarlyRefresh
	if !(e.Beta >= 0) || math.IsInf(e.Beta, 1) {
		v.bad("EarlyRefresh.Beta is %v: it must be 0 (none) or positive, such as 1", e.Beta)
	}
	if !(e.Share >= 0 && e.Share < 1) {
		v.bad("EarlyRefresh.Share is %v: it must be from 0 to less than 1, such as 0.2 for the last fifth of the TTL", e.Share)
	}
	if e.Beta > 0 && e.Share > 0 {
		v.bad("EarlyRefresh has Beta and Share: they are two answers to one question, so leave one of them out")
	}
	if e != (Early{}) && c.TTL == NoExpiration {
		v.bad("EarlyRefresh is set with TTL NoExpiration: entries never get old, so leave one of them out")
	}
	if c.SoftTimeout < 0 {
		v.bad("SoftTimeout is %s: it must be positive (0 for none)", c.SoftTimeout)
	}
	if c.HardTimeout < 0 {
		v.bad("HardTimeout is %s: it must be positive (0 for none)", c.HardTimeout)
	}
	if c.SoftTimeout > 0 && c.HardTimeout > 0 && c.SoftTimeout >= c.HardTimeout {
		v.bad("SoftTimeout is %s, HardTimeout %s: a load would end before its caller is given the old value, so raise HardTimeout", c.SoftTimeout, c.HardTimeout)
	}
	if c.SoftTimeout > 0 && c.StaleIfError == 0 {
		v.bad("SoftTimeout is set without StaleIfError: no old value may be served then, so set StaleIfError to how old it may be")
	}
	c.validateClaim(v)
}

func (c Config) validateClaim(v *validation) {
	claim := c.Claim
	if claim.TTL > 0 && claim.TTL < MinClaimTTL {
		v.bad("Claim.TTL is %s: it must be at least %s, since it is renewed each third of it (negative for no claims)", claim.TTL, MinClaimTTL)
	}
	if claim.Wait < 0 {
		v.bad("Claim.Wait is %s: it must be positive (0 for the default)", claim.Wait)
	}
	if claim.Poll < 0 {
		v.bad("Claim.Poll is %s: it must be positive (0 for the default)", claim.Poll)
	}
	if claim.TTL < 0 && claim.Wait > 0 {
		v.bad("Claim.Wait is set, and a negative Claim.TTL says that there are no claims: leave one of them out")
	}
	if claim.Wait > 0 && claim.Poll > claim.Wait {
		v.bad("Claim.Poll is %s, Claim.Wait %s: a caller would give up before it has looked once, so lower Poll or raise Wait", claim.Poll, claim.Wait)
	}
}

var codecNames = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)

// validation collects what is wrong.
type validation struct{ errs []error }

func (v *validation) bad(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// isNil reports whether an interface holds a pointer that is nil, as a constructor whose error was not looked at returns it.
func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}
