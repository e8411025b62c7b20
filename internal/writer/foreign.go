package writer

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// foreignStatement is one in a transaction that gormcache did not begin, and whose end it does not see. It fences the
// tables that the statement touches before it runs, and afterwards those that it touches by a newer schema, if the
// schema has changed meanwhile.
type foreignStatement struct {
	statement

	open   schema.Opener
	known  *schema.Snapshot
	change *change
	queued bool // the fence has not reached the store
}

// Before fences what the statement touches.
func (s *foreignStatement) Before(ctx context.Context) (err error) {
	w := s.w
	s.ctx = ctx
	tier.Of(ctx).Close() // nobody sees the COMMIT
	if s.info.DDL {
		w.schema.Forget()
	}
	s.open = w.inForeign(s.pool)
	s.known = w.schema.Within(ctx, w.pools.Base(s.pool), nil, false, s.open)
	r := w.schema.Resolve(s.known, w.schema.Effects(s.info, nil))
	s.change = &change{p: w.publisher, tags: r.Tags, began: time.Now(), why: r.Why}
	s.change.id, s.queued, err = w.fence(withReason(ctx, r.Why, store.Writer{}), r.Tags)
	s.change.marked = !s.queued
	return err
}

// Canceled takes the fence away.
func (s *foreignStatement) Canceled() {
	if !s.queued {
		s.change.cancel(s.ctx)
	}
}

// Returned does nothing: whatever the driver says, the fence stays.
func (s *foreignStatement) Returned(error) {}

// Ended fences what the statement has touched beyond what was fenced before.
func (s *foreignStatement) Ended(error) {
	c := s.change
	further := c.further(s.ctx, s.w.pools.Base(s.pool), s.info, s.known, s.open)
	if c.schemaUnverified {
		s.w.queue.verifyLater(c.epoch, s.w.cfg.Grace)
	}
	// Too late for a refusal: what fails is queued.
	_, _ = s.w.settle(withReason(s.ctx, c.why, store.Writer{}), further, store.NewWriter(), stay{s.w.cfg.Grace, foreignCommit}, c.began)
}
