package schema

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Connection is one that can be asked for the catalog now. Questions go past prepared statements: gorm.PreparedStmtDB
// would keep them open for ever, and close the application's own for them.
type Connection struct {
	catalog.Querier
	// Public reports whether any other connection would be told the same.
	Public bool
	close  func(error) // if not nil, to be called when all has been asked, with the error of that
}

// Opener gets hold of a connection to ask.
type Opener func(ctx context.Context) (*Connection, error)

// done gives the connection back. A nil Connection has none.
func (c *Connection) done(err error) {
	if c != nil && c.close != nil {
		c.close(err)
	}
}

// leased is a connection of a pool. One that turns out to be closed is given back, and the pool itself is asked: it
// tries others, and opens a new one.
type leased struct {
	db   *sql.DB
	conn *sql.Conn // nil: it was closed
}

// Lease takes a connection of the pool.
func Lease(ctx context.Context, db *sql.DB) (*Connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := &leased{db: db, conn: conn}
	return &Connection{Querier: l, Public: true, close: func(error) { l.release() }}, nil
}

func (l *leased) release() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// QueryContext implements catalog.Querier.
func (l *leased) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if l.conn != nil {
		rows, err := l.conn.QueryContext(ctx, query, args...)
		if !errors.Is(err, driver.ErrBadConn) {
			return rows, err
		}
		l.release()
	}
	return l.db.QueryContext(ctx, query, args...)
}

// Inside is a transaction that can be asked for the catalog on its own connection, which nobody else holds. What
// it is told may be old, or its own, and so good for nobody else, or not even for itself:
//
//   - PostgreSQL shows the catalog as of the transaction's snapshot, while its statements go by the present one:
//     under REPEATABLE READ a trigger made since then fires, and can't be seen.
//   - MySQL from 8.0 on keeps the catalog in tables, too. MariaDB, and MySQL before, read files, always as they are.
//   - In SQLite statements see the same schema as queries. It is the present one for all if the transaction has
//     written: from then on nobody else can commit, and it could not have begun to on an old state.
type Inside struct {
	Dialect       sqltext.Dialect
	Conn          executor // below prepared statements
	Pool          *sql.DB  // what it belongs to; nil: not known
	ReadCommitted bool     // it is known to be READ COMMITTED
	Private       bool     // it may have changed the catalog, or its session, as nobody else can see
	Writes        bool     // it has surely written to a table of SQLite's main file
}

// executor runs statements.
type executor interface {
	catalog.Querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Open implements [Opener].
func (i *Inside) Open(ctx context.Context) (*Connection, error) {
	switch i.Dialect {
	case sqltext.Postgres:
		return i.postgres(ctx)
	case sqltext.MySQL:
		return i.mysql(ctx)
	}
	c := &Connection{Querier: i.Conn}
	if i.Writes && !i.Private {
		attached, err := i.text(ctx, "SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')")
		c.Public = err == nil && attached == "0" // each file has locks of its own
	}
	return c, nil
}

// postgres asks within a savepoint: after an error PostgreSQL would refuse all that follows, up to the COMMIT.
func (i *Inside) postgres(ctx context.Context) (*Connection, error) {
	ctx = context.WithoutCancel(ctx)
	if _, err := i.Conn.ExecContext(ctx, "SAVEPOINT gormcache_catalog"); err != nil { // it has failed before, or is busy
		return i.borrow(ctx)
	}
	c := &Connection{Querier: i.Conn, Public: !i.Private, close: func(err error) {
		if err != nil {
			_, _ = i.Conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT gormcache_catalog")
		}
		_, _ = i.Conn.ExecContext(ctx, "RELEASE SAVEPOINT gormcache_catalog") // should it fail, so does the COMMIT
	}}
	isolation, err := i.text(ctx, "SELECT current_setting('transaction_isolation')")
	switch {
	case err != nil:
	case strings.HasPrefix(isolation, "read "):
		return c, nil
	default:
		err = errOldSnapshot
	}
	c.done(err)
	if errors.Is(err, errOldSnapshot) {
		return i.borrow(ctx)
	}
	return nil, err
}

var errOldSnapshot = errors.New("gormcache: the transaction sees the catalog as it was")

// mysql asks on the transaction's connection, at worst where that may be old: were all writes to drop everything
// instead, the other processes would forget the catalog, and transactions of two could keep each other at it for ever.
func (i *Inside) mysql(ctx context.Context) (*Connection, error) {
	version, err := i.text(ctx, "SELECT VERSION()")
	if err != nil {
		return nil, err
	}
	major, _ := strconv.Atoi(version[:strings.IndexAny(version+".", ".")])
	if strings.Contains(version, "MariaDB") || major < 8 || i.ReadCommitted {
		return &Connection{Querier: i.Conn, Public: !i.Private}, nil
	}
	if c, err := i.borrow(ctx); err == nil {
		return c, nil
	}
	return &Connection{Querier: i.Conn}, nil
}

// borrow asks on another connection of the pool, if there is one before long: all may be held by transactions that
// wait for the same.
func (i *Inside) borrow(ctx context.Context) (*Connection, error) {
	if i.Pool == nil {
		return nil, errOldSnapshot
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return Lease(ctx, i.Pool)
}

// text is what a query of one value gives.
func (i *Inside) text(ctx context.Context, query string) (s string, err error) {
	err = catalog.Each(ctx, i.Conn, query, func(rows *sql.Rows) error { return rows.Scan(&s) })
	return s, err
}
