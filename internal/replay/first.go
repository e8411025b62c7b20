package replay

import (
	"database/sql"
	"database/sql/driver"
	"io"
	"slices"
)

// readFirst reads and closes live.
func readFirst(live *sql.Rows) (*firstSource, error) {
	defer func() { _ = live.Close() }() // also if the driver panics
	s := &firstSource{}
	names, err := live.Columns()
	if err != nil {
		s.err = err
		return s, err
	}
	s.names = slices.Clone(names)
	if !live.Next() {
		s.err = live.Err()
		return s, s.err
	}
	values := newRow(len(names))
	if s.err = live.Scan(values.dest...); s.err != nil {
		return s, s.err
	}
	s.values, s.closeErr = values.values, live.Close()
	if s.closeErr != nil {
		return s, s.closeErr
	}
	// If the context has ended meanwhile, database/sql has closed the rows itself, and Close returns no error.
	return s, live.Err()
}

// firstSource is the first row of a live result, and how the result ended: values is nil if there was no row, err occurred
// instead of the first row, closeErr after it.
type firstSource struct {
	names         []string
	values        []any
	err, closeErr error
}

func (s *firstSource) rows() (driver.Rows, error) { return &firstRows{firstSource: s}, nil }

// firstRows are the driver's rows of a firstSource.
type firstRows struct {
	*firstSource
	done bool
}

func (r *firstRows) Columns() []string { return r.names }
func (r *firstRows) Close() error      { return r.closeErr }

func (r *firstRows) Next(dest []driver.Value) error {
	switch {
	case r.err != nil:
		return r.err
	case r.done || r.values == nil:
		return io.EOF
	}
	r.done = true
	copyRow(dest, r.values)
	return nil
}
