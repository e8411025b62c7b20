package writer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// Doubts are remembered until their marks are gone or have run out, and warned of once for each cause.
func TestDoubtsAreRememberedAndWarnedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lines)
		w := newTest(memory.New(), AllowStale)
		w.cfg.Dialect, w.cfg.Logger = sqltext.Postgres, slog.New(log)
		begin := func(tag string) *change {
			c, err := w.begin(t.Context(), []string{tag})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		certain := begin("test:t:certain")
		certain.returned(nil)
		certain.settle(t.Context())
		if left := w.Doubts(); len(left) != 0 || log.String() != "" {
			t.Errorf("without a doubt: %+v, %s", left, log)
		}
		a, b, commit := begin("test:t:a"), begin("test:t:b"), begin("test:t:c")
		for _, c := range []*change{a, b} {
			c.returned(io.EOF)
			c.settle(t.Context())
		}
		commit.committed(io.EOF)
		commit.settle(t.Context())
		want := []Doubt{{Tags: a.tags, Writer: a.id}, {Tags: b.tags, Writer: b.id}, {Tags: commit.tags, Writer: commit.id}}
		left := w.Doubts()
		if len(left) != len(want) {
			t.Fatalf("%+v", left)
		}
		for i, d := range left {
			if fmt.Sprint(d.Tags) != fmt.Sprint(want[i].Tags) || d.Writer != want[i].Writer || time.Until(d.Until) != w.cfg.Grace {
				t.Errorf("doubt %d is %+v", i, d)
			}
			if !marked(t, w.cfg.Store, d.Tags...) {
				t.Errorf("%v bears no mark", d.Tags)
			}
		}
		if got := strings.Count(log.String(), "WARN "); got != 2 || !strings.Contains(log.String(), a.id.String()) || strings.Contains(log.String(), b.id.String()) {
			t.Errorf("%d warnings:\n%s", got, log)
		}
		if strings.Contains(log.String(), "INFO ") {
			t.Errorf("an end is told of too early:\n%s", log)
		}
		time.Sleep(w.cfg.Grace)
		synctest.Wait()
		if left := w.Doubts(); len(left) != 0 {
			t.Errorf("when the marks have run out: %+v", left)
		}
		if got := strings.Count(log.String(), "INFO "); got != 2 || strings.Count(log.String(), a.id.String()) != 2 {
			t.Errorf("the end of each warning has one line; there are %d:\n%s", got, log)
		}
	})
}

// Nothing is said of marks once the plugin is closed.
func TestNoEndOfADoubtIsToldAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lines)
		w := newTest(memory.New(), AllowStale)
		w.cfg.Dialect, w.cfg.Logger = sqltext.Postgres, slog.New(log)
		c, err := w.begin(t.Context(), []string{"test:t:a"})
		if err != nil {
			t.Fatal(err)
		}
		c.returned(io.EOF)
		c.settle(t.Context())
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * w.cfg.Grace)
		synctest.Wait()
		if strings.Contains(log.String(), "INFO ") || !strings.Contains(log.String(), "WARN ") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// Falls if: a program that is in doubt all the time keeps all of it.
func TestDoubtsAreBounded(t *testing.T) {
	var d doubts
	for i := range 2 * maxDoubts {
		d.add(Doubt{Writer: store.NewWriter(), Tags: []string{fmt.Sprint(i)}, Until: time.Now().Add(time.Hour)})
	}
	if len(d.list) != maxDoubts || d.list[maxDoubts-1].Tags[0] != fmt.Sprint(2*maxDoubts-1) {
		t.Errorf("%d are remembered, the last is %v", len(d.list), d.list[len(d.list)-1].Tags)
	}
}

// Rows that were open when their callback ended are in doubt until they are closed.
func TestOpenRowsEndTheirDoubt(t *testing.T) {
	for _, c := range []struct {
		end   error
		doubt bool
	}{{nil, false}, {errors.New("of the driver"), false}, {context.Canceled, true}} {
		s := memory.New()
		w := newTest(s, AllowStale)
		w.cfg.Dialect = sqltext.Postgres
		one, err := w.begin(t.Context(), []string{"test:t:a"})
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []error{pool.ErrOpen, c.end} {
			one.ended(end)
			one.settle(t.Context())
			if want := errors.Is(end, pool.ErrOpen) || c.doubt; marked(t, s, "test:t:a") != want || (len(w.Doubts()) > 0) != want {
				t.Errorf("closed with %v: marked %v, in doubt %+v", end, !want, w.Doubts())
			}
		}
	}
}

// panicking is a pool whose driver panics, or returns at once.
type panicking struct {
	gorm.ConnPool
	panics bool
}

// ExecContext panics, or does nothing.
func (p panicking) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	if p.panics {
		panic("the driver")
	}
	return nil, errors.New("Error 1062 (23000): Duplicate entry")
}

// A driver that panics leaves the outcome open. Where it has returned, what panics is GORM, or a model.
func TestPanicsOfTheDriverLeaveDoubt(t *testing.T) {
	for _, driver := range []bool{true, false} {
		s := memory.New()
		w := newTest(s, AllowStale)
		w.cfg.Dialect = sqltext.MySQL
		db := &gorm.DB{Config: &gorm.Config{}}
		db.Statement = &gorm.Statement{DB: db, ConnPool: panicking{panics: driver}, Context: t.Context()}
		func() {
			defer func() { _ = recover() }()
			w.Statement(func(db *gorm.DB) {
				_, _ = db.Statement.ConnPool.ExecContext(t.Context(), "CREATE TABLE a (id int)")
				panic("a model")
			})(db)
		}()
		if marked(t, s, "test:n") != driver || (len(w.Doubts()) > 0) != driver {
			t.Errorf("the driver panics %v: in doubt %+v", driver, w.Doubts())
		}
	}
}

// cutTx is a transaction whose statements are cut off, and whose end database/sql has seen to already.
type cutTx struct {
	gorm.Tx
	err error // nil: the driver panics
}

// ExecContext is cut off.
func (c cutTx) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	if c.err == nil {
		panic("the driver")
	}
	return nil, c.err
}

// Rollback comes too late.
func (cutTx) Rollback() error { return sql.ErrTxDone }

// A text that ends a transaction behind database/sql is cut off by its context, which database/sql takes for the
// transaction's end:
//
//	writer: mark, "COMMIT", cancel   ROLLBACK: done already, settle; the marks stay
//	server:                                                                         commits
//
// Falls if: only the end of the transaction counts, or a driver that panics is taken for one that has returned. Then a
// reader stores the rows of before the COMMIT.
func TestACommitInATextThatIsCutOffIsInDoubt(t *testing.T) {
	for _, err := range []error{context.Canceled, errDead, nil} {
		for _, text := range []string{"COMMIT", "SELECT 1"} {
			s := memory.New()
			w := newTest(s, AllowStale)
			w.cfg.Dialect = sqltext.Postgres
			own := pool.NewTx(cutTx{err: err}, &tx{below: cutTx{err: err}, w: w, caller: t.Context(), ctx: t.Context()})
			db := &gorm.DB{Config: &gorm.Config{}}
			db.Statement = &gorm.Statement{DB: db, ConnPool: own, Context: t.Context()}
			func() {
				defer func() { _ = recover() }()
				w.Statement(func(db *gorm.DB) {
					_, err := db.Statement.ConnPool.ExecContext(t.Context(), text)
					_ = db.AddError(err)
				})(db)
			}()
			_ = own.Rollback()
			if want := text == "COMMIT"; marked(t, s, "test:n") != want || (len(w.Doubts()) > 0) != want {
				t.Errorf("%s, %v: in doubt %+v", text, err, w.Doubts())
			}
		}
	}
}
