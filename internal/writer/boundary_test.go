package writer

import (
	"database/sql"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// Two transactions in plain SQL must not share a writer across connections, and on one pool the mark
// must stay until the last of them has ended: else the end of one takes the other's mark away, and a
// reader stores what the other is about to change.
func TestPlainTransactionsKeepTheirMarksApart(t *testing.T) {
	var p plainTxs
	a, b := p.begin("a"), p.begin("b")
	if a == b {
		t.Fatal("two connections share a writer")
	}
	if again := p.begin("a"); again != a {
		t.Error("a second transaction on the same pool has another mark")
	}
	if id, last := p.end("a"); id != a || last {
		t.Errorf("the first end on a: %v, last %v", id == a, last)
	}
	if id, last := p.end("a"); id != a || !last {
		t.Errorf("the second end on a: %v, last %v", id == a, last)
	}
	if id, last := p.end("a"); id == a || !last {
		t.Errorf("an end without a beginning: %v, last %v", id == a, last)
	}
	for i := range 2 * maxPlain {
		p.begin(i)
	}
	if len(p.m) > maxPlain {
		t.Errorf("%d are remembered", len(p.m))
	}
}

// say runs a text that begins or ends a transaction, as its callback does.
func say(t *testing.T, w *Writer, p gorm.ConnPool, text string, err error) {
	t.Helper()
	s := &boundaryStatement{statement: statement{w: w, pool: p, info: w.Info(text)}}
	if refused := s.Before(t.Context()); refused != nil {
		t.Fatal(refused)
	}
	s.Returned(err)
	s.Ended(err)
}

// What begins and ends in such a text can't be told, nor when the rest of it is committed:
//
//	W: SAVEPOINT a; UPDATE; SAVEPOINT b; RELEASE b … RELEASE a, and is killed
//	R:                                               stores the old in between
//
// Falls if: the mark ends with the text. Then nothing tells that what R has stored is too old.
func TestMarksOutlastATextThatSetsSavepoints(t *testing.T) {
	s, p := memory.New(), new(sql.DB)
	w := newTest(s, AllowStale)
	for range 2 {
		say(t, w, p, "SAVEPOINT a; SAVEPOINT b", nil)
		if !marked(t, s, "test:n") {
			t.Fatal("the mark has ended with the text")
		}
	}
}

// A BEGIN that fails on a pool has begun nothing, and ends nothing either: another connection's transaction may be
// open on it.
//
// Falls if: its mark, which is the other's too, is taken away. Then what the other is about to commit is stored as
// it was before; and where it is not taken away though there is no other, nothing is stored for the whole grace.
func TestARefusedBeginOnAPool(t *testing.T) {
	s, p, busy := memory.New(), new(sql.DB), errors.New("the database is locked")
	w := newTest(s, AllowStale)
	say(t, w, p, "BEGIN", busy)
	if marked(t, s, "test:n") {
		t.Error("there is a mark of a transaction that did not begin")
	}
	say(t, w, p, "BEGIN", nil)
	say(t, w, p, "BEGIN", busy)
	if !marked(t, s, "test:n") {
		t.Error("the mark of a transaction that is open has gone")
	}
	say(t, w, p, "COMMIT", nil)
	if marked(t, s, "test:n") {
		t.Error("the last transaction has ended, and its mark is there")
	}
}
