package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// errNotEnrolled is the error of an enrolment that panicked, or did not begin because the engine is closed.
var errNotEnrolled = errors.New("gormcache: the enrolment of a tracked column came to no end")

// enrol makes the tags that exist only by enrolment, once for all who want them, and in the background: it marks
// them on the way, and a caller in a hurry who cut it off there would leave marks that keep everybody off until they
// run out.
func (e *Engine) enrol(ctx context.Context, q *Request) error {
	id := "enrol " + strings.Join(q.Tracks, " ") // the first may be that of the whole table
	f, leader := e.flights.join(id)
	tracking := q.Tracking // the request is not kept: a caller whose time is up leaves with it
	if leader && !e.background(ctx, func(ctx context.Context) { e.enrolled(ctx, tracking, id, f) }) {
		e.flights.drop(id, f)
		f.land(nil)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if f.abandoned {
		return errNotEnrolled
	}
	return f.err
}

// enrolled lands a flight that has no load but an enrolment.
func (e *Engine) enrolled(ctx context.Context, tracking Tracking, id string, f *flight) {
	defer f.land(nil)
	defer e.flights.drop(id, f)
	defer e.survive(ctx, "enrolment")
	budget, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), e.cfg.WriteTimeout, store.ErrBudget) // also while the engine closes
	defer cancel()
	f.err = tracking.Enrol(budget)
	f.abandoned = false
}

// keep keeps the tags from expiring that exist only by enrolment, now and then, in the background: to enrol once
// more would mean to bypass for a while.
func (e *Engine) keep(ctx context.Context, q *Request) {
	if len(q.Tracks) == 0 || !q.Tracking.Due() {
		return
	}
	tracking := q.Tracking
	e.background(ctx, func(ctx context.Context) {
		budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
		defer cancel()
		if err := tracking.Keep(budget); err != nil {
			e.storeError(ctx, "keep", err)
		}
	})
}
