package main

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// outcomeKey is where a request's context keeps how its read ended.
type outcomeKey struct{}

// observed returns a context whose read is noted, and where. It is for a single read.
func observed(ctx context.Context) (context.Context, *observe.Outcome) {
	outcome := new(observe.Outcome)
	return context.WithValue(ctx, outcomeKey{}, outcome), outcome
}

// note is the plugin's hook for reads. It runs in the goroutine of the request.
func note(ctx context.Context, r observe.Read) {
	if outcome, ok := ctx.Value(outcomeKey{}).(*observe.Outcome); ok {
		*outcome = r.Outcome
	}
}
