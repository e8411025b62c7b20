package engine

import (
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// What may be done with an entry, by its age, by what has happened to its tags, and by the policy.
//
// Falls if: one of the cases of Policy.fresh is left out or comes in another order.
func TestWhatMayBeServed(t *testing.T) {
	const ttl, past = time.Hour, time.Millisecond
	now := time.UnixMilli(1_700_000_000_000)
	swr, sie := 10*time.Minute, 20*time.Minute
	plain := Policy{TTL: ttl}
	both := Policy{TTL: ttl, StaleWhileRevalidate: swr, StaleIfError: sie}
	errorOnly := Policy{TTL: ttl, StaleIfError: sie}
	longer := Policy{TTL: ttl, StaleWhileRevalidate: sie, StaleIfError: swr}
	wrong := Policy{TTL: ttl, StaleIfError: sie, StaleTouched: true}
	share := Policy{TTL: ttl, EarlyRefresh: Early{Share: 0.25}}
	xfetch := Policy{TTL: ttl, EarlyRefresh: Early{Beta: 1}}
	eager := Policy{TTL: ttl, EarlyRefresh: Early{Beta: 1000}}
	now2 := func(age time.Duration) int64 { return now.Add(-age).UnixMilli() }
	for name, c := range map[string]struct {
		pol    Policy
		age    time.Duration
		moves  moves
		now    bool // no load in the background is possible
		random float64
		want   freshness
	}{
		"new":                                  {pol: plain, want: fresh},
		"by a clock ahead":                     {pol: both, age: -24 * time.Hour, want: fresh},
		"at its end":                           {pol: both, age: ttl, want: fresh},
		"old, and nothing old is served":       {pol: plain, age: ttl + past, want: useless},
		"old":                                  {pol: both, age: ttl + past, want: stale},
		"old, nobody reloads":                  {pol: both, age: ttl + past, now: true, want: spare},
		"old, at its end":                      {pol: both, age: ttl + swr, want: stale},
		"older":                                {pol: both, age: ttl + swr + past, want: spare},
		"older, at its end":                    {pol: both, age: ttl + sie, want: spare},
		"oldest":                               {pol: both, age: ttl + sie + past, want: useless},
		"old, if the load fails":               {pol: errorOnly, age: ttl + past, want: spare},
		"stale is longer":                      {pol: longer, age: ttl + swr + past, want: stale},
		"stale is longer, nobody reloads":      {pol: longer, age: ttl + swr + past, now: true, want: useless},
		"a write":                              {pol: both, moves: moves{some: true}, want: useless},
		"a write, and old":                     {pol: both, age: ttl + past, moves: moves{some: true}, want: useless},
		"a write, and soft":                    {pol: both, moves: moves{some: true, soft: true, grace: true}, want: useless},
		"a write, where that may be served":    {pol: wrong, moves: moves{some: true}, want: touched},
		"a write, old, where it may be served": {pol: wrong, age: ttl + sie, moves: moves{some: true}, want: touched},
		"a write, too old":                     {pol: wrong, age: ttl + sie + past, moves: moves{some: true}, want: useless},
		"by hand":                              {pol: wrong, moves: moves{all: true}, want: useless},
		"by hand, and soft":                    {pol: both, moves: moves{all: true, soft: true}, want: useless},
		"soft":                                 {pol: both, moves: moves{soft: true}, want: stale},
		"soft, nobody reloads":                 {pol: both, moves: moves{soft: true}, now: true, want: spare},
		"soft, too old":                        {pol: both, age: ttl + sie + past, moves: moves{soft: true}, want: useless},
		"grace":                                {pol: both, moves: moves{grace: true}, want: spare},
		"grace and soft":                       {pol: both, moves: moves{grace: true, soft: true}, want: spare},
		"grace, too old":                       {pol: both, age: ttl + sie + past, moves: moves{grace: true}, want: useless},
		"before the last quarter":              {pol: share, age: 3*ttl/4 - past, want: fresh},
		"in the last quarter":                  {pol: share, age: 3 * ttl / 4, want: early},
		"in the last quarter, nobody reloads":  {pol: share, age: 3 * ttl / 4, now: true, want: fresh},
		"after the last quarter":               {pol: share, age: ttl + past, want: useless},
		"long before the end":                  {pol: xfetch, age: ttl / 2, random: 0.99, want: fresh},
		"a cost before the end, lucky":         {pol: xfetch, age: ttl - 10*time.Second, random: 0.63, want: fresh},
		"a cost before the end, unlucky":       {pol: xfetch, age: ttl - 10*time.Second, random: 0.64, want: early},
		"at the end":                           {pol: xfetch, age: ttl, random: 0.01, want: early},
		"eager":                                {pol: eager, age: 0, random: 0.5, want: early},
	} {
		env := entry.Envelope{Created: now2(c.age), Fresh: ttl, Cost: 10 * time.Second}
		if got := c.pol.fresh(&env, c.moves, !c.now, now, c.random); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, pol := range []Policy{plain, both, wrong, share, xfetch, eager} {
		env := entry.Envelope{Created: now2(1000 * ttl)} // no limit
		if got := pol.fresh(&env, moves{}, true, now, 0.999); got != fresh {
			t.Errorf("without a limit: %v", got)
		}
	}
	if w := wrong.fresh(&entry.Envelope{Created: -1 << 63}, moves{grace: true}, true, now, 0); w != spare {
		t.Errorf("grace without a limit: %v", w)
	}
}
