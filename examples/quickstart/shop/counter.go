package shop

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
)

// counter counts the SQL statements that reach the database. It sits below database/sql, so that
// nothing can be counted that did not go there, and nothing can go there uncounted.
type counter struct {
	statements atomic.Int64
	// answered, if not nil, is called once, when the database has answered the next query and whoever asked has not
	// yet gone on: there the schedules of races.go let others write.
	answered func()
}

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
	rows, err := queryer.QueryContext(ctx, query, args)
	if fn := c.counter.answered; fn != nil && err == nil {
		c.counter.answered = nil
		return &held{Rows: rows, answered: fn}, nil
	}
	return rows, err
}

// held are rows whose reader is held up when it has read them.
type held struct {
	driver.Rows
	answered func()
}

// Close closes the rows, and returns when the others are done.
func (h *held) Close() error {
	err := h.Rows.Close()
	h.answered()
	return err
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
