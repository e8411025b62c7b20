package writer

import (
	"context"
	"database/sql"
	"io"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
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

// queryTx is a transaction whose statements return rows.
type queryTx struct{ gorm.Tx }

// QueryContext returns rows that nobody may read.
func (queryTx) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return &sql.Rows{}, nil
}

// MyISAM writes row by row, as the program reads what comes back.
//
//	writer: mark, INSERT … SELECT … RETURNING, the first rows …            the last rows
//	other:                                                      must not store
//
// Falls if: the statement counts as over when its rows are handed out, as it may within other transactions.
func TestMarksOfAnInstantStatementOutlastItsCallback(t *testing.T) {
	s := memory.New()
	w := newTest(s, AllowStale)
	w.cfg.Dialect = sqltext.MySQL
	db := &gorm.DB{Config: &gorm.Config{}}
	db.Statement = &gorm.Statement{
		DB: db, Context: t.Context(),
		ConnPool: pool.NewTx(queryTx{}, &tx{below: queryTx{}, w: w, ctx: t.Context(), caller: t.Context()}),
	}
	db.Statement.SQL.WriteString("INSERT INTO logs SELECT * FROM more RETURNING id")
	w.Row(func(db *gorm.DB) {
		rows, err := db.Statement.ConnPool.QueryContext(t.Context(), db.Statement.SQL.String())
		if err != nil {
			t.Fatal(err)
		}
		db.Statement.Dest = rows
	})(db)
	if !marked(t, s, "test:n") {
		t.Error("not marked while the rows are open")
	}
}
