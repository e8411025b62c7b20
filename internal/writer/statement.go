package writer

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// statement is one that is about to run: what all kinds have in common. There is an implementation of [pool.Statement]
// for each kind:
//
//   - followedStatement, in a transaction that gormcache follows: collects
//   - foreignStatement, in a transaction that it did not begin: fences
//   - boundaryStatement, which begins or ends a transaction in plain SQL: marks everything until the end
//   - autocommitStatement, outside of transactions: marks, and settles
//   - readStatement, which changes nothing
type statement struct {
	w    *Writer
	pool gorm.ConnPool
	ctx  context.Context // that it runs with
	info *sqltext.Info
	args []any
}

// observer is what the pools tell of transactions and statements.
type observer struct{ *Writer }

// Statement implements [pool.Observer].
func (o observer) Statement(p gorm.ConnPool, query string, args []any) pool.Statement {
	w := o.Writer
	st := statement{w: w, pool: p, info: w.texts.Info(query), args: args}
	if t := followed(p); t != nil {
		return &followedStatement{statement: st, t: t}
	}
	if st.isBoundary() {
		return &boundaryStatement{statement: st}
	}
	if len(w.schema.Effects(st.info, nil)) == 0 {
		return readStatement{}
	}
	if _, foreign := p.(gorm.TxCommitter); foreign {
		return &foreignStatement{statement: st}
	}
	return &autocommitStatement{statement: st}
}

// readStatement changes nothing.
type readStatement struct{}

// Before implements [pool.Statement], as do the others.
func (readStatement) Before(context.Context) error { return nil }

// Canceled does nothing.
func (readStatement) Canceled() {}

// Affected does nothing.
func (readStatement) Affected(sql.Result) error { return nil }

// Returned does nothing.
func (readStatement) Returned(error) {}

// Ended does nothing.
func (readStatement) Ended(error) {}

// Affected implements [pool.Statement] for kinds to which it does not matter.
func (*statement) Affected(sql.Result) error { return nil }

// insertion is the INSERT that an edit is of, if the models show its keys when the callback has ended.
func (*statement) insertion(e *schema.Edit) (insertion, bool) {
	return insertion{e}, e != nil && e.Pending && e.Inserts > 0
}
