package replay

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// source makes the rows of a query. It is the query's only argument, and reaches our driver through database/sql.
type source interface {
	rows() (driver.Rows, error)
}

// connector and conn are a driver without SQL: a query returns the rows of its argument.
type (
	connector struct{}
	conn      struct{}
)

var errNoSQL = errors.New("replay: only replayed rows can be queried")

func (connector) Connect(context.Context) (driver.Conn, error) { return conn{}, nil }
func (connector) Driver() driver.Driver                        { return connector{} }
func (connector) Open(string) (driver.Conn, error)             { return conn{}, nil }

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errNoSQL }
func (conn) Begin() (driver.Tx, error)           { return nil, errNoSQL }
func (conn) Close() error                        { return nil }

// CheckNamedValue accepts a source, which database/sql would otherwise refuse as an argument.
func (conn) CheckNamedValue(v *driver.NamedValue) error {
	if _, ok := v.Value.(source); ok {
		return nil
	}
	return errNoSQL
}

// QueryContext returns the rows of its argument.
func (conn) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) != 1 {
		return nil, errNoSQL
	}
	return args[0].Value.(source).rows()
}

// errorSource is a query that fails.
type errorSource struct{ err error }

func (s errorSource) rows() (driver.Rows, error) { return nil, s.err }

// viewSource replays a row set, or only the picked columns of it.
type viewSource struct {
	view *rows.Set
	pick []int // nil: all.
}

func (s *viewSource) rows() (driver.Rows, error) {
	columns := s.view.Columns()
	n := len(columns)
	if s.pick != nil {
		n = len(s.pick)
	}
	r := &viewRows{
		left:    s.view.Len(),
		columns: make([]*rows.Column, n),
		cursors: make([]rows.Cursor, n),
		names:   make([]string, n),
	}
	for i := range n {
		at := i
		if s.pick != nil {
			at = s.pick[i]
		}
		r.columns[i], r.cursors[i], r.names[i] = &columns[at], s.view.Cursor(at), columns[at].Name
	}
	return r, nil
}

// viewRows are the driver's rows of a row set.
type viewRows struct {
	columns []*rows.Column
	cursors []rows.Cursor
	// names is not shared: if the statement maps columns, GORM writes into the slice that Columns returns, and the
	// errors of a live driver then show the mapped names.
	names []string
	left  int
	last  []driver.Value // the current row; nil: none was read
}

func (r *viewRows) Columns() []string { return r.names }
func (r *viewRows) Close() error      { return nil }

func (r *viewRows) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	r.last = dest
	for i := range dest {
		dest[i] = r.cursors[i].Next().Any()
	}
	return nil
}

func (r *viewRows) ColumnTypeDatabaseTypeName(i int) string { return r.columns[i].DatabaseType }

func (r *viewRows) ColumnTypeScanType(i int) reflect.Type {
	c := r.columns[i]
	switch {
	case c.Late && (r.last == nil || r.last[i] == nil):
		return nil
	case c.Late && c.ScanType == nil:
		return reflect.TypeOf(r.last[i])
	}
	return c.ScanType
}

func (r *viewRows) ColumnTypeLength(i int) (int64, bool) {
	return r.columns[i].Length, r.columns[i].HasLength
}

func (r *viewRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	return r.columns[i].Nullable, r.columns[i].HasNullable
}

func (r *viewRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.columns[i].Precision, r.columns[i].Scale, r.columns[i].HasDecimalSize
}
