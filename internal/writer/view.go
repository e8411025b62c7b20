package writer

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// view is a connection that can be asked for the catalog now. Questions go past prepared statements: gorm.PreparedStmtDB
// would keep them open for ever, and close the application's own for them.
type view struct {
	catalog.Querier
	public bool        // any other connection would be told the same
	close  func(error) // if not nil, to be called when all has been asked, with the error of that
}

// opener gets hold of a connection to ask.
type opener func(ctx context.Context) (*view, error)

// done gives the connection back. A nil view has none.
func (v *view) done(err error) {
	if v != nil && v.close != nil {
		v.close(err)
	}
}

// outside asks on a pool, or on a single connection.
func (inv *Invalidator) outside(p gorm.ConnPool) opener {
	return func(ctx context.Context) (*view, error) {
		switch q := below(p).(type) {
		case *pool:
			return lease(ctx, q.DB)
		case *sql.DB:
			return lease(ctx, q)
		case *conn, *sql.Conn:
			// A transaction in plain SQL may see an old state, or one of its own.
			return &view{Querier: q, public: !inv.plain.open(inv.place(q))}, nil
		default:
			return &view{Querier: q, public: true}, nil
		}
	}
}

// below is the pool below probes and prepared statements.
func below(p gorm.ConnPool) gorm.ConnPool {
	for {
		switch q := p.(type) {
		case *probe:
			p = q.ConnPool
		case *txProbe:
			p = q.ConnPool
		case *gorm.PreparedStmtDB:
			p = q.ConnPool
		case *gorm.PreparedStmtTX:
			p = q.Tx
		default:
			return p
		}
	}
}

// leased is a connection of a pool. One that turns out to be closed is given back, and the pool itself is asked: it
// tries others, and opens a new one.
type leased struct {
	db   *sql.DB
	conn *sql.Conn // nil: it was closed
}

func lease(ctx context.Context, db *sql.DB) (*view, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := &leased{db: db, conn: conn}
	return &view{Querier: l, public: true, close: func(error) { l.release() }}, nil
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

// inside is a transaction that can be asked for the catalog on its own connection, which nobody else holds. What
// it is told may be old, or its own, and so good for nobody else, or not even for itself:
//
//   - PostgreSQL shows the catalog as of the transaction's snapshot, while its statements go by the present one:
//     under REPEATABLE READ a trigger made since then fires, and can't be seen.
//   - MySQL from 8.0 on keeps the catalog in tables, too. MariaDB, and MySQL before, read files, always as they are.
//   - In SQLite statements see the same schema as queries. It is the present one for all if the transaction has
//     written: from then on nobody else can commit, and it could not have begun to on an old state.
type inside struct {
	dialect   sqltext.Dialect
	conn      gorm.ConnPool // below prepared statements
	pool      *sql.DB       // what it belongs to; nil: not known
	committed bool          // it is known to be READ COMMITTED
	apart     bool          // it may have changed the catalog, or its session, as nobody else can see
	writes    bool          // it has surely written to a table of SQLite's main file
}

// view implements opener.
func (i *inside) view(ctx context.Context) (*view, error) {
	switch i.dialect {
	case sqltext.Postgres:
		return i.postgres(ctx)
	case sqltext.MySQL:
		return i.mysql(ctx)
	}
	v := &view{Querier: i.conn}
	if i.writes && !i.apart {
		attached, err := i.text(ctx, "SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')")
		v.public = err == nil && attached == "0" // each file has locks of its own
	}
	return v, nil
}

// postgres asks within a savepoint: after an error PostgreSQL would refuse all that follows, up to the COMMIT.
func (i *inside) postgres(ctx context.Context) (*view, error) {
	ctx = context.WithoutCancel(ctx)
	if _, err := i.conn.ExecContext(ctx, "SAVEPOINT gormcache_catalog"); err != nil { // it has failed before, or is busy
		return i.borrow(ctx)
	}
	v := &view{Querier: i.conn, public: !i.apart, close: func(err error) {
		if err != nil {
			_, _ = i.conn.ExecContext(ctx, "ROLLBACK TO SAVEPOINT gormcache_catalog")
		}
		_, _ = i.conn.ExecContext(ctx, "RELEASE SAVEPOINT gormcache_catalog") // should it fail, so does the COMMIT
	}}
	isolation, err := i.text(ctx, "SELECT current_setting('transaction_isolation')")
	switch {
	case err != nil:
	case strings.HasPrefix(isolation, "read "):
		return v, nil
	default:
		err = errOldSnapshot
	}
	v.done(err)
	if errors.Is(err, errOldSnapshot) {
		return i.borrow(ctx)
	}
	return nil, err
}

var errOldSnapshot = errors.New("gormcache: the transaction sees the catalog as it was")

// mysql asks on the transaction's connection, at worst where that may be old: were all writes to drop everything
// instead, the other processes would forget the catalog, and transactions of two could keep each other at it for ever.
func (i *inside) mysql(ctx context.Context) (*view, error) {
	version, err := i.text(ctx, "SELECT VERSION()")
	if err != nil {
		return nil, err
	}
	major, _ := strconv.Atoi(version[:strings.IndexAny(version+".", ".")])
	if strings.Contains(version, "MariaDB") || major < 8 || i.committed {
		return &view{Querier: i.conn, public: !i.apart}, nil
	}
	if v, err := i.borrow(ctx); err == nil {
		return v, nil
	}
	return &view{Querier: i.conn}, nil
}

// borrow asks on another connection of the pool, if there is one before long: all may be held by transactions that
// wait for the same.
func (i *inside) borrow(ctx context.Context) (*view, error) {
	if i.pool == nil {
		return nil, errOldSnapshot
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return lease(ctx, i.pool)
}

// text is what a query of one value gives.
func (i *inside) text(ctx context.Context, query string) (s string, err error) {
	err = catalog.Each(ctx, i.conn, query, func(rows *sql.Rows) error { return rows.Scan(&s) })
	return s, err
}

// foreign asks in a transaction that the plugin has not begun. Of what was done in it nothing is known.
func (inv *Invalidator) foreign(p gorm.ConnPool) opener {
	i := &inside{dialect: inv.cfg.Dialect, conn: below(p), apart: true}
	i.pool, _ = inv.base(p).(*sql.DB)
	return i.view
}
