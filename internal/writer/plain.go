package writer

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// maxPlain bounds the transactions in plain SQL that are remembered: those whose connection is closed
// without an end are never heard of again.
const maxPlain = 1024

// plainTxs are the transactions under way that were begun in plain SQL, such as db.Exec("BEGIN"), by
// the connection or pool they run on. The zero value is ready.
type plainTxs struct {
	mu sync.Mutex
	m  map[any]plainTx
}

// plainTx has a writer of its own, so that its end never takes another's mark away. On a pool several
// may be open at once, and which of them ends can't be told: the mark stays until the last one does.
type plainTx struct {
	id    store.Writer
	open  int
	saves []string // its savepoints, if the first of them began it
	murky bool     // which of its savepoints are left is not known, nor whether it is still under way
}

// begin returns the writer to mark with.
func (p *plainTxs) begin(on any, saves ...string) store.Writer {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if !ok {
		t.id = store.NewWriter()
		if p.m == nil || len(p.m) >= maxPlain { // marks that are forgotten run out
			p.m = map[any]plainTx{}
		}
	}
	t.open++
	t.saves = saves
	p.m[on] = t
	return t.id
}

// keep returns the writer to settle with where a transaction goes on; false: there is none.
func (p *plainTxs) keep(on any) (store.Writer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	return t.id, ok
}

// murk is told of a text that sets and releases savepoints: what is left then nobody can tell.
func (p *plainTxs) murk(on any) store.Writer {
	if _, ok := p.keep(on); !ok {
		p.begin(on)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.m[on]
	t.murky = true
	p.m[on] = t
	return t.id
}

// nested follows savepoints, and tells that a statement about one is within a transaction that goes on.
func (p *plainTxs) nested(on any, info *sqltext.Info) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if t.murky {
		return info.Verb != sqltext.Release
	}
	if !ok || len(t.saves) == 0 {
		return ok
	}
	if info.Verb == sqltext.Savepoint {
		t.saves = append(t.saves, info.Savepoint)
		p.m[on] = t
		return true
	}
	for i := len(t.saves) - 1; i > 0; i-- {
		if t.saves[i] == info.Savepoint {
			t.saves = t.saves[:i]
			if info.Verb == sqltext.RollbackTo {
				t.saves = t.saves[:i+1]
			}
			p.m[on] = t
			return true
		}
	}
	return false
}

func (p *plainTxs) isMurky(on any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[on].murky
}

// end returns the writer to settle with; last tells that none of its transactions is open any more.
func (p *plainTxs) end(on any) (id store.Writer, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if !ok {
		return store.NewWriter(), true
	}
	if t.open--; t.open > 0 {
		t.saves = nil
		p.m[on] = t
		return t.id, false
	}
	delete(p.m, on)
	return t.id, true
}

// open tells that one is under way.
func (p *plainTxs) open(on any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.m[on]
	return ok
}

// boundary tells that the text begins or ends a transaction in plain SQL. One that does both behind other
// statements counts as these.
func boundary(info *sqltext.Info) bool {
	return info.Ends || info.Inside || info.Verb == sqltext.Begin
}

// bounds tells the same. In SQLite the outermost savepoint begins one too, and its release commits it; what is
// rolled back to it goes on.
func (w *Writer) bounds(p gorm.ConnPool, info *sqltext.Info) bool {
	if _, foreign := p.(gorm.TxCommitter); foreign || w.cfg.Dialect != sqltext.SQLite {
		return boundary(info)
	}
	if info.Saves {
		return true
	}
	switch info.Verb {
	case sqltext.Savepoint, sqltext.Release, sqltext.RollbackTo:
		return !w.plain.nested(w.place(p), info) && info.Verb != sqltext.RollbackTo
	}
	return boundary(info)
}

// boundary follows transactions that are written as plain SQL outside gorm.DB.Begin. What runs within
// can't be told from what runs beside it, so all is bypassed until the end, and dropped then.
func (w *Writer) boundary(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (ending, error) {
	on := w.place(p)
	c := &change{w: w, tags: []string{w.cfg.Namespace.Epoch()}, began: time.Now(), why: schema.Reason{Cause: observe.PlainTransaction}}
	murky := info.Saves && w.cfg.Dialect == sqltext.SQLite
	if !murky && (info.Ends || info.Verb == sqltext.Release) {
		return ending{finish: c.ended, settle: func(err error) { w.endPlain(ctx, c, on, info, err) }}, nil
	}
	if err := w.beginPlain(ctx, c, on, info, murky); err != nil {
		return ending{}, err
	}
	undo := func() {
		if _, last := w.plain.end(on); last { // it did not begin
			c.cancel(ctx)
		}
	}
	switch {
	case murky:
		settle := func(err error) {
			c.claim(plainGoesOn)
			c.closed(err)
			c.settle(ctx)
		}
		return ending{finish: c.ended, settle: settle, undo: func() { settle(nil) }}, nil
	case info.Verb == sqltext.Begin && !info.Inside: // it ends in the same text
		return ending{finish: c.ended, settle: func(err error) { w.endPlain(ctx, c, on, info, err) }, undo: undo}, nil
	}
	return ending{undo: undo, finish: func(err error) {
		if err != nil && info.Statements <= 1 && !inDoubt(w.cfg.Dialect, err) {
			undo()
		}
	}}, nil
}

// beginPlain marks for a transaction that begins.
func (w *Writer) beginPlain(ctx context.Context, c *change, on any, info *sqltext.Info, murky bool) error {
	switch {
	case murky:
		c.id = w.plain.murk(on)
	case info.Verb == sqltext.Savepoint:
		c.id = w.plain.begin(on, info.Savepoint)
	default:
		c.id = w.plain.begin(on)
	}
	caller := untilSent(ctx)
	if murky { // the mark is that of a transaction that goes on, perhaps
		caller = context.WithoutCancel(ctx)
	}
	err := w.within(caller, "mark", func(ctx context.Context) error {
		return w.cfg.Store.Mark(ctx, c.tags, c.id, w.cfg.Grace)
	})
	if gone := gone(caller); gone != nil {
		if _, last := w.plain.end(on); last {
			w.takeBack(ctx, c.tags, c.id, err)
		}
		return gone
	}
	if err != nil && w.cfg.Policy == FailWrite {
		if !murky { // that may be about a transaction that goes on
			w.plain.end(on)
		}
		return fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	c.marked = err == nil
	if err != nil { // until the mark lands, this process must not store what the transaction shows it
		w.queue.add(c.tags, c.id, w.cfg.Grace)
	}
	return nil
}

// endPlain settles for one that has ended, as far as err and the text can tell.
func (w *Writer) endPlain(ctx context.Context, c *change, on any, info *sqltext.Info, err error) {
	last := false
	id, ok := w.plain.keep(on)
	switch {
	case info.Inside && !ok:
		c.id = w.plain.begin(on)
	case ok && (info.Inside || w.goesOn(on, info, err)):
		c.id = id
	default:
		c.id, last = w.plain.end(on)
	}
	if !last {
		c.claim(plainGoesOn) // the mark is others' too
	}
	c.closed(err)
	c.settle(ctx)
}

// goesOn tells that the transaction may be under way behind what was to end it: SQLite refuses a COMMIT while others
// read, or where a foreign key is missing, and any database the rest of a text that has begun one.
func (w *Writer) goesOn(on any, info *sqltext.Info, err error) bool {
	switch {
	case info.Verb == sqltext.Release && w.plain.isMurky(on):
		return true
	case err == nil:
		return false
	case info.Statements > 1:
		return true
	}
	return w.cfg.Dialect == sqltext.SQLite && info.Verb != sqltext.Rollback && !strings.Contains(err.Error(), "no transaction is active")
}

// place is what a transaction in plain SQL runs on: the connection, where there is but one.
func (w *Writer) place(p gorm.ConnPool) any {
	switch q := p.(type) {
	case *conn:
		return q.Conn
	case *sql.Conn:
		return q
	}
	return w.base(p)
}
