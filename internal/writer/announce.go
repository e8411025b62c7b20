package writer

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
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
	inserted insertion
}

// announce does what has to be done before a statement runs: collect in a transaction that is
// followed, fence in one that is not, mark outside.
func (w *Writer) announce(ctx context.Context, p gorm.ConnPool, query string, args []any) (ending, error) {
	st := statement{info: w.texts.Info(query), args: args}
	if t := followed(p); t != nil {
		return t.announce(ctx, st)
	}
	if w.bounds(p, st.info) {
		return w.boundary(ctx, p, st.info)
	}
	effects := w.schema.Effects(st.info, nil)
	if len(effects) == 0 {
		return ending{finish: nothing}, nil
	}
	if _, foreign := p.(gorm.TxCommitter); foreign {
		return w.apart(ctx, p, st.info)
	}
	return w.alone(ctx, p, st)
}

// apart fences what a statement effects in a transaction that can't be followed, and when it has run what it effects
// by a schema not older than any that it may have met.
func (w *Writer) apart(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (ending, error) {
	if info.DDL {
		w.schema.Forget()
	}
	open := w.foreign(p)
	known := w.schema.Within(ctx, w.base(p), nil, false, open)
	r := w.schema.Resolve(known, w.schema.Effects(info, nil))
	c := &change{w: w, tags: r.Tags, began: time.Now(), why: r.Why}
	id, queued, err := w.fence(withReason(ctx, r.Why, store.Writer{}), c.tags)
	if err != nil {
		return ending{}, err
	}
	c.id, c.marked = id, !queued
	undo := func() {
		if !queued {
			c.cancel(ctx)
		}
	}
	return ending{finish: nothing, undo: undo, settle: func(error) {
		further := c.further(ctx, p, info, known, open)
		if c.blind {
			w.queue.goneBy(c.epoch, w.cfg.Grace)
		}
		// Too late for a refusal: what fails is queued.
		_, _ = w.settle(withReason(ctx, c.why, store.Writer{}), further, store.NewWriter(), stay{w.cfg.Grace, foreignCommit}, c.began)
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
		if err == nil {
			t.written(st.info)
		}
		if instant != nil {
			instant.closed(err)
			instant.settle(ctx)
		}
	}
	if edit != nil && edit.Pending && edit.Inserts > 0 {
		e.inserted = insertion{edit}
	}
	return e, nil
}

// alone marks what a statement outside of transactions effects, and settles when it has ended.
func (w *Writer) alone(ctx context.Context, p gorm.ConnPool, st statement) (ending, error) {
	info := st.info
	var known *schema.Snapshot
	if !info.DDL {
		known = w.learn(ctx, p)
	}
	edit, _ := w.schema.Edit(known, info, st.args, w.tracking.columns)
	if edit != nil && edit.Inserts == 0 && edit.Rows == nil {
		edit = nil
	}
	effects := w.schema.Effects(info, edit)
	r := w.schema.Resolve(known, effects)
	if len(r.Tags) == 0 { // it calls functions, which write nothing as far as is known
		return w.harmless(ctx, p, info, known), nil
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
		return ending{}, err
	}
	if info.DDL {
		w.schema.Forget()
	}
	opened := edit != nil && edit.Pending // until GORM has read its key back, it changes the table
	e := ending{finish: c.ended, undo: func() { c.cancel(ctx) }, settle: func(err error) {
		if info.DDL {
			w.schema.Forget()
		}
		c.closed(err)
		further := c.further(ctx, p, info, known, w.outside(p))
		c.tags = append(c.tags, further...)
		if opened && err == nil && c.doubt == "" && !c.late() && len(further) == 0 {
			if r := w.schema.Resolve(known, effects); len(r.Edits) > 0 {
				c.guard(r.Edits)
				c.narrow(append(r.Tags, c.sets(ctx, r.Edits)...))
			}
		}
		c.settle(ctx)
	}}
	if opened {
		e.inserted = insertion{edit}
	}
	return e, nil
}

// harmless settles what a statement has changed after all, by functions that another process has replaced meanwhile.
func (w *Writer) harmless(ctx context.Context, p gorm.ConnPool, info *sqltext.Info, known *schema.Snapshot) ending {
	c := &change{w: w, id: store.NewWriter(), began: time.Now()}
	return ending{finish: c.ended, settle: func(err error) {
		c.closed(err)
		c.tags = c.further(ctx, p, info, known, w.outside(p))
		if len(c.tags) > 0 || c.blind {
			c.settle(ctx)
		}
	}}
}
