package writer

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// followedStatement is one in a transaction that gormcache follows. It collects what the statement will touch; nothing
// is sent to the store before COMMIT, except for what no COMMIT decides about.
type followedStatement struct {
	statement

	t                *tx
	edit             *schema.Edit
	preimage         *preimage
	counted          bool    // the database has told how many rows were affected
	nontransactional *change // of tables that take part in no transaction; nil: there are none
}

// Before collects what the statement will touch.
func (s *followedStatement) Before(ctx context.Context) (err error) {
	s.ctx = ctx
	if s.edit, s.preimage, err = s.t.edit(ctx, s.info, s.args); err != nil {
		return err
	}
	if err = s.t.collect(ctx, s.info, s.edit); err != nil {
		return err
	}
	s.nontransactional, err = s.markNontransactional(ctx)
	return err
}

// markNontransactional marks what a statement in a transaction changes whatever becomes of that: MyISAM's tables take
// part in none, so what is written is there at once, and stays after a ROLLBACK. It counts as a statement outside
// of transactions then, beside what is collected. nil: it changes nothing so.
func (s *followedStatement) markNontransactional(ctx context.Context) (*change, error) {
	t, info := s.t, s.info
	if t.w.cfg.Dialect != sqltext.MySQL {
		return nil, nil
	}
	if len(t.w.schema.Effects(info, nil)) == 0 {
		return nil, nil
	}
	known := t.schema(false)
	if known == nil { // there is no telling, then or now
		return t.w.drop(ctx, schema.Reason{Cause: observe.NoCatalog})
	}
	if !t.w.schema.Instant(known, info) {
		return nil, nil
	}
	r := t.w.schema.Resolve(known, t.w.schema.Effects(info, nil))
	c, err := t.w.begin(ctx, r.Tags)
	c.why = r.Why
	return c, err
}

// Canceled takes the marks back. What was collected stays, which drops too much at worst.
func (s *followedStatement) Canceled() {
	if s.nontransactional != nil {
		s.nontransactional.cancel(s.ctx)
	}
	if s.preimage != nil {
		_ = s.preimage.affected(s.ctx, -1)
	}
}

// Affected tells the pre-image how many rows the statement has changed.
func (s *followedStatement) Affected(res sql.Result) error {
	if s.preimage == nil {
		return nil
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil //nolint:nilerr // it is not known then, which Returned says
	}
	s.counted = true
	return s.preimage.affected(s.ctx, n)
}

// Returned notes whether the statement may have ended the transaction, and follows savepoints.
func (s *followedStatement) Returned(err error) {
	if s.nontransactional != nil {
		s.nontransactional.returned(err)
	}
	s.t.returned(err)
	if s.preimage != nil && !s.counted { // how many it has changed is not known
		_ = s.preimage.affected(s.ctx, -1)
	}
	if err == nil {
		s.t.succeeded(s.info)
	}
}

// Ended settles what no COMMIT decides about.
func (s *followedStatement) Ended(err error) {
	switch {
	case err == nil:
		s.t.ended(s.info)
	case cutShort(s.w.cfg.Dialect, err): // the driver may have panicked, or the rows have ended so
		s.t.returned(err)
	}
	if s.nontransactional != nil {
		s.nontransactional.ended(err)
		s.nontransactional.settle(s.ctx)
		tier.Of(s.ctx).Drop()
	}
}

// Awaits implements [pool.Insertion].
func (s *followedStatement) Awaits(stmt *gorm.Statement) bool {
	i, ok := s.insertion(s.edit)
	return ok && i.awaits(stmt)
}

// Complete implements [pool.Insertion].
func (s *followedStatement) Complete(stmt *gorm.Statement) { insertion{s.edit}.complete(stmt) }
