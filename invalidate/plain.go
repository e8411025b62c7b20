package invalidate

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate/sqltext"
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
	writer store.Writer
	open   int
	saves  []string // its savepoints, if the first of them began it
}

// begin returns the writer to mark with.
func (p *plainTxs) begin(on any, saves ...string) store.Writer {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if !ok {
		t.writer = store.NewWriter()
		if p.m == nil || len(p.m) >= maxPlain { // marks that are forgotten run out
			p.m = map[any]plainTx{}
		}
	}
	t.open++
	t.saves = saves
	p.m[on] = t
	return t.writer
}

// chain returns the writer to settle with where one transaction follows the other at once.
func (p *plainTxs) chain(on any) store.Writer {
	p.mu.Lock()
	t, ok := p.m[on]
	p.mu.Unlock()
	if !ok {
		return p.begin(on)
	}
	return t.writer
}

// nested follows savepoints, and tells that a statement about one is within a transaction that goes on.
func (p *plainTxs) nested(on any, info *sqltext.Info) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
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

// end returns the writer to settle with; last tells that none of its transactions is open any more.
func (p *plainTxs) end(on any) (w store.Writer, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.m[on]
	if !ok {
		return store.NewWriter(), true
	}
	if t.open--; t.open > 0 {
		t.saves = nil
		p.m[on] = t
		return t.writer, false
	}
	delete(p.m, on)
	return t.writer, true
}

// open tells that one is under way.
func (p *plainTxs) open(on any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.m[on]
	return ok
}

// boundary tells that the statement begins or ends a transaction in plain SQL.
func boundary(info *sqltext.Info) bool {
	return info.Begins || info.Verb == sqltext.Begin || info.Verb == sqltext.Commit || info.Verb == sqltext.Rollback
}

// bounds tells the same. In SQLite the outermost savepoint begins one too, and its release commits it; what is
// rolled back to it goes on.
func (inv *Invalidator) bounds(p gorm.ConnPool, info *sqltext.Info) bool {
	switch info.Verb {
	case sqltext.Savepoint, sqltext.Release, sqltext.RollbackTo:
		if _, foreign := p.(gorm.TxCommitter); foreign || inv.cfg.Dialect != sqltext.SQLite {
			return false
		}
		return !inv.plain.nested(inv.place(p), info) && info.Verb != sqltext.RollbackTo
	}
	return boundary(info)
}

// boundary follows transactions that are written as plain SQL outside gorm.DB.Begin. What runs within
// can't be told from what runs beside it, so all is bypassed until the end, and dropped then.
func (inv *Invalidator) boundary(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (finish, settle func(error), err error) {
	on := inv.place(p)
	epoch := []string{inv.cfg.Namespace.Epoch()}
	ends := info.Verb == sqltext.Commit || info.Verb == sqltext.Rollback || info.Verb == sqltext.Release
	if !ends {
		var saves []string
		if info.Verb == sqltext.Savepoint {
			saves = []string{info.Savepoint}
		}
		w := inv.plain.begin(on, saves...)
		err := inv.call(ctx, "mark", func(ctx context.Context) error {
			return inv.cfg.Store.Mark(ctx, epoch, w, inv.cfg.Grace)
		})
		if err != nil && inv.cfg.Policy == FailWrite {
			inv.plain.end(on)
			return nil, nil, fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
		}
		if err != nil { // until the mark lands, this process must not store what the transaction shows it
			inv.queue.add(epoch, w, inv.cfg.Grace)
		}
		return nothing, nil, nil
	}
	c := &change{inv: inv, tags: epoch, began: time.Now()}
	return c.ended, func(err error) {
		last := false
		if info.Chain { // the next one has the mark of the one that has ended
			c.writer = inv.plain.chain(on)
		} else {
			c.writer, last = inv.plain.end(on)
		}
		if !last {
			c.doubt = true // the mark is others' too
		}
		c.closed(err)
		c.settle(ctx)
	}, nil
}

// place is what a transaction in plain SQL runs on: the connection, where there is but one.
func (inv *Invalidator) place(p gorm.ConnPool) any {
	switch q := p.(type) {
	case *conn:
		return q.Conn
	case *sql.Conn:
		return q
	}
	return inv.base(p)
}
