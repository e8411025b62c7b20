//go:build linux

package hunt_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// dialector opens the plan's database. What goes to it passes trace, unless that is nil.
func dialector(p plan, trace *tracer) (gorm.Dialector, error) {
	pool, err := connect(p, trace)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	if p.MariaDB {
		return gormmysql.New(gormmysql.Config{Conn: pool}), nil
	}
	return postgres.New(postgres.Config{Conn: pool}), nil
}

func connect(p plan, trace *tracer) (*sql.DB, error) {
	if p.MariaDB {
		cfg, err := mysql.ParseDSN(p.DSN)
		if err != nil {
			return nil, err
		}
		cfg.InterpolateParams = true // no statement is prepared, so all are seen
		connector, err := mysql.NewConnector(cfg)
		return sql.OpenDB(tracedConnector{connector, trace}), err
	}
	cfg, err := pgx.ParseConfig(p.DSN)
	if err != nil {
		return nil, err
	}
	if trace != nil {
		cfg.Tracer = pgxTracer{*trace}
	}
	return stdlib.OpenDB(*cfg), nil
}

// deadlocked tells that the server has rolled a transaction back because it and others blocked each other.
func deadlocked(err error) bool {
	var pg *pgconn.PgError
	var maria *mysql.MySQLError
	return errors.As(err, &pg) && pg.Code == "40P01" || errors.As(err, &maria) && maria.Number == 1213
}

// pgxTracer is a tracer of PostgreSQL's driver.
type pgxTracer struct{ tracer }

type traceKey struct{}

// TraceQueryStart implements [pgx.QueryTracer].
func (t pgxTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	commit := q.SQL == "commit"
	if !t.leaves(writeOf(ctx), commit, q.SQL) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, commit)
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (t pgxTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if commit, ok := ctx.Value(traceKey{}).(bool); ok {
		t.returned(writeOf(ctx), commit)
	}
}

// tracedConnector makes connections of MariaDB's driver that pass a tracer.
type tracedConnector struct {
	driver.Connector
	trace *tracer
}

// Connect implements [driver.Connector].
func (c tracedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil || c.trace == nil {
		return conn, err
	}
	return tracedConn{conn.(mysqlConn), *c.trace}, nil
}

// mysqlConn is what the driver's connections can do.
type mysqlConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type tracedConn struct {
	mysqlConn
	trace tracer
}

// ExecContext implements [driver.ExecerContext].
func (c tracedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if w := writeOf(ctx); c.trace.leaves(w, false, query) {
		defer c.trace.returned(w, false)
	}
	return c.mysqlConn.ExecContext(ctx, query, args)
}

// QueryContext implements [driver.QueryerContext].
func (c tracedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if w := writeOf(ctx); c.trace.leaves(w, false, query) {
		defer c.trace.returned(w, false)
	}
	return c.mysqlConn.QueryContext(ctx, query, args)
}

// BeginTx implements [driver.ConnBeginTx].
func (c tracedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.mysqlConn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return tracedTx{tx, c.trace, writeOf(ctx)}, nil
}

type tracedTx struct {
	driver.Tx
	trace tracer
	write *write
}

// Commit implements [driver.Tx].
func (t tracedTx) Commit() error {
	if t.trace.leaves(t.write, true, "") {
		defer t.trace.returned(t.write, true)
	}
	return t.Tx.Commit()
}
