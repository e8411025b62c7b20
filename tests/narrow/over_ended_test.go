package narrow_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"
)

// rolledBack is a transaction of the writer, bound to ctx, which the database has rolled back behind the first rows of a query.
func (w *world) rolledBack(ctx context.Context, t *testing.T) *gorm.DB {
	t.Helper()
	other := w.holding(t, true)
	tx := w.writer.WithContext(ctx).Begin()
	t.Cleanup(func() { tx.Rollback() })
	if err := w.deadlock(t, tx, other, lockBehind(t)); err == nil {
		t.Fatal("no deadlock")
	}
	return tx
}

// What is committed behind a deadlock that only the program has seen stays so, whatever ends the context before COMMIT:
//
//	W: BEGIN, reads rows FOR UPDATE; the last of them are an error, and the transaction is over.
//	W: changes item 1, which is committed; cancel, COMMIT: not sent.
//	R: must see it.
//
// Falls if: an ended context counts as proof that nothing is committed.
func TestACommitThatIsNotSentBehindADeadlock(t *testing.T) {
	w, row1 := newWorld(t, "mariadb"), named("row 1")
	w.warmAll(t, row1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tx := w.rolledBack(ctx, t)
	must(t, tx.Model(&Item{ID: 1}).Update("qty", 55).Error)
	before := row1.warm(t, w.reader)
	cancel()
	if err := tx.Commit().Error; err == nil {
		t.Error("it is committed")
	}
	if w.fresh(t, row1); same(before, row1.direct(t, w.bare)) {
		t.Error("the database has taken it back")
	}
}

// A statement behind such a deadlock may be cut off, and take effect later:
//
//	W: BEGIN, reads rows FOR UPDATE; the last of them are an error, and the transaction is over.
//	W: changes item 1, which waits for a lock; cancel; ROLLBACK: done already.
//	R: must not store row 1.
//	server: goes on, and commits the change.
//
// Falls if: only the end of the transaction is asked for a doubt.
func TestAStatementThatIsCutOffBehindADeadlock(t *testing.T) {
	w, row1 := newWorld(t, "mariadb"), named("row 1")
	w.warmAll(t, row1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tx := w.rolledBack(ctx, t)
	holder := w.bare.Begin()
	defer holder.Rollback()
	must(t, holder.Exec("UPDATE items SET qty = 9 WHERE id = 1").Error)
	cut := make(chan error, 1)
	go func() { cut <- tx.Exec("UPDATE items SET qty = 55 WHERE id = 1").Error }()
	for !w.waiting(t) {
		time.Sleep(often)
	}
	cancel()
	if err := <-cut; err == nil {
		t.Fatal("it is not cut off")
	}
	tx.Rollback()
	_, _ = row1.answer(t, w.reader)
	must(t, holder.Rollback().Error)
	for qty := 0; qty != 55; time.Sleep(time.Millisecond) {
		must(t, w.bare.Raw("SELECT qty FROM items WHERE id = 1").Scan(&qty).Error)
	}
	w.fresh(t, row1)
}
