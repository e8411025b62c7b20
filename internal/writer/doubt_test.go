package writer

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// answered is an error that PostgreSQL has sent.
type answered struct{}

func (answered) Error() string    { return "duplicate key" }
func (answered) SQLState() string { return "23505" }

// After which errors a write may still take effect: inDoubt of a driver, cutShort of a callback, whose errors may be
// the application's.
func TestErrorsThatLeaveAWriteInDoubt(t *testing.T) {
	for _, c := range []struct {
		err            error
		driver, callee bool
	}{
		{nil, false, false},
		{context.Canceled, true, true},
		{context.DeadlineExceeded, true, true},
		{driver.ErrBadConn, true, true},
		{io.EOF, true, true},
		{fmt.Errorf("receive message failed: %w", io.ErrUnexpectedEOF), true, true},
		{net.ErrClosed, true, true},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, true, true},
		{pool.ErrNoReturn, true, true},
		{errors.New("conn closed"), true, true},
		{errors.New("invalid connection"), true, true},
		{errors.New("of a kind that nobody has heard of"), true, false}, // a model's, perhaps
		{answered{}, false, false},
		{errors.Join(answered{}, context.Canceled), false, false},
		{errors.New("Error 1062 (23000): Duplicate entry"), false, false},
		{sql.ErrTxDone, false, false},
		{errors.New("failed to encode args[0]"), false, false},
		{errors.New("mismatched param and argument count"), false, false},
		{errors.New("packet for query is too large. Try adjusting"), false, false},
		{fmt.Errorf("a tracer: %w", errors.New("Error 1062 (23000): Duplicate entry")), false, false},
		{errors.New("Error of a kind that nobody has heard of"), true, false},
		{errors.New("commit unexpectedly resulted in rollback"), false, false},
	} {
		for _, d := range []sqltext.Dialect{sqltext.Postgres, sqltext.MySQL} {
			if got := inDoubt(d, c.err); got != c.driver {
				t.Errorf("%v, %v of a driver: in doubt %v", d, c.err, got)
			}
			if got := cutShort(d, c.err); got != c.callee {
				t.Errorf("%v, %v of a callback: cut short %v", d, c.err, got)
			}
		}
	}
	if err := context.Canceled; inDoubt(sqltext.SQLite, err) || cutShort(sqltext.SQLite, err) {
		t.Error("SQLite is in this process: what has returned is over")
	}
}

// Rows may end with an error that their statement did not have, and nothing that comes later takes a doubt away.
func TestDoubtStays(t *testing.T) {
	w := newTest(memory.New(), AllowStale)
	w.cfg.Dialect = sqltext.Postgres
	for name, cut := range map[string]func(c *change){
		"statement": func(c *change) { c.returned(io.EOF) },
		"rows":      func(c *change) { c.ended(io.EOF) },
	} {
		c := &change{p: w.publisher}
		for _, want := range []bool{false, true} {
			c.returned(nil)
			c.ended(nil)
			if (c.doubt != "") != want {
				t.Errorf("%s: in doubt %q, want %v", name, c.doubt, want)
			}
			cut(c)
		}
	}
}
