package main

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// counter counts the SQL statements that reach the database. It sits below database/sql, so that
// nothing can be counted that did not go there, and nothing can go there uncounted.
type counter struct{ statements atomic.Int64 }

// connector opens connections of a driver that count.
type connector struct {
	driver  driver.Driver
	dsn     string
	counter *counter
}

// Connect opens a connection.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &counting{Conn: conn, counter: c.counter}, nil
}

// Driver returns the driver below.
func (c *connector) Driver() driver.Driver { return c.driver }

// counting is a connection that counts. What the driver below does not offer is left to database/sql,
// by driver.ErrSkip.
type counting struct {
	driver.Conn
	counter *counter
}

// ExecContext counts and passes on.
func (c *counting) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	c.counter.statements.Add(1)
	return execer.ExecContext(ctx, query, args)
}

// QueryContext counts and passes on.
func (c *counting) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	c.counter.statements.Add(1)
	return queryer.QueryContext(ctx, query, args)
}

// PrepareContext counts the one statement that will run, since GORM as set up here prepares none for
// later.
func (c *counting) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.counter.statements.Add(1)
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return preparer.PrepareContext(ctx, query)
	}
	return c.Prepare(query)
}

// BeginTx passes on; BEGIN and COMMIT are not counted.
func (c *counting) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if beginner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return beginner.BeginTx(ctx, opts)
	}
	return c.Begin()
}
