package writer

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

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

// failed is told of an error after which the transaction may be over, though database/sql goes on with it: MySQL
// rolls back the victim of a deadlock, SQLite what is interrupted or says ROLLBACK in a conflict. What such a
// connection is told next is committed at once, and no ROLLBACK takes it back.
func (t *tx) failed(err error) {
	rolled := rolledBack(t.w.cfg.Dialect, err) || t.hasRolledBack()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rolledBack = t.rolledBack || rolled
}

// hasRolledBack asks SQLite, which begins no transaction within another.
func (t *tx) hasRolledBack() bool {
	if t.w.cfg.Dialect != sqltext.SQLite {
		return false
	}
	if _, err := t.below.ExecContext(t.ctx, "BEGIN"); err != nil {
		return false
	}
	_, _ = t.below.ExecContext(t.ctx, "ROLLBACK")
	return true
}

// mayBeSerializable reports whether the transaction is known to be so, or a statement may have made it so.
func (t *tx) mayBeSerializable() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session || t.isolation == sql.LevelSerializable
}

// Failed is told of the error of a query that did not pass through the callbacks here.
func (w *Writer) Failed(p gorm.ConnPool, err error) {
	if t := followed(p); t != nil && err != nil {
		t.failed(err)
	}
}

// handedOut is told that the program reads the rows of a statement that writes or locks, while the database still
// runs it.
func (t *tx) handedOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rowsOpen = true
}

// mayHaveRolledBack reports whether the database may have rolled back the transaction while the program read rows, which shows
// it the error and not the plugin. SQLite is asked in time; MySQL has nothing to ask.
func (t *tx) mayHaveRolledBack() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rowsOpen && t.w.cfg.Dialect == sqltext.MySQL
}

// checkRolledBack finds out what has become of statements whose rows were handed out.
func (t *tx) checkRolledBack() {
	t.mu.Lock()
	open := t.rowsOpen && !t.rolledBack
	t.mu.Unlock()
	if open {
		t.failed(nil)
	}
}
