package writer

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

func nothing(error) {}

// statement is one that is about to run.
type statement struct {
	info *sqltext.Info
	args []any
}

// ending is what has to be done when a statement that was announced has run.
type ending struct {
	// finish is to be called with the statement's outcome.
	finish func(error)
	// settle, if not nil, with that of the whole callback, once its rows are closed. It is called twice where they
	// are not closed by then: with errOpen, and with how they have ended.
	settle func(error)
	// undo, if not nil, instead of both if the statement is not sent after all.
	undo func()
	// affected, if not nil, with how many rows the statement has affected, before finish. Its error is one of the
	// statement.
	affected func(int64) error
	// inserted, if not nil, is an INSERT whose keys the models show when the callback has ended.
	inserted *edit
}

// announce does what has to be done before a statement runs: collect in a transaction that is
// followed, fence in one that is not, mark outside.
func (inv *Invalidator) announce(ctx context.Context, p gorm.ConnPool, query string, args []any) (ending, error) {
	st := statement{info: inv.texts.Info(query), args: args}
	if t := followed(p); t != nil {
		return t.announce(ctx, st)
	}
	if inv.bounds(p, st.info) {
		return inv.boundary(ctx, p, st.info)
	}
	touches := inv.touches(st.info, nil)
	if len(touches) == 0 {
		return ending{finish: nothing}, nil
	}
	if _, foreign := p.(gorm.TxCommitter); foreign {
		return inv.apart(ctx, p, st.info)
	}
	return inv.alone(ctx, p, st)
}

// apart fences what a statement touches in a transaction that can't be followed, and when it has run what it touches
// by a schema not older than any that it may have met.
func (inv *Invalidator) apart(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (ending, error) {
	if info.DDL {
		inv.topology.forget()
	}
	open := inv.foreign(p)
	known := inv.topology.within(ctx, inv.base(p), nil, false, open)
	r := inv.resolve(known, inv.touches(info, nil))
	c := &change{inv: inv, tags: r.tags, began: time.Now(), why: r.why}
	w, queued, err := inv.fence(because(ctx, r.why, store.Writer{}), c.tags)
	if err != nil {
		return ending{}, err
	}
	c.writer, c.marked = w, !queued
	undo := func() {
		if !queued {
			c.cancel(ctx)
		}
	}
	return ending{finish: nothing, undo: undo, settle: func(error) {
		further := c.further(ctx, p, info, known, open)
		if c.blind {
			inv.queue.goneBy(c.epoch, inv.cfg.Grace)
		}
		// Too late for a refusal: what fails is queued.
		_, _ = inv.settle(because(ctx, c.why, store.Writer{}), further, store.NewWriter(), stay{inv.cfg.Grace, foreignCommit}, c.began)
	}}, nil
}

// announce collects what a statement will touch.
func (t *tx) announce(ctx context.Context, st statement) (ending, error) {
	edit, before, err := t.edit(ctx, st.info, st.args)
	if err != nil {
		return ending{}, err
	}
	if err := t.note(ctx, st.info, edit); err != nil {
		return ending{}, err
	}
	instant, err := t.instantly(ctx, st.info)
	if err != nil {
		return ending{}, err
	}
	counted := before == nil
	e := ending{finish: func(err error) {
		if instant != nil {
			instant.ended(err)
		}
		t.apart(err)
		if !counted { // how many it has changed is not known
			_ = before.ended(ctx, -1)
		}
		if err == nil {
			t.done(st.info)
		}
	}}
	e.undo = func() {
		if instant != nil {
			instant.cancel(ctx)
		}
		if before != nil {
			_ = before.ended(ctx, -1)
		}
	}
	if before != nil {
		e.affected = func(n int64) error {
			counted = true
			return before.ended(ctx, n)
		}
	}
	e.settle = func(err error) {
		switch {
		case err == nil:
			t.written(st.info)
		case cutShort(t.inv.cfg.Dialect, err): // the driver may have panicked, or the rows have ended so
			t.apart(err)
		}
		if instant != nil {
			instant.closed(err)
			instant.settle(ctx)
		}
	}
	if edit != nil && edit.open && edit.insert > 0 {
		e.inserted = edit
	}
	return e, nil
}

// alone marks what a statement outside of transactions touches, and settles when it has ended.
func (inv *Invalidator) alone(ctx context.Context, p gorm.ConnPool, st statement) (ending, error) {
	info := st.info
	var known *snapshot
	if !info.DDL {
		known = inv.learn(ctx, p)
	}
	edit := inv.edit(known, info, st.args)
	if edit != nil && edit.insert == 0 && edit.rows == nil {
		edit = nil
	}
	touches := inv.touches(info, edit)
	r := inv.resolve(known, touches)
	if len(r.tags) == 0 { // it calls functions, which write nothing as far as is known
		return inv.harmless(ctx, p, info, known), nil
	}
	c, err := inv.begin(ctx, r.tags)
	c.why = r.why
	if err == nil {
		err = c.columns(ctx, r.edits)
	}
	if err == nil {
		err = c.withdrawn(ctx)
	}
	if err != nil {
		return ending{}, err
	}
	if info.DDL {
		inv.topology.forget()
	}
	opened := edit != nil && edit.open // until GORM has read its key back, it changes the table
	e := ending{finish: c.ended, undo: func() { c.cancel(ctx) }, settle: func(err error) {
		if info.DDL {
			inv.topology.forget()
		}
		c.closed(err)
		further := c.further(ctx, p, info, known, inv.outside(p))
		c.tags = append(c.tags, further...)
		if opened && err == nil && c.doubt == "" && !c.late() && len(further) == 0 {
			if r := inv.resolve(known, touches); len(r.edits) > 0 {
				c.guard(r.edits)
				c.narrow(append(r.tags, c.sets(ctx, r.edits)...))
			}
		}
		c.settle(ctx)
	}}
	if opened {
		e.inserted = edit
	}
	return e, nil
}

// harmless settles what a statement has changed after all, by functions that another process has replaced meanwhile.
func (inv *Invalidator) harmless(ctx context.Context, p gorm.ConnPool, info *sqltext.Info, known *snapshot) ending {
	c := &change{inv: inv, writer: store.NewWriter(), began: time.Now()}
	return ending{finish: c.ended, settle: func(err error) {
		c.closed(err)
		c.tags = c.further(ctx, p, info, known, inv.outside(p))
		if len(c.tags) > 0 || c.blind {
			c.settle(ctx)
		}
	}}
}
