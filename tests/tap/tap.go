// Package tap opens databases whose statements can be watched, or rewritten, below all pools and prepared statements:
// where a test says that a query was not sent, nothing reached the driver.
package tap

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Tap is what happens to the statements of a database. Its functions are called by several goroutines at once.
type Tap struct {
	// Rewrite, if not nil, gives the text that is sent in a statement's place.
	Rewrite func(query string) string
	// Ran, if not nil, is told of each statement that has run.
	Ran func(query string)
}

func (t *Tap) rewrite(query string) string {
	if t.Rewrite == nil {
		return query
	}
	return t.Rewrite(query)
}

func (t *Tap) ran(query string) {
	if t.Ran != nil {
		t.Ran(query)
	}
}

// Open opens a database with a tap. The rows are the driver's own.
func Open(driverName, dsn string, t *Tap) (*sql.DB, error) {
	probe, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = probe.Close() }()
	c := &connector{driver: probe.Driver(), dsn: dsn, tap: t}
	if dc, ok := c.driver.(driver.DriverContext); ok {
		if c.inner, err = dc.OpenConnector(dsn); err != nil {
			return nil, err
		}
	}
	return sql.OpenDB(c), nil
}

type connector struct {
	driver driver.Driver
	dsn    string
	inner  driver.Connector // nil: driver opens
	tap    *Tap
}

// Driver is that of the database.
func (c *connector) Driver() driver.Driver { return c.driver }

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var conn driver.Conn
	var err error
	if c.inner != nil {
		conn, err = c.inner.Connect(ctx)
	} else {
		conn, err = c.driver.Open(c.dsn)
	}
	if err != nil {
		return nil, err
	}
	return &tappedConn{Conn: conn, tap: c.tap}, nil
}

// tappedConn passes on all that the three drivers implement.
type tappedConn struct {
	driver.Conn
	tap *Tap
}

// QueryContext passes on.
func (c *tappedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, c.tap.rewrite(query), args)
	if !errors.Is(err, driver.ErrSkip) { // MySQL's, which then prepares
		c.tap.ran(query)
	}
	return rows, err
}

// ExecContext passes on.
func (c *tappedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, c.tap.rewrite(query), args)
	if !errors.Is(err, driver.ErrSkip) {
		c.tap.ran(query)
	}
	return res, err
}

// PrepareContext passes on.
func (c *tappedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, c.tap.rewrite(query))
	if err != nil {
		c.tap.ran(query)
		return nil, err
	}
	return &tappedStmt{Stmt: stmt, conn: c, query: query}, nil
}

// BeginTx passes on.
func (c *tappedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

// CheckNamedValue passes on.
func (c *tappedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession passes on.
func (c *tappedConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid passes on.
func (c *tappedConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type tappedStmt struct {
	driver.Stmt
	conn  *tappedConn
	query string
}

// QueryContext passes on.
func (s *tappedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	defer s.conn.tap.ran(s.query)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// ExecContext passes on.
func (s *tappedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	defer s.conn.tap.ran(s.query)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// CheckNamedValue passes on.
func (s *tappedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}
