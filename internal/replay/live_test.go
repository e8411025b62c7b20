package replay_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"reflect"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/utils/tests"

	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// result is what the fake database answers: its result sets, one after the other.
type result struct {
	names  []string
	types  []reflect.Type
	late   []reflect.Type // once a row is read whose value is not NULL; empty: as of the pure Go SQLite
	rows   [][]any
	err    error // after the rows.
	close  error
	next   *result
	closed *atomic.Int32
}

// fake is a driver whose query returns the result that is its argument.
type fake struct{}

func (fake) Connect(context.Context) (driver.Conn, error) { return fake{}, nil }
func (fake) Driver() driver.Driver                        { return nil }
func (fake) Prepare(string) (driver.Stmt, error)          { panic("not used") }
func (fake) Begin() (driver.Tx, error)                    { panic("not used") }
func (fake) Close() error                                 { return nil }
func (fake) CheckNamedValue(*driver.NamedValue) error     { return nil }
func (fake) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	r := *args[0].Value.(*result)
	r.names = append([]string(nil), r.names...)
	return &fakeRows{result: r}, nil
}

type fakeRows struct {
	result
	buf []byte
	now []any // the row at hand
}

func (r *fakeRows) Columns() []string { return r.names }
func (r *fakeRows) Close() error {
	if r.closed != nil {
		r.closed.Add(1)
	}
	if r.next != nil && r.next.names == nil {
		return r.next.err // as mysql's, which reads what is left to be read.
	}
	return r.close
}

func (r *fakeRows) Next(dest []driver.Value) error {
	for i := range r.buf {
		r.buf[i] = '!' // a driver's bytes are only valid until the next row.
	}
	r.buf, r.now = nil, nil
	if len(r.rows) == 0 {
		if r.err != nil {
			return r.err
		}
		return io.EOF
	}
	for i, v := range r.rows[0] {
		if b, ok := v.([]byte); ok && len(b) > 0 {
			at := len(r.buf)
			r.buf = append(r.buf, b...)
			v = r.buf[at:len(r.buf):len(r.buf)]
		}
		dest[i] = v
	}
	r.now, r.rows = r.rows[0], r.rows[1:]
	return nil
}

func (r *fakeRows) HasNextResultSet() bool { return r.next != nil }
func (r *fakeRows) NextResultSet() error {
	if r.next == nil {
		return io.EOF
	}
	if r.next.names == nil {
		return r.next.err
	}
	closeErr := r.close
	r.result, r.now = *r.next, nil
	r.close = closeErr
	return nil
}

func (r *fakeRows) ColumnTypeScanType(i int) reflect.Type {
	if r.late != nil && r.now != nil && r.now[i] != nil {
		if len(r.late) == 0 {
			if _, blob := r.now[i].([]byte); blob {
				return reflect.TypeFor[[][]byte]()
			}
			return reflect.TypeOf(r.now[i])
		}
		return r.late[i]
	}
	if r.types == nil {
		return reflect.TypeFor[any]()
	}
	return r.types[i]
}
func (r *fakeRows) ColumnTypeDatabaseTypeName(i int) string { return "T" + r.names[i] }
func (r *fakeRows) ColumnTypeLength(i int) (int64, bool)    { return int64(i), i%2 == 0 }
func (r *fakeRows) ColumnTypeNullable(i int) (bool, bool)   { return i%2 == 0, i%3 == 0 }
func (r *fakeRows) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return int64(i), int64(-i), i%2 == 1
}

// live is the fake database, closed with the test.
func live(t testing.TB) *sql.DB {
	db := sql.OpenDB(fake{})
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func query(t testing.TB, db *sql.DB, r *result) *sql.Rows {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), "", r)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

type (
	resultKey struct{}
	wayKey    struct{}
)

// The ways by which a query can be answered.
type way string

const (
	fromLive   way = "live"
	fromReplay way = "replay"
)

// harness runs GORM's queries with a result of the test's choice, by either way.
type harness struct {
	t    testing.TB
	db   *gorm.DB
	live *sql.DB
	rep  *replay.Replayer
}

func newHarness(t testing.TB) *harness {
	h := &harness{t: t, live: live(t), rep: replay.New()}
	t.Cleanup(func() { _ = h.rep.Close() })
	db, err := gorm.Open(tests.DummyDialector{}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Callback().Query().Replace("gorm:query", h.query); err != nil {
		t.Fatal(err)
	}
	h.db = db
	return h
}

func (h *harness) query(db *gorm.DB) {
	ctx := db.Statement.Context
	answer := query(h.t, h.live, ctx.Value(resultKey{}).(*result))
	if ctx.Value(wayKey{}) == fromLive {
		gorm.Scan(answer, db, 0)
		_ = db.AddError(answer.Close())
		return
	}
	c := h.rep.Collect(answer, rows.Limits{})
	if c.Rest != nil {
		h.t.Fatalf("not collected: %v", c.Reason)
	}
	view, err := rows.Parse(c.Payload)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.rep.Scan(db, view); err != nil {
		h.t.Fatal(err)
	}
}

// on returns a session whose queries are answered with r by the given way.
func (h *harness) on(r *result, w way) *gorm.DB {
	ctx := context.WithValue(context.WithValue(context.Background(), resultKey{}, r), wayKey{}, w)
	return h.db.WithContext(ctx)
}
