package plugin_test

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

var errBroken = errors.New("the test lets COMMIT fail")

// brokenPool is a pool whose transactions report that COMMIT failed; with lost it has worked all the
// same, and only the reply is lost.
type brokenPool struct {
	gorm.ConnPool
	beginner gorm.TxBeginner
	lost     bool
}

func (p *brokenPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.beginner.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &brokenTx{Tx: tx, lost: p.lost}, nil
}

type brokenTx struct {
	*sql.Tx
	lost bool
}

func (t *brokenTx) Commit() error {
	if t.lost {
		return errors.Join(errBroken, t.Tx.Commit())
	}
	return errors.Join(errBroken, t.Tx.Rollback())
}
