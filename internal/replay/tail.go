package replay

import (
	"database/sql"
	"database/sql/driver"
	"io"
	"reflect"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Tail is a live result of which a part has already been read. Call either Rows, Row or Close, once. It is not safe for
// concurrent use.
//
//	head     the rows that were encoded before collecting stopped
//	pending  the row that could not be encoded
//	live     the database's rows after pending
type Tail struct {
	r    *Replayer
	live *sql.Rows

	names     []string
	types     []*sql.ColumnType
	proposals []proposal // for the rows of head, if columns have no type before a row is read
	begun     bool       // live.Next has been called
	head      *rows.Set  // nil if begun is false, or the rows are lost.
	pending   []any
	ended     bool // live's result set has ended, with err
	err       error
	// more is set if live was moved to the next result set, or failed to be moved, with moreErr.
	more     bool
	moreErr  error
	closeErr error
	closed   func(error) // called once, with the error of the live rows, when they are closed; may be nil
}

// Rows returns the whole result. Closing it closes the live rows.
func (t *Tail) Rows() (*sql.Rows, error) {
	if !t.begun {
		return t.live, nil
	}
	rows, err := t.r.open(tailSource{t})
	if err != nil {
		_ = t.live.Close()
	}
	return rows, err
}

// Row returns the first row of the whole result. Its Scan closes the live rows, as with any row.
func (t *Tail) Row() *sql.Row {
	row := t.r.openRow(tailSource{t})
	if row.Err() != nil {
		_ = t.live.Close()
	}
	return row
}

// Close closes the live rows, for a caller that does not need the result after all.
func (t *Tail) Close() error { return t.live.Close() }

type tailSource struct{ t *Tail }

func (s tailSource) rows() (driver.Rows, error) {
	t := s.t
	if !t.begun {
		// Row was called before anything was read.
		var err error
		if t.names, err = t.live.Columns(); err != nil {
			return nil, err
		}
		if t.types, err = t.live.ColumnTypes(); err != nil {
			return nil, err
		}
		t.names = slices.Clone(t.names)
	}
	r := &tailRows{t: t, row: newRow(len(t.names))}
	if t.head != nil {
		r.left = t.head.Len()
		r.cursors = make([]rows.Cursor, len(t.names))
		for i := range r.cursors {
			r.cursors[i] = t.head.Cursor(i)
		}
	}
	return r, nil
}

// tailRows are the driver's rows of a tail.
type tailRows struct {
	t        *Tail
	cursors  []rows.Cursor
	left     int // rows left in head.
	row      row
	last     []driver.Value // the current row; nil: none was read
	fromHead bool           // it is a row of head
}

func (r *tailRows) Columns() []string { return r.t.names }

// Close closes the live rows. If collecting moved past the result set that the caller reads, the error met there is
// returned here: a live result would have met it while closing.
func (r *tailRows) Close() error {
	t := r.t
	err := t.live.Close()
	if t.closeErr == nil {
		t.closeErr = err
	}
	if closed := t.closed; closed != nil {
		t.closed = nil
		closed(t.outcome())
	}
	if t.moreErr != nil {
		return t.moreErr
	}
	return t.closeErr
}

func (r *tailRows) Next(dest []driver.Value) error {
	t := r.t
	r.last, r.fromHead = dest, r.left > 0
	switch {
	case r.fromHead:
		r.left--
		for i := range dest {
			dest[i] = r.cursors[i].Next().Any()
		}
		return nil
	case t.pending != nil:
		copyRow(dest, t.pending)
		t.pending = nil
		return nil
	case t.ended:
		if t.err != nil {
			return t.err
		}
		return io.EOF
	case !t.live.Next():
		t.endSet()
		return r.Next(dest)
	}
	if err := t.live.Scan(r.row.dest...); err != nil {
		return err
	}
	copyRow(dest, r.row.values)
	return nil
}

func copyRow(dest []driver.Value, values []any) {
	for i := range dest {
		dest[i] = values[i]
	}
}

// endSet records how the live rows' result set ended. Only NextResultSet shows whether another one follows, so endSet calls
// it right away.
func (t *Tail) endSet() {
	t.ended, t.err = true, t.live.Err()
	if t.err != nil {
		return
	}
	t.more = t.live.NextResultSet()
	if t.moreErr = t.live.Err(); t.moreErr != nil {
		t.more = true
	}
}

// HasNextResultSet reports what endSet found.
func (r *tailRows) HasNextResultSet() bool { return r.t.more }

// NextResultSet moves to the live rows' next result set.
func (r *tailRows) NextResultSet() error {
	t := r.t
	if !t.more {
		// There is no other result set, or the caller leaves this one before its end.
		if !t.live.NextResultSet() {
			if err := t.live.Err(); err != nil {
				return err
			}
			return io.EOF
		}
	}
	t.more = false
	if err := t.moreErr; err != nil {
		t.moreErr = nil
		return err
	}
	names, err := t.live.Columns()
	if err != nil {
		return err
	}
	types, err := t.live.ColumnTypes()
	if err != nil {
		return err
	}
	t.names, t.types = slices.Clone(names), types
	t.pending, t.ended, t.err = nil, false, nil
	r.left, r.row, r.last = 0, newRow(len(names)), nil
	return nil
}

func (r *tailRows) ColumnTypeScanType(i int) reflect.Type {
	t := r.t
	typ := t.types[i].ScanType()
	switch {
	case typ != nil || r.last == nil || r.last[i] == nil:
		return typ
	case r.fromHead:
		if t.proposals[i].mixed {
			return reflect.TypeOf(r.last[i])
		}
		return t.proposals[i].typ
	case t.ended: // the live rows are past the current row
		return nil
	}
	types, err := t.live.ColumnTypes()
	if err != nil {
		return nil
	}
	return types[i].ScanType()
}
func (r *tailRows) ColumnTypeDatabaseTypeName(i int) string      { return r.t.types[i].DatabaseTypeName() }
func (r *tailRows) ColumnTypeLength(i int) (int64, bool)         { return r.t.types[i].Length() }
func (r *tailRows) ColumnTypeNullable(i int) (nullable, ok bool) { return r.t.types[i].Nullable() }
func (r *tailRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.t.types[i].DecimalSize()
}
