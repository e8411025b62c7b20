package lab

import (
	"context"
	"sync"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

type seenKey struct{}

// Seeing returns a context whose reads say in seen how they ended, the last of them at last. The plugin's hooks
// must be [Hooks], or call [Saw].
func Seeing(ctx context.Context, seen *observe.Read) context.Context {
	return context.WithValue(ctx, seenKey{}, seen)
}

// Saw is the hook behind [Seeing].
func Saw(ctx context.Context, r observe.Read) {
	if seen, ok := ctx.Value(seenKey{}).(*observe.Read); ok {
		*seen = r
	}
}

// Hooks are the hooks of a plugin whose reads are told apart by their contexts.
func Hooks() *observe.Hooks { return &observe.Hooks{Read: Saw} }

// Outcomes collects how a plugin's reads ended, and what it invalidated. It is safe for concurrent use.
type Outcomes struct {
	mu            sync.Mutex
	reads         []observe.Read
	invalidations []observe.Invalidation
}

// Hooks are those that note it.
func (o *Outcomes) Hooks() *observe.Hooks {
	return &observe.Hooks{
		Read: func(ctx context.Context, r observe.Read) {
			Saw(ctx, r)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.reads = append(o.reads, r)
		},
		Invalidate: func(_ context.Context, i observe.Invalidation) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.invalidations = append(o.invalidations, i)
		},
	}
}

// Reads returns the reads since the last call.
func (o *Outcomes) Reads() []observe.Read {
	o.mu.Lock()
	defer o.mu.Unlock()
	reads := o.reads
	o.reads = nil
	return reads
}

// Invalidations returns the invalidations since the last call.
func (o *Outcomes) Invalidations() []observe.Invalidation {
	o.mu.Lock()
	defer o.mu.Unlock()
	invalidations := o.invalidations
	o.invalidations = nil
	return invalidations
}
