package reader

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// passing is a pool for one query. Where the text is the plugin's own it goes past GORM's prepared statements: they
// are kept, one for each number of values that happen to be missing, and those of the application are closed for
// them. It is prepared all the same, for this once: what is not prepared may come in other types from the driver.
type passing struct {
	gorm.ConnPool
	own  bool
	stmt *sql.Stmt
}

// QueryContext runs the query.
func (p *passing) QueryContext(ctx context.Context, query string, args ...any) (_ *sql.Rows, err error) {
	below := unprepared(p.ConnPool)
	if !p.own || below == nil {
		return p.ConnPool.QueryContext(ctx, query, args...)
	}
	if p.stmt, err = below.PrepareContext(ctx, query); err != nil {
		return nil, err
	}
	return p.stmt.QueryContext(ctx, args...)
}

// end closes the statement. One whose rows are still read is closed with them, or with its transaction.
func (p *passing) end(open bool) {
	if _, tx := p.ConnPool.(gorm.TxCommitter); p.stmt != nil && !(tx && open) {
		_ = p.stmt.Close()
	}
}

// unprepared is the pool below prepared statements, nil if there are none.
func unprepared(p gorm.ConnPool) gorm.ConnPool {
	switch q := p.(type) {
	case *gorm.PreparedStmtDB:
		return q.ConnPool
	case *gorm.PreparedStmtTX:
		return q.Tx
	}
	return nil
}
