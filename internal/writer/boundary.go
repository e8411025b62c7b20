package writer

import (
	"context"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
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

// plainTx marks as a writer of its own, so that its end never takes another's mark away. On a pool several
// may be open at once, and which of them ends can't be told: the mark stays until the last one does.
type plainTx struct {
	id    store.Writer
	open  int
	saves []string // its savepoints, if the first of them began it
	lost  bool     // which of its savepoints are left is not known, nor whether it is still under way
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

// lose is told of a text that sets and releases savepoints: what is left then nobody can tell.
func (p *plainTxs) lose(on any) store.Writer {
	if _, ok := p.keep(on); !ok {
		p.begin(on)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.m[on]
	t.lost = true
	p.m[on] = t
	return t.id
}

// nested follows savepoints, and reports whether a statement about one is within a transaction that goes on.
func (p *plainTxs) nested(on any, info *sqltext.Info) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if t.lost {
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

// isLost reports whether it is not known which savepoints are left.
func (p *plainTxs) isLost(on any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[on].lost
}

// end returns the writer to settle with; last reports whether none of its transactions is open any more.
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

// open reports whether one is under way.
func (p *plainTxs) open(on any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.m[on]
	return ok
}

// each calls fn with the writers of transactions under way.
func (p *plainTxs) each(fn func(store.Writer)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.m {
		fn(t.id)
	}
}

// mayEndTransaction reports whether a statement may end the transaction it runs in without COMMIT or
// ROLLBACK of database/sql: MySQL commits before DDL and TRUNCATE, a procedure may commit, and so may raw SQL.
func mayEndTransaction(info *sqltext.Info) bool {
	switch info.Verb {
	case sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release:
		return info.Statements > 1
	case sqltext.Other:
		return true
	}
	return info.Transaction
}

// boundary reports whether the text begins or ends a transaction in plain SQL. One that does both behind other
// statements counts as these.
func boundary(info *sqltext.Info) bool {
	return info.Ends || info.Inside || info.Verb == sqltext.Begin
}

// isBoundary reports the same of a statement on a pool. In SQLite the outermost savepoint begins one too, and its release commits it; what is
// rolled back to it goes on.
func (s *statement) isBoundary() bool {
	w, p, info := s.w, s.pool, s.info
	if _, foreign := p.(gorm.TxCommitter); foreign || w.cfg.Dialect != sqltext.SQLite {
		return boundary(info)
	}
	if info.Saves {
		return true
	}
	switch info.Verb {
	case sqltext.Savepoint, sqltext.Release, sqltext.RollbackTo:
		return !w.plain.nested(w.pools.Place(p), info) && info.Verb != sqltext.RollbackTo
	}
	return boundary(info)
}

// boundaryStatement begins or ends a transaction that is written as plain SQL outside gorm.DB.Begin. What runs within
// can't be told from what runs beside it, so all is bypassed until the end, and dropped then.
type boundaryStatement struct {
	statement

	on     any // what the transaction runs on
	change *change
	kind   boundaryKind
}

type boundaryKind uint8

const (
	endsPlain       boundaryKind = iota
	beginsPlain                  // a transaction that goes on when the text has run
	beginsAndEnds                // in the same text
	losesSavepoints              // what is left of it can't be told
)

// Before marks everything, unless the text ends a transaction, which has done so.
func (s *boundaryStatement) Before(ctx context.Context) error {
	w, info := s.w, s.info
	s.ctx, s.on = ctx, w.pools.Place(s.pool)
	tier.Of(ctx).Close() // what it reads and writes can't be told from what runs beside it
	s.change = &change{
		p: w.publisher, tags: []string{w.cfg.Namespace.Epoch()}, began: time.Now(), why: schema.Reason{Cause: observe.PlainTransaction},
	}
	switch {
	case info.Saves && w.cfg.Dialect == sqltext.SQLite:
		s.kind = losesSavepoints
	case info.Ends || info.Verb == sqltext.Release:
		s.kind = endsPlain
		return nil
	case info.Verb == sqltext.Begin && !info.Inside:
		s.kind = beginsAndEnds
	default:
		s.kind = beginsPlain
	}
	return s.begin()
}

// begin marks for a transaction that begins.
func (s *boundaryStatement) begin() error {
	w, c, lost := s.w, s.change, s.kind == losesSavepoints
	switch {
	case lost:
		c.id = w.plain.lose(s.on)
	case s.info.Verb == sqltext.Savepoint:
		c.id = w.plain.begin(s.on, s.info.Savepoint)
	default:
		c.id = w.plain.begin(s.on)
	}
	caller := untilSent(s.ctx)
	if lost { // the mark is that of a transaction that goes on, perhaps
		caller = context.WithoutCancel(s.ctx)
	}
	err := w.within(caller, "mark", func(ctx context.Context) error {
		return w.cfg.Store.Mark(ctx, c.tags, c.id, w.cfg.Grace)
	})
	c.marked, c.failure = err == nil, err
	if gone := gone(caller); gone != nil {
		if _, last := w.plain.end(s.on); last {
			c.leave(s.ctx)
		}
		return gone
	}
	if err != nil && w.cfg.Policy == FailWrite {
		if !lost { // that may be about a transaction that goes on
			if _, last := w.plain.end(s.on); last {
				c.waited = time.Since(c.began)
				c.cancel(s.ctx) // the mark may have landed
			}
		}
		return fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	if err != nil { // until the mark lands, this process must not store what the transaction shows it
		w.queue.add(c.tags, c.id, w.cfg.Grace)
	}
	return nil
}

// Canceled takes the mark back, if there is no other transaction under way that it is of.
func (s *boundaryStatement) Canceled() {
	switch s.kind {
	case endsPlain:
	case losesSavepoints:
		s.settle(nil)
	default:
		if _, last := s.w.plain.end(s.on); last { // it did not begin
			s.change.cancel(s.ctx)
		}
	}
}

// Returned notes whether the text may still take effect, and whether a transaction has begun.
func (s *boundaryStatement) Returned(err error) {
	if s.kind != beginsPlain {
		s.change.returned(err)
		return
	}
	if err != nil && s.info.Statements <= 1 && !inDoubt(s.w.cfg.Dialect, err) {
		s.Canceled()
	}
}

// Ended settles for what the text has ended.
func (s *boundaryStatement) Ended(err error) {
	switch s.kind {
	case beginsPlain: // its end will settle
	case losesSavepoints:
		s.settle(err)
	default:
		s.end(err)
	}
}

// settle drops everything, while the mark stays.
func (s *boundaryStatement) settle(err error) {
	s.change.claim(plainGoesOn)
	s.change.ended(err)
	s.change.settle(s.ctx)
}

// end settles for a transaction that has ended, as far as err and the text can tell.
func (s *boundaryStatement) end(err error) {
	w, c, last := s.w, s.change, false
	id, ok := w.plain.keep(s.on)
	switch {
	case s.info.Inside && !ok:
		c.id = w.plain.begin(s.on)
	case ok && (s.info.Inside || s.mayGoOn(err)):
		c.id = id
	default:
		c.id, last = w.plain.end(s.on)
	}
	if !last {
		c.claim(plainGoesOn) // the mark is others' too
	}
	c.ended(err)
	c.settle(s.ctx)
}

// mayGoOn reports whether the transaction may be under way behind what was to end it: SQLite refuses a COMMIT while
// others read, or where a foreign key is missing, and any database the rest of a text that has begun one.
func (s *boundaryStatement) mayGoOn(err error) bool {
	switch {
	case s.info.Verb == sqltext.Release && s.w.plain.isLost(s.on):
		return true
	case err == nil:
		return false
	case s.info.Statements > 1:
		return true
	}
	return s.w.cfg.Dialect == sqltext.SQLite && s.info.Verb != sqltext.Rollback && !strings.Contains(err.Error(), "no transaction is active")
}
