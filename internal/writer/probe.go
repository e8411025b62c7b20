package writer

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// probe stands in for a statement's pool while GORM builds and runs the statement, because only there
// the SQL is complete and not yet sent. It announces what the statement touches and passes it on.
type probe struct {
	gorm.ConnPool
	w       *Writer
	stmt    *gorm.Statement
	settles []func(error) // to be run when the statement has ended and its rows are closed
	finish  func(error)   // the ending's, of the statement that returned rows last
	busy    bool          // the driver has not returned, or its rows are not known to be closed
	open    bool          // its rows are the application's to read, which may end it later
	// inserted are statements whose rows are known only when GORM has read their keys back.
	inserted []insertion
}

// txProbe is a probe within a transaction. What runs inside of the statement (a Valuer that asks the
// database, say) must find a transaction there, and not begin one.
type txProbe struct {
	probe
	gorm.TxCommitter
}

// ExecContext announces and runs a statement.
func (p *probe) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	e, err := p.announce(ctx, query, args)
	if err != nil {
		return nil, err
	}
	p.busy = true
	res, err := p.ConnPool.ExecContext(ctx, query, args...)
	p.busy = false
	if err == nil && e.affected != nil {
		if n, uncounted := res.RowsAffected(); uncounted == nil {
			err = e.affected(n)
		}
	}
	e.finish(err)
	return res, err
}

// QueryContext announces and runs a statement that returns rows.
func (p *probe) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e, err := p.announce(ctx, query, args)
	if err != nil {
		return nil, err
	}
	p.busy = true
	rows, err := p.ConnPool.QueryContext(ctx, query, args...)
	p.busy = err == nil
	p.finish = e.finish
	e.finish(err)
	return rows, err
}

// QueryRowContext announces and runs a statement that returns one row. An application that is given a live row ends
// the statement when it scans it, if ever; so it is read here and now, and what is given out is replayed.
func (p *probe) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	e, err := p.announce(ctx, query, args)
	if err != nil {
		return p.w.cfg.Replayer.RowError(err)
	}
	p.busy = true
	row, err := p.first(ctx, query, args)
	p.busy = false
	e.finish(err)
	if t := followed(p.ConnPool); t != nil && err != nil {
		t.failed(err) // GORM learns of it from the row, too late
	}
	return row
}

// first runs a statement to its end, and returns a row that gives its first row or its error.
func (p *probe) first(ctx context.Context, query string, args []any) (*sql.Row, error) {
	rows, err := p.ConnPool.QueryContext(ctx, query, args...)
	if err != nil {
		return p.w.cfg.Replayer.RowError(err), err
	}
	return p.w.cfg.Replayer.First(rows)
}

// BeginTx passes on to the pool below.
func (p *probe) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if b, ok := p.ConnPool.(gorm.ConnPoolBeginner); ok {
		return b.BeginTx(ctx, opts)
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn lets gorm.DB.DB() find the pool below.
func (p *probe) GetDBConn() (*sql.DB, error) {
	if g, ok := p.ConnPool.(gorm.GetDBConnector); ok {
		return g.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// StmtContext makes the probe within a transaction a gorm.Tx, as what it stands for is.
func (p *txProbe) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	if t, ok := p.ConnPool.(gorm.Tx); ok {
		return t.StmtContext(ctx, stmt)
	}
	return stmt
}

// announce tells the invalidator of a statement. The error is for the caller: the statement must not run.
func (p *probe) announce(ctx context.Context, query string, args []any) (ending, error) {
	if err := unsent(ctx, p.ConnPool); err != nil {
		return ending{}, err
	}
	e, err := p.w.announce(ctx, p.ConnPool, query, args)
	if err != nil {
		return e, err
	}
	if err := unsent(ctx, p.ConnPool); err != nil { // while the marks were on their way
		if e.undo != nil {
			e.undo()
		}
		return ending{}, err
	}
	if e.settle != nil {
		p.settles = append(p.settles, e.settle)
	}
	if e.inserted.Edit != nil && e.inserted.awaits(p.stmt) {
		p.inserted = append(p.inserted, e.inserted)
	}
	return e, nil
}

// settle runs what the statement's end asks for.
func (p *probe) settle(err error) {
	for _, fn := range p.settles {
		fn(err)
	}
}

// install puts a probe in the place of the statement's pool, until restore.
func (w *Writer) install(stmt *gorm.Statement) (p *probe, restore func()) {
	original := w.Wrap(stmt.ConnPool)
	var stand gorm.ConnPool
	if committer, ok := original.(gorm.TxCommitter); ok {
		t := &txProbe{probe: probe{ConnPool: original, w: w, stmt: stmt}, TxCommitter: committer}
		p, stand = &t.probe, t
	} else {
		p = &probe{ConnPool: original, w: w, stmt: stmt}
		stand = p
	}
	stmt.ConnPool = stand
	return p, func() {
		if stmt.ConnPool == stand {
			stmt.ConnPool = original
		}
	}
}
