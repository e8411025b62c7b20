package pool

import (
	"database/sql"

	"gorm.io/gorm"
)

// Tx is a transaction whose statements and end the observer is told of. It is safe for concurrent use as far as *sql.Tx
// is.
type Tx struct {
	gorm.Tx // below; its Commit and Rollback are the observer's to call

	observer Transaction
	db       *sql.DB
	base     any // what its pool leads to
}

// NewTx returns a transaction that the observer follows on no pool in particular.
func NewTx(below gorm.Tx, observer Transaction) *Tx { return &Tx{Tx: below, observer: observer} }

// Commit has the observer commit.
func (t *Tx) Commit() error { return t.observer.Commit() }

// Rollback has the observer roll back.
func (t *Tx) Rollback() error { return t.observer.Rollback() }

// GetDBConn lets gorm.DB.DB() find the pool that the transaction belongs to.
func (t *Tx) GetDBConn() (*sql.DB, error) {
	if t == nil || t.db == nil {
		return nil, gorm.ErrInvalidDB
	}
	return t.db, nil
}

// Followed finds what follows the transaction below prepared statements and probes; nil if there is none that was begun
// on a wrapped pool.
func Followed(p gorm.ConnPool) Transaction {
	for {
		switch q := p.(type) {
		case *Tx:
			if q == nil {
				return nil
			}
			return q.observer
		case *gorm.PreparedStmtTX:
			p = q.Tx
		case *txProbe:
			p = q.ConnPool
		default:
			return nil
		}
	}
}

// Foreign finds the *sql.Tx of a transaction that was not begun on a wrapped pool; nil: there is none.
func Foreign(p gorm.ConnPool) *sql.Tx {
	for {
		switch q := p.(type) {
		case *sql.Tx:
			return q
		case *gorm.PreparedStmtTX:
			p = q.Tx
		case *txProbe:
			p = q.ConnPool
		default:
			return nil
		}
	}
}
