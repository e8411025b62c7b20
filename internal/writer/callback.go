package writer

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Statement wraps the callback that runs creates, updates, deletes or raw statements.
func (w *Writer) Statement(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error != nil || db.DryRun {
			next(db)
			return
		}
		w.beside(db)
		w.observed(db, next)
	}
}

// Sharding is the name of gorm.io/sharding in gorm.DB.Plugins. It takes transactions that are no *sql.Tx for none:
// begun within one, GORM's default transaction of a statement commits the whole.
const Sharding = "gorm:sharding"

// beside warns once where sharding was registered after the plugin; before, the plugin has refused to be registered.
func (w *Writer) beside(db *gorm.DB) {
	if _, ok := db.Plugins[Sharding]; !ok {
		return
	}
	w.sharded.Do(func() {
		w.cfg.Logger.Warn("gormcache: gorm.io/sharding is registered on the same *gorm.DB: it takes the transactions of this " +
			"plugin, as those of PrepareStmt, for none, and commits at the first statement: use one of the two")
	})
}

// observed runs the callback so that the statements in it are told of.
func (w *Writer) observed(db *gorm.DB, next func(*gorm.DB)) {
	w.pools.Observe(db, func(db *gorm.DB) { w.run(db, next) })
}

// Query wraps the callbacks that run queries. A query may be raw SQL that writes and returns rows;
// all others pass at no cost.
func (w *Writer) Query(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Statement.SQL.Len() == 0 || db.Error != nil || db.DryRun || !sqltext.MayWrite(db.Statement.SQL.String()) {
			w.run(db, next)
			return
		}
		w.observed(db, next)
	}
}

// locked notes rows of a query in a transaction that locks them one by one, as each does that is serializable.
// Waiting for a lock may end in a deadlock, after which MySQL goes on without the transaction.
func (w *Writer) locked(db *gorm.DB) {
	if w.cfg.Dialect != sqltext.MySQL || db.DryRun {
		return
	}
	t := followed(db.Statement.ConnPool)
	if t != nil && (w.Info(db.Statement.SQL.String()).Locking || t.mayBeSerializable()) {
		t.handedOut()
	}
}

// Row wraps the callback behind Rows, Row and Scan, as Query does. Its rows are closed by the
// application, some time; only then a writing statement outside a transaction has surely ended. So
// the rows are read here and now, those of Row by [pool.Probe]. While what can't be read so is open, it is in doubt.
func (w *Writer) Row(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Statement.SQL.Len() == 0 || db.Error != nil || db.DryRun || !sqltext.MayWrite(db.Statement.SQL.String()) {
			w.run(db, next)
			w.locked(db)
			return
		}
		w.observed(db, func(db *gorm.DB) {
			next(db)
			rows, _ := db.Statement.Dest.(*sql.Rows)
			if rows == nil { // it was a Row, or has failed
				return
			}
			if t := followed(db.Statement.ConnPool); t != nil {
				t.handedOut()
			}
			switch p, inTx := pool.ProbeOf(db.Statement.ConnPool); {
			case p == nil:
			case inTx: // nobody tells of their end: in doubt is what takes effect at once
				p.Leave()
			case !w.StateOf(p).In:
				w.drain(db, p, rows)
			}
		})
	}
}

// drain reads the rows of a statement that writes to their end.
func (w *Writer) drain(db *gorm.DB, p *pool.Probe, rows *sql.Rows) {
	if w.writes(p, db.Statement.SQL.String()) {
		p.Drain(db, rows)
	} else {
		p.Leave()
	}
}

// writes reports whether a statement changes anything, as far as is known.
func (w *Writer) writes(p gorm.ConnPool, text string) bool {
	return len(w.schema.Resolve(w.schema.Known(w.pools.Base(p)), w.schema.Effects(w.Info(text), nil)).Tags) > 0
}

// Begin wraps the callback that begins GORM's default transaction: pools that the plugin has not seen
// before (db.Connection, a resolver that was registered earlier) are wrapped in time.
func (w *Writer) Begin(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		db.Statement.ConnPool = w.pools.Wrap(db.Statement.ConnPool)
		next(db)
	}
}

// Resolve wraps the callback with which dbresolver switches a statement to another pool.
func (w *Writer) Resolve(next func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		next(db)
		db.Statement.ConnPool = w.pools.Wrap(db.Statement.ConnPool)
	}
}

// run runs a callback, and looks whether an error of it has ended the transaction.
func (w *Writer) run(db *gorm.DB, next func(*gorm.DB)) {
	before := db.Error
	next(db)
	if db.Error == nil || before != nil || db.DryRun || errors.Is(db.Error, gorm.ErrRecordNotFound) {
		return
	}
	if t := followed(db.Statement.ConnPool); t != nil {
		t.failed(db.Error)
	}
}

// Failed is told of the error of a query that did not pass through the callbacks here.
func (w *Writer) Failed(p gorm.ConnPool, err error) {
	if t := followed(p); t != nil && err != nil {
		t.failed(err)
	}
}
