package replay_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// seen is all that a program can see of rows.
type seen struct {
	Sets  [][][]any
	Types [][]rows.Column
	Err   string
	Close string
}

func watch(live *sql.Rows) (s seen) {
	for {
		names, err := live.Columns()
		if err != nil {
			s.Err = err.Error()
			break
		}
		types, _ := live.ColumnTypes()
		var columns []rows.Column
		for _, typ := range types {
			columns = append(columns, rows.ColumnOf(typ))
		}
		var set [][]any
		for live.Next() {
			row, ptrs := make([]any, len(names)), make([]any, len(names))
			for i := range row {
				ptrs[i] = &row[i]
			}
			if err := live.Scan(ptrs...); err != nil {
				s.Err = err.Error()
			}
			var now []any
			types, _ := live.ColumnTypes() // a driver may know more by now
			for _, typ := range types {
				now = append(now, fmt.Sprint(typ.ScanType()))
			}
			set = append(set, slices.Concat(row, now))
		}
		s.Sets, s.Types = append(s.Sets, set), append(s.Types, columns)
		if err := live.Err(); err != nil {
			s.Err = err.Error()
		}
		if !live.NextResultSet() {
			break
		}
	}
	if err := live.Err(); err != nil {
		s.Err = err.Error()
	}
	s.Close = fmt.Sprint(live.Close())
	return s
}

var errLost = errors.New("connection lost")

// results are the ways in which a result may go.
func results() map[string]*result {
	rows := [][]any{{int64(1), "a", []byte("x")}, {int64(2), nil, []byte{}}, {int64(3), "c", time.Unix(1, 2).UTC()}}
	base := func(change func(r *result)) *result {
		r := &result{names: []string{"id", "name", "id"}, types: []reflect.Type{reflect.TypeFor[int64](), nil, reflect.TypeFor[sql.RawBytes]()}, rows: rows}
		change(r)
		return r
	}
	second := &result{names: []string{"other"}, types: []reflect.Type{reflect.TypeFor[string]()}, rows: [][]any{{"second"}, {"set"}}}
	odd := [][]any{rows[0], rows[1], {int64(3), struct{}{}, nil}, rows[2], {int64(5), int8(1), nil}}
	late := func(r *result) {
		r.types, r.late = make([]reflect.Type, 3), []reflect.Type{reflect.TypeFor[bool](), nil, reflect.TypeFor[[]byte]()}
	}
	return map[string]*result{
		"plain":                      base(func(r *result) {}),
		"late types":                 base(late),
		"late types, empty":          base(func(r *result) { late(r); r.rows = nil }),
		"late types, two sets":       base(func(r *result) { late(r); r.next = second }),
		"types by row":               base(func(r *result) { late(r); r.late = []reflect.Type{} }),
		"types by row, two sets":     base(func(r *result) { late(r); r.late, r.next = []reflect.Type{}, second }),
		"empty":                      base(func(r *result) { r.rows = nil }),
		"fails at once":              base(func(r *result) { r.rows, r.err = nil, errLost }),
		"fails on the way":           base(func(r *result) { r.err = errLost }),
		"a value that is not cached": base(func(r *result) { r.rows = odd }),
		"such a value, then fails":   base(func(r *result) { r.rows, r.err = odd, errLost }),
		"an odd scan type":           base(func(r *result) { r.types = []reflect.Type{nil, nil, reflect.TypeFor[chan int]()} }),
		"no columns":                 base(func(r *result) { r.names, r.types, r.rows = []string{}, nil, [][]any{{}, {}} }),
		"two sets":                   base(func(r *result) { r.next = second }),
		"two sets, odd first":        base(func(r *result) { r.rows, r.next = odd, second }),
		"second set fails":           base(func(r *result) { r.next = &result{err: errLost} }),
		"odd, and second set fails":  base(func(r *result) { r.rows, r.next = odd, &result{err: errLost} }),
	}
}

// Whatever becomes of a result, the caller sees what the database said.
func TestCollectedRowsAreTheDatabasesRows(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	limits := map[string]rows.Limits{"no limits": {}, "2 rows": {MaxRows: 2}, "3 rows": {MaxRows: 3}, "1 row": {MaxRows: 1}, "few bytes": {MaxBytes: 300}, "no byte": {MaxBytes: 1}}
	for name, res := range results() {
		for limit, l := range limits {
			t.Run(name+", "+limit, func(t *testing.T) {
				want := watch(query(t, db, res))
				closed := &atomic.Int32{}
				counted := *res
				counted.closed = closed
				c := r.Collect(query(t, db, &counted), l)
				if (c.Payload == nil) != (c.Rest != nil) || (c.Reason == nil) != (c.Payload != nil) {
					t.Fatalf("%+v", c)
				}
				if got := watch(rowsOf(t, r, c)); !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v\nwant %+v", got, want)
				}
				if closed.Load() == 0 && counted.next == nil {
					t.Error("the live rows were not closed")
				}
			})
		}
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d live results were left open", n)
	}
}

// The pure Go SQLite proposes for a BLOB what can't be scanned into. Such a type is no reason to cache nothing.
func TestLateTypesThatCannotBeEncoded(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	res := &result{names: []string{"b"}, types: []reflect.Type{nil}, late: []reflect.Type{reflect.TypeFor[[][]byte]()}, rows: [][]any{{[]byte("x")}}}
	c := r.Collect(query(t, db, res), rows.Limits{})
	if c.Payload == nil {
		t.Fatal(c.Reason)
	}
	got := watch(rowsOf(t, r, c))
	if want := [][][]any{{{[]byte("x"), "<nil>"}}}; !reflect.DeepEqual(got.Sets, want) {
		t.Errorf("got %v", got.Sets)
	}
}

// The pure Go SQLite, whose columns hold values of any type, proposes for each row what its value is. One type for all
// rows would be wrong for some, as where the type of an integer is proposed for a text.
func TestLateTypesThatDiffer(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	for name, c := range map[string]struct {
		rows   [][]any
		cached bool
	}{
		"several types":          {[][]any{{int64(1)}, {nil}, {"a"}, {int64(2)}, {1.5}}, true},
		"NULL first":             {[][]any{{nil}, {true}, {nil}, {false}}, true},
		"NULL only":              {[][]any{{nil}, {nil}}, true},
		"another's, then others": {[][]any{{[]byte("a")}, {int64(1)}}, false},
		"others, then another's": {[][]any{{int64(1)}, {"a"}, {[]byte("a")}, {int64(1)}}, false},
	} {
		res := &result{names: []string{"v"}, types: []reflect.Type{nil}, late: []reflect.Type{}, rows: c.rows}
		want := watch(query(t, db, res))
		got := r.Collect(query(t, db, res), rows.Limits{})
		if cached := got.Payload != nil; cached != c.cached {
			t.Errorf("%s: to be cached: %v: %v", name, cached, got.Reason)
		}
		if got := watch(rowsOf(t, r, got)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, want)
		}
	}
}

func rowsOf(t testing.TB, r *replay.Replayer, c replay.Collected) *sql.Rows {
	t.Helper()
	if c.Rest != nil {
		rows, err := c.Rest.Rows()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	view, err := rows.Parse(c.Payload)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.Rows(view)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A row is the first of what rows would be.
func TestRowIsTheDatabasesRow(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	scan := func(row *sql.Row) (id, name, x any, err string) {
		e := row.Scan(&id, &name, &x)
		return id, name, x, fmt.Sprint(e)
	}
	for name, res := range results() {
		for _, l := range []rows.Limits{{}, {MaxRows: 1}, {MaxBytes: 1}} {
			wantID, wantName, wantX, wantErr := scan(db.QueryRowContext(context.Background(), "", res))
			c := r.Collect(query(t, db, res), l)
			row := (*sql.Row)(nil)
			if c.Rest != nil {
				row = c.Rest.Row()
			} else if view, err := rows.Parse(c.Payload); err == nil {
				row = r.Row(view)
			}
			id, n, x, err := scan(row)
			if !reflect.DeepEqual([]any{id, n, x, err}, []any{wantID, wantName, wantX, wantErr}) {
				t.Errorf("%s %+v: got %v %v %v %v, want %v %v %v %v", name, l, id, n, x, err, wantID, wantName, wantX, wantErr)
			}
		}
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d live results were left open", n)
	}
}

func TestWhatIsCached(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	for name, reason := range map[string]error{
		"plain": nil, "empty": nil, "fails at once": errLost, "fails on the way": errLost,
		"a value that is not cached": entry.ErrUnsupported, "such a value, then fails": entry.ErrUnsupported,
		"an odd scan type": entry.ErrUnsupported, "no columns": entry.ErrUnsupported,
		"two sets": entry.ErrUnsupported, "second set fails": errLost,
	} {
		c := r.Collect(query(t, db, results()[name]), rows.Limits{})
		if !errors.Is(c.Reason, reason) || reason == nil && c.Payload == nil {
			t.Errorf("%s: %v, want %v", name, c.Reason, reason)
		}
		if c.Rest != nil {
			if err := c.Rest.Close(); err != nil && !errors.Is(err, errLost) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d live results were left open", n)
	}
}

func TestRowError(t *testing.T) {
	r := replay.New()
	defer r.Close()
	row := r.RowError(errLost)
	if row.Err() != errLost || row.Scan(new(int)) != errLost { //nolint:errorlint // the very error.
		t.Fatalf("%v", row.Err())
	}
}

// Bytes that a caller got are its own: changing them must not change what others get.
func TestReplayedBytesAreCopies(t *testing.T) {
	r := replay.New()
	defer r.Close()
	c := r.Collect(query(t, live(t), &result{names: []string{"b"}, rows: [][]any{{[]byte("abc")}}}), rows.Limits{})
	view, err := rows.Parse(c.Payload)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var s spoiler
		if err := r.Row(view).Scan(&s); err != nil {
			t.Fatal(err)
		}
		if s.was != "abc" {
			t.Fatalf("got %q", s.was)
		}
	}
}

// spoiler is a scanner that writes into what it is given.
type spoiler struct{ was string }

func (s *spoiler) Scan(v any) error {
	b := v.([]byte)
	s.was = string(b)
	copy(b, "!!!")
	return nil
}

// What was begun before Close is read to its end, and leaks no connection of the live rows.
func TestTailAfterCloseGoesOn(t *testing.T) {
	db, r := live(t), replay.New()
	byRows := r.Collect(query(t, db, results()["plain"]), rows.Limits{MaxRows: 1})
	byRow := r.Collect(query(t, db, results()["plain"]), rows.Limits{MaxRows: 1})
	if n := db.Stats().InUse; n != 2 {
		t.Fatalf("%d live results are open", n)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want := watch(query(t, db, results()["plain"]))
	rows, err := byRows.Rest.Rows()
	if err != nil {
		t.Fatal(err)
	}
	if got := watch(rows); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := byRow.Rest.Row().Err(); err != nil {
		t.Errorf("Row: %v", err)
	}
	if err := byRow.Rest.Close(); err != nil {
		t.Error(err)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d live results were left open", n)
	}
}

// A caller that stops early closes the live rows.
func TestTailClosedEarly(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	for read := range 4 {
		c := r.Collect(query(t, db, results()["plain"]), rows.Limits{MaxRows: 1})
		rows := rowsOf(t, r, c)
		for range read {
			rows.Next()
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d live results were left open after %d rows", n, read)
		}
	}
}

// The context of the live rows still ends them, wherever they were read to.
func TestTailOfACancelledQuery(t *testing.T) {
	db, r := live(t), replay.New()
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	canceled, err := db.QueryContext(ctx, "", results()["plain"])
	if err != nil {
		t.Fatal(err)
	}
	c := r.Collect(canceled, rows.Limits{MaxRows: 1})
	cancel()
	for canceled.Err() == nil { // until database/sql has noticed.
		runtime.Gosched()
	}
	tail := rowsOf(t, r, c)
	n := 0
	for tail.Next() {
		n++
	}
	if n != 2 || !errors.Is(tail.Err(), context.Canceled) {
		t.Errorf("%d rows, %v", n, tail.Err())
	}
	_ = tail.Close()
}

func TestClose(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	view, err := rows.Parse(userPayload(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	r := replay.New()
	rows, err := r.Rows(view)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !rows.Next() || !rows.Next() || rows.Next() || rows.Err() != nil {
		t.Error("rows in use ended with Close")
	}
	if rows, err = r.Rows(view); err != nil || !rows.Next() || !rows.Next() || rows.Next() || rows.Close() != nil {
		t.Errorf("rows after Close: %v", err)
	}
	if err := r.Row(view).Err(); err != nil {
		t.Errorf("row after Close: %v", err)
	}
	if err := r.RowError(errLost).Err(); !errors.Is(err, errLost) {
		t.Errorf("the error of a row after Close: %v", err)
	}
}
