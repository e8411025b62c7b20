package engine

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/internal/tier"
)

// making is what the context of a function that makes values knows: whose values they are. So a function that needs its own
// value gets an error, and does not wait for itself.
type making struct {
	engine  *Engine
	keys    []string
	flights []*flight
	outer   *making // the function that has called for these
	done    atomic.Bool
}

type makingKey struct{}

// make has the caller make some of the values.
func (p *valuing) make(ctx context.Context, some []sight, led []boarding, encode bool) []Made {
	m := &making{engine: p.engine, keys: make([]string, len(some))}
	m.outer, _ = ctx.Value(makingKey{}).(*making)
	for n := range some {
		m.keys[n] = p.Keys[some[n].at]
	}
	for _, b := range led {
		if b.flight != nil {
			m.flights = append(m.flights, b.flight)
		}
	}
	defer tier.Of(ctx).Pause()()
	defer m.done.Store(true) // what goes on with this context waits for nothing of this call
	return p.Caller.Make(context.WithValue(ctx, makingKey{}, m), places(some), encode)
}

// isMaking reports whether the context is that of a function which makes a value.
func isMaking(ctx context.Context) bool {
	m, _ := ctx.Value(makingKey{}).(*making)
	for ; m != nil; m = m.outer {
		if !m.done.Load() {
			return true
		}
	}
	return false
}

// leads reports whether the context is that of a function which makes the value under key.
func leads(ctx context.Context, e *Engine, key string) bool {
	m, _ := ctx.Value(makingKey{}).(*making)
	for ; m != nil; m = m.outer {
		if !m.done.Load() && m.engine == e && slices.Contains(m.keys, key) {
			return true
		}
	}
	return false
}

// waiting notes that the flights which the context belongs to wait for f, until stop is called. It reports false if f waits
// for one of them already: two functions, each making a value that the other asks for, would wait for each other for ever.
func (fs *flights) waiting(ctx context.Context, f *flight) (stop func(), ok bool) {
	var mine []*flight
	for m, _ := ctx.Value(makingKey{}).(*making); m != nil; m = m.outer {
		if !m.done.Load() {
			mine = append(mine, m.flights...)
		}
	}
	if len(mine) == 0 {
		return func() {}, true
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.waitsFor(mine, map[*flight]bool{}) {
		return nil, false
	}
	for _, m := range mine {
		m.waits = append(m.waits, f)
	}
	return func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		for _, m := range mine {
			if i := slices.Index(m.waits, f); i >= 0 {
				m.waits = slices.Delete(m.waits, i, i+1)
			}
		}
	}, true
}

// waitsFor reports whether the flight waits for one of some, itself or by others.
func (f *flight) waitsFor(some []*flight, seen map[*flight]bool) bool {
	if slices.Contains(some, f) {
		return true
	}
	if seen[f] {
		return false
	}
	seen[f] = true
	return slices.ContainsFunc(f.waits, func(next *flight) bool { return next.waitsFor(some, seen) })
}
