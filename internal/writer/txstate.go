package writer

import (
	"context"
	"database/sql"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

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

// lend notes that somebody else holds the transaction below: it may write, and end, without the plugin's knowledge.
func (t *tx) lend(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrote, t.lent = true, true
	t.writtenBy(ctx)
}

// isLent reports whether somebody else may have ended the transaction.
func (t *tx) isLent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lent
}

// intact reports whether nothing that the transaction wrote can have been committed behind database/sql.
func (t *tx) intact(implicit *change) bool {
	return implicit == nil && !t.mayHaveRolledBack() && !t.isLent()
}

// isDead reports whether database/sql would send no COMMIT any more, because the transaction's context has ended.
func (t *tx) isDead() bool { return pool.Unsent(t.caller, t.below) != nil }
