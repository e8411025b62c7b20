package writer

import (
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
)

// SQLTx returns the *sql.Tx in which the handle runs its statements, for libraries that want one, such as job queues
// and outboxes. tx.Statement.ConnPool is no *sql.Tx with the plugin, nor with PrepareStmt. ok is false outside a
// transaction, and where the application's own pool begins transactions of another type.
//
//	err := db.Transaction(func(tx *gorm.DB) error {
//		…
//		sqlTx, ok := invalidate.SQLTx(tx)
//		if !ok {
//			return errors.New("not in a transaction")
//		}
//		_, err := river.InsertTx(ctx, sqlTx, args, nil)
//		return err
//	})
//
// What runs on it is not seen. Name the tables that it writes to by [Tables], with tx as the handle, if they are
// cached. Leave Commit and Rollback to GORM: after a commit on it others read what is old until GORM ends the
// transaction, and if GORM never does, for as long as the TTL. Afterwards no query takes its answer from the cache in
// this transaction, nor stores one.
func SQLTx(tx *gorm.DB) (_ *sql.Tx, ok bool) {
	if tx == nil || tx.Statement == nil {
		return nil, false
	}
	if t := followed(tx.Statement.ConnPool); t != nil {
		below, ok := t.below.(*sql.Tx)
		if ok {
			t.lend(tx.Statement.Context)
		}
		return below, ok
	}
	foreign := pool.Foreign(tx.Statement.ConnPool)
	return foreign, foreign != nil
}
