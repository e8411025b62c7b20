package writer

import (
	"io"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// What MyISAM writes is there at once, so a statement that was cut short may still take effect, as outside of a
// transaction. Its rows may be cut short when the statement itself was not.
//
// Falls if: the mark then ends with the statement. A reader stores what the server is about to change.
func TestMarksOutlastAnInstantStatementInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		statement, callback error
		want                bool
	}{
		"nothing":           {nil, nil, false},
		"the statement":     {io.EOF, io.EOF, true},
		"it, oddly":         {errDead, errDead, true}, // the driver's own words for it
		"its rows":          {nil, io.EOF, true},
		"an error of a row": {nil, errDead, false}, // the application's
	} {
		m := memory.New()
		w := newTest(m, AllowStale)
		w.cfg.Dialect = sqltext.MySQL
		// Of a pool that does not tell its database the tables may be of any kind.
		on := &tx{w: w, base: nil, ctx: t.Context(), caller: t.Context()}
		s := &followedStatement{statement: statement{w: w, info: w.Info("INSERT INTO logs VALUES (1) RETURNING id")}, t: on}
		if err := s.Before(t.Context()); err != nil || !marked(t, m, "test:n") {
			t.Fatalf("%s: not marked before it runs, %v", name, err)
		}
		s.Returned(c.statement)
		s.Ended(c.callback)
		if got := marked(t, m, "test:n"); got != c.want {
			t.Errorf("%s was cut short: marked %v, want %v", name, got, c.want)
		}
	}
}
