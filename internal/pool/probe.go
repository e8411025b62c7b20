package pool

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// Probe stands in for a statement's pool while GORM builds and runs the statement, because only there
// the SQL is complete and not yet sent. It tells the observer of the statement and passes it on.
type Probe struct {
	gorm.ConnPool

	pools      *Pools
	stmt       *gorm.Statement
	statements []Statement // what has been sent, to be told how the callback has ended
	last       Statement   // the one that returned rows last
	busy       bool        // the driver has not returned, or its rows are not known to be closed
	open       bool        // its rows are the application's to read, which may end it later
	insertions []Insertion // those whose rows are known only when GORM has read their keys back
}

// txProbe is a probe within a transaction. What runs inside of the statement (a Valuer that asks the
// database, say) must find a transaction there, and not begin one.
type txProbe struct {
	Probe
	gorm.TxCommitter
}

// Observe runs the callback with a probe, and tells its statements that they have ended, whatever happened.
func (s *Pools) Observe(db *gorm.DB, next func(*gorm.DB)) {
	p, restore := s.install(db.Statement)
	outcome := ErrNoReturn
	defer func() {
		if !p.busy && errors.Is(outcome, ErrNoReturn) {
			outcome = ErrPanicked
		}
		p.ended(outcome)
	}()
	defer restore()
	next(db)
	outcome = db.Error
	if outcome == nil && p.open {
		outcome = ErrOpen
	}
	if outcome == nil && len(p.insertions) == 1 {
		p.insertions[0].Complete(db.Statement)
	}
}

// install puts a probe in the place of the statement's pool, until restore.
func (s *Pools) install(stmt *gorm.Statement) (p *Probe, restore func()) {
	original := s.Wrap(stmt.ConnPool)
	var stand gorm.ConnPool
	if committer, ok := original.(gorm.TxCommitter); ok {
		t := &txProbe{Probe: Probe{ConnPool: original, pools: s, stmt: stmt}, TxCommitter: committer}
		p, stand = &t.Probe, t
	} else {
		p = &Probe{ConnPool: original, pools: s, stmt: stmt}
		stand = p
	}
	stmt.ConnPool = stand
	return p, func() {
		if stmt.ConnPool == stand {
			stmt.ConnPool = original
		}
	}
}

// before tells the observer of a statement. The error is for the caller: the statement must not run.
func (p *Probe) before(ctx context.Context, query string, args []any) (Statement, error) {
	if err := unsent(ctx, p.ConnPool); err != nil {
		return nil, err
	}
	s := p.pools.observer.Statement(p.ConnPool, query, args)
	if err := s.Before(ctx); err != nil {
		return nil, err
	}
	if err := unsent(ctx, p.ConnPool); err != nil { // while the observer was busy
		s.Canceled()
		return nil, err
	}
	p.statements = append(p.statements, s)
	if i, ok := s.(Insertion); ok && i.Awaits(p.stmt) {
		p.insertions = append(p.insertions, i)
	}
	return s, nil
}

// unsent returns the error of a statement that is not sent, because its context has ended before the call. An error
// after the call proves nothing: where a connection breaks, database/sql tries another one, and what the first has
// sent may take effect. Nor is anything known of a pool of the application's own, which may send what it is given
// under another context.
func unsent(ctx context.Context, p gorm.ConnPool) error {
	err := ctx.Err()
	if err == nil || !Standard(p) {
		return nil
	}
	return err
}

// Unsent returns the error of a COMMIT that database/sql would not send, because the context of its transaction has
// ended.
func Unsent(ctx context.Context, below gorm.Tx) error { return unsent(ctx, below) }

// ended tells the statements how the callback has ended.
func (p *Probe) ended(err error) {
	for _, s := range p.statements {
		s.Ended(err)
	}
}

// ExecContext tells of a statement and runs it.
func (p *Probe) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.before(ctx, query, args)
	if err != nil {
		return nil, err
	}
	p.busy = true
	res, err := p.ConnPool.ExecContext(ctx, query, args...)
	p.busy = false
	if err == nil {
		err = s.Affected(res)
	}
	s.Returned(err)
	return res, err
}

// QueryContext tells of a statement that returns rows and runs it.
func (p *Probe) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.before(ctx, query, args)
	if err != nil {
		return nil, err
	}
	p.busy = true
	rows, err := p.ConnPool.QueryContext(ctx, query, args...)
	p.busy = err == nil
	p.last = s
	s.Returned(err)
	return rows, err
}

// QueryRowContext tells of a statement that returns one row and runs it. An application that is given a live row ends
// the statement when it scans it, if ever; so it is read here and now, and what is given out is replayed.
func (p *Probe) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.before(ctx, query, args)
	if err != nil {
		return p.pools.replayer.RowError(err)
	}
	p.busy = true
	row, err := p.first(ctx, query, args)
	p.busy = false
	s.Returned(err)
	p.pools.observer.Failed(p.ConnPool, err) // GORM learns of it from the row, too late
	return row
}

// first runs a statement to its end, and returns a row that gives its first row or its error.
func (p *Probe) first(ctx context.Context, query string, args []any) (*sql.Row, error) {
	rows, err := p.ConnPool.QueryContext(ctx, query, args...)
	if err != nil {
		return p.pools.replayer.RowError(err), err
	}
	return p.pools.replayer.First(rows)
}

// ProbeOf returns the probe that a pool is, nil if it is none, and reports whether its statement runs in a transaction.
func ProbeOf(p gorm.ConnPool) (probe *Probe, inTx bool) {
	switch p := p.(type) {
	case *Probe:
		return p, false
	case *txProbe:
		return &p.Probe, true
	}
	return nil, false
}

// Leave leaves the rows of the statement to the application, which may close them later.
func (p *Probe) Leave() { p.open = true }

// Drain reads the rows of the statement to their end, and puts rows that give the same in their place.
func (p *Probe) Drain(db *gorm.DB, rows *sql.Rows) {
	drained, ended, err := p.pools.replayer.Drain(rows, p.ended)
	db.Statement.Dest, p.open = drained, !ended
	if drained == nil {
		_ = db.AddError(err)
	}
	if err != nil && p.last != nil { // otherwise the rows show it
		p.last.Returned(err)
	}
}

// BeginTx passes on to the pool below.
func (p *Probe) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if b, ok := p.ConnPool.(gorm.ConnPoolBeginner); ok {
		return b.BeginTx(ctx, opts)
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn lets gorm.DB.DB() find the pool below.
func (p *Probe) GetDBConn() (*sql.DB, error) {
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
