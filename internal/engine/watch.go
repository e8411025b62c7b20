package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Watched are the reads that ended under one context. It is safe for concurrent use.
type Watched struct {
	mu    sync.Mutex
	reads []Result // without payloads
}

type watchKey struct{}

// watching is how many contexts are watched: most of the time none, and then a read does not look for one.
var watching atomic.Int64

// Watch returns a context under which reads of all engines are noted in w until stop is called.
func Watch(ctx context.Context, w *Watched) (watched context.Context, stop func()) {
	watching.Add(1)
	return context.WithValue(ctx, watchKey{}, w), sync.OnceFunc(func() { watching.Add(-1) })
}

// noted notes a read that has ended.
func noted(ctx context.Context, res *Result) {
	if watching.Load() == 0 {
		return
	}
	if w, ok := ctx.Value(watchKey{}).(*Watched); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reads = append(w.reads, Result{Outcome: res.Outcome, Reason: res.Reason, Detail: res.Detail})
	}
}

// Reads is how many reads have ended, and Bypassed is the first of them that left the cache alone, nil if there is none.
// Loaded reports whether one was a miss.
func (w *Watched) Reads() (n int, loaded bool, bypassed *Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.reads {
		switch w.reads[i].Outcome {
		case observe.Miss:
			loaded = true
		case observe.Bypass:
			if bypassed == nil {
				bypassed = &w.reads[i]
			}
		}
	}
	return len(w.reads), loaded, bypassed
}
