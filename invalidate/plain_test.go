package invalidate

import "testing"

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
	if w, last := p.end("a"); w != a || last {
		t.Errorf("the first end on a: %v, last %v", w == a, last)
	}
	if w, last := p.end("a"); w != a || !last {
		t.Errorf("the second end on a: %v, last %v", w == a, last)
	}
	if w, last := p.end("a"); w == a || !last {
		t.Errorf("an end without a beginning: %v, last %v", w == a, last)
	}
	for i := range 2 * maxPlain {
		p.begin(i)
	}
	if len(p.m) > maxPlain {
		t.Errorf("%d are remembered", len(p.m))
	}
}
