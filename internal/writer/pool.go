package writer

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
)

// pools remembers the wrapper of each pool, because dbresolver uses pools as map keys and because one
// database must not be wrapped anew for every statement.
type pools struct {
	m sync.Map // *sql.DB → *pool
}

// pool is a *sql.DB whose transactions are followed. It hides BeginTx of *sql.DB behind one of
// gorm.ConnPoolBeginner's shape and passes on everything else, so that SetMaxOpenConns, Stats, Ping
// and the like still work through it.
type pool struct {
	*sql.DB
	w *Writer
}

// BeginTx begins a transaction that the plugin follows.
func (p *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return p.w.beginTx(ctx, p, opts, p.DB, func() (gorm.ConnPool, error) { return p.DB.BeginTx(ctx, opts) })
}

// GetDBConn lets gorm.DB.DB() find the pool below.
func (p *pool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// conn is a single connection (gorm.DB.Connection) whose transactions are followed.
type conn struct {
	*sql.Conn
	w *Writer
}

// BeginTx begins a transaction that the plugin follows.
func (c *conn) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return c.w.beginTx(ctx, c, opts, nil, func() (gorm.ConnPool, error) { return c.Conn.BeginTx(ctx, opts) })
}

// single tells that statements on this pool run on one connection, which the caller holds.
func single(p any) bool {
	for {
		switch q := p.(type) {
		case *conn, *sql.Conn:
			return true
		case *probe:
			p = q.ConnPool
		case *gorm.PreparedStmtDB:
			p = q.ConnPool
		default:
			return false
		}
	}
}

// custom is a pool of the application's own making whose transactions are followed.
type custom struct {
	gorm.ConnPool
	w *Writer
}

// BeginTx begins a transaction that the plugin follows.
func (c *custom) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	db, _ := c.GetDBConn()
	return c.w.beginTx(ctx, c, opts, db, func() (gorm.ConnPool, error) {
		switch b := c.ConnPool.(type) {
		case gorm.TxBeginner:
			return b.BeginTx(ctx, opts)
		case gorm.ConnPoolBeginner:
			return b.BeginTx(ctx, opts)
		}
		return nil, gorm.ErrInvalidTransaction
	})
}

// GetDBConn lets gorm.DB.DB() find the pool below.
func (c *custom) GetDBConn() (*sql.DB, error) {
	if g, ok := c.ConnPool.(gorm.GetDBConnector); ok {
		return g.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Ping is what gorm.Open calls.
func (c *custom) Ping() error {
	if p, ok := c.ConnPool.(interface{ Ping() error }); ok {
		return p.Ping()
	}
	return nil
}

// Wrap returns the pool with its transactions followed; the same wrapper for the same *sql.DB.
// Transactions, and what is wrapped already, come back as they are. Prepared statements stay
// outside: gorm.PreparedStmtDB is copied around the wrapped pool and shares its statements.
func (w *Writer) Wrap(given gorm.ConnPool) gorm.ConnPool {
	switch p := given.(type) {
	case *pool, *conn, *custom, *probe, *txProbe, gorm.TxCommitter:
		return given
	case *sql.DB:
		if w, ok := w.pools.m.Load(p); ok {
			return w.(*pool)
		}
		w, _ := w.pools.m.LoadOrStore(p, &pool{DB: p, w: w})
		return w.(*pool)
	case *sql.Conn:
		return &conn{Conn: p, w: w}
	case *gorm.PreparedStmtDB:
		inner := w.Wrap(p.ConnPool)
		if inner == p.ConnPool {
			return given
		}
		return &gorm.PreparedStmtDB{ConnPool: inner, Mux: p.Mux, Stmts: p.Stmts}
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return &custom{ConnPool: given, w: w}
	}
	return given
}

// Attach wraps the pool of a database handle, and so of all handles that are made from it later.
func (w *Writer) Attach(db *gorm.DB) {
	if w.main == nil {
		w.root = db.ConnPool
		if prepared, ok := w.root.(*gorm.PreparedStmtDB); ok {
			w.root = prepared.ConnPool
		}
		w.main = new(byte) // a name of its own
	}
	if prepared, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
		// In place, since GORM holds this very one in a cache of its own as well.
		prepared.ConnPool = w.Wrap(prepared.ConnPool)
	} else {
		db.ConnPool = w.Wrap(db.ConnPool)
	}
	if db.Statement != nil {
		db.Statement.ConnPool = w.Wrap(db.Statement.ConnPool)
	}
}

// beginTx begins a transaction below and follows it. Before that the catalog is read, if it is not
// yet known: at COMMIT it would be too late, as the transaction may hold the only connection.
func (w *Writer) beginTx(ctx context.Context, p gorm.ConnPool, opts *sql.TxOptions, db *sql.DB, begin func() (gorm.ConnPool, error)) (gorm.ConnPool, error) {
	known := w.learn(ctx, p)
	below, err := begin()
	if err != nil {
		// A typed nil: gorm.DB.Rollback after a failed Begin looks whether the committer is nil.
		return (*tx)(nil), err
	}
	inner, ok := below.(gorm.Tx)
	if !ok {
		return below, nil // can't be followed; its writes are fenced
	}
	t := &tx{Tx: inner, w: w, db: db, base: w.base(p), caller: ctx, ctx: context.WithoutCancel(ctx), catalog: known}
	if opts != nil {
		t.isolation = opts.Isolation
	}
	return t, nil
}

// learn reads the catalog if need be. Where that fails it returns nil, and writes drop everything.
func (w *Writer) learn(ctx context.Context, p gorm.ConnPool) *schema.Snapshot {
	s, err := w.schema.Load(ctx, w.base(p), w.outside(p))
	if err != nil {
		w.cfg.Logger.DebugContext(ctx, "gormcache: the database's catalog can't be read; a write drops everything", "error", err)
	}
	return s
}
