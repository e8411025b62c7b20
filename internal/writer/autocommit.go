package writer

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// autocommitStatement is one outside of transactions. It marks what the statement touches before it runs, and settles
// when it has ended.
type autocommitStatement struct {
	statement

	known   *schema.Snapshot
	effects []schema.Effect
	edit    *schema.Edit
	keyless bool // GORM has yet to read the key back: until then the statement changes the table
	change  *change
}

// Before marks what the statement touches.
func (s *autocommitStatement) Before(ctx context.Context) error {
	w := s.w
	s.ctx = ctx
	if !s.info.DDL {
		s.known = w.loadCatalog(ctx, s.pool)
	}
	s.edit, _ = w.schema.Edit(s.known, s.info, s.args, w.tracking.columns)
	if s.edit != nil && s.edit.Inserts == 0 && s.edit.Rows == nil {
		s.edit = nil
	}
	s.effects = w.schema.Effects(s.info, s.edit)
	r := w.schema.Resolve(s.known, s.effects)
	if len(r.Tags) == 0 { // it calls functions, which write nothing as far as is known
		s.change = &change{p: w.publisher, id: store.NewWriter(), began: time.Now()}
		return nil
	}
	c, err := w.begin(ctx, r.Tags)
	c.why = r.Why
	if err == nil {
		err = c.columns(ctx, r.Edits)
	}
	if err == nil {
		err = c.withdrawn(ctx)
	}
	if err != nil {
		return err
	}
	if s.info.DDL {
		w.schema.Forget()
	}
	s.change, s.keyless = c, s.edit != nil && s.edit.Pending
	return nil
}

// Canceled takes the marks back.
func (s *autocommitStatement) Canceled() {
	if len(s.change.tags) > 0 {
		s.change.cancel(s.ctx)
	}
}

// Returned notes whether the statement may still take effect.
func (s *autocommitStatement) Returned(err error) { s.change.returned(err) }

// Ended settles what the statement has changed.
func (s *autocommitStatement) Ended(err error) {
	c := s.change
	defer tier.Of(s.ctx).Drop() // when all else is done
	if s.info.DDL {
		s.w.schema.Forget()
	}
	c.ended(err)
	further := c.further(s.ctx, s.w.pools.Base(s.pool), s.info, s.known, s.w.outside(s.pool))
	c.tags = append(c.tags, further...)
	if len(c.tags) == 0 && !c.schemaUnverified { // no function has been replaced meanwhile by one that writes
		return
	}
	if s.keyless && err == nil && c.doubt == "" && !c.late() && len(further) == 0 {
		if r := s.w.schema.Resolve(s.known, s.effects); len(r.Edits) > 0 {
			c.guard(r.Edits)
			c.narrow(append(r.Tags, c.sets(s.ctx, r.Edits)...))
		}
	}
	c.settle(s.ctx)
}

// Awaits implements [pool.Insertion].
func (s *autocommitStatement) Awaits(stmt *gorm.Statement) bool {
	i, ok := s.insertion(s.edit)
	return ok && i.awaits(stmt)
}

// Complete implements [pool.Insertion].
func (s *autocommitStatement) Complete(stmt *gorm.Statement) { insertion{s.edit}.complete(stmt) }
