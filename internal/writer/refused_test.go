package writer

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// A text that the store can't be told of is refused. The transaction that it would have been in goes on.
func TestARefusedTextEndsNoTransaction(t *testing.T) {
	p, on := &patient{Store: memory.New()}, new(sql.DB)
	w := newTest(p, FailWrite)
	say := func(text string) error {
		return (&boundaryStatement{statement: statement{w: w, pool: on, info: w.Info(text)}}).Before(t.Context())
	}
	if err := say("BEGIN"); err != nil {
		t.Fatal(err)
	}
	p.fails = []string{"mark"}
	for _, text := range []string{"SAVEPOINT a; SAVEPOINT b", "BEGIN"} {
		if err := say(text); !errors.Is(err, ErrStoreUnavailable) || !w.plain.open(on) {
			t.Errorf("%q: %v, and a transaction is open: %v", text, err, w.plain.open(on))
		}
	}
	if _, last := w.plain.end(on); !last {
		t.Error("what was refused counts as one that is open")
	}
}
