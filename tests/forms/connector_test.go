package forms_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
)

// statements notes every statement that reaches a database, below all pools and prepared statements.
type statements struct {
	mu   sync.Mutex
	sqls []string
	gate func() // if not nil, called before each query
}

func (s *statements) add(sql string) {
	s.mu.Lock()
	s.sqls = append(s.sqls, sql)
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		gate()
	}
}

func (s *statements) setGate(gate func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
}

// take returns the statements since the last take.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.sqls
	s.sqls = nil
	return slices.Clone(taken)
}

// openCounted opens a database whose statements are noted. The rows are the driver's own.
func openCounted(driverName, dsn string) (*sql.DB, *statements, error) {
	probe, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = probe.Close() }()
	c := &connector{driver: probe.Driver(), dsn: dsn, log: &statements{}}
	if dc, ok := c.driver.(driver.DriverContext); ok {
		if c.inner, err = dc.OpenConnector(dsn); err != nil {
			return nil, nil, err
		}
	}
	return sql.OpenDB(c), c.log, nil
}

type connector struct {
	driver driver.Driver
	dsn    string
	inner  driver.Connector // nil: driver opens
	log    *statements
}

func (c *connector) Driver() driver.Driver { return c.driver }
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
	return &countedConn{Conn: conn, log: c.log}, nil
}

// countedConn passes on all that the three drivers implement.
type countedConn struct {
	driver.Conn
	log *statements
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) { // MySQL's, which then prepares
		c.log.add(query)
	}
	return rows, err
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if !errors.Is(err, driver.ErrSkip) {
		c.log.add(query)
	}
	return res, err
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		c.log.add(query)
		return nil, err
	}
	return &countedStmt{Stmt: stmt, conn: c, query: query}, nil
}

func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *countedConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *countedConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type countedStmt struct {
	driver.Stmt
	conn  *countedConn
	query string
}

func (s *countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.conn.log.add(s.query)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.conn.log.add(s.query)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *countedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}
