package pool

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"
)

// Pools wraps pools for one observer. It is safe for concurrent use.
type Pools struct {
	observer Observer
	replayer Replayer
	// wrapped remembers the wrapper of each pool, because dbresolver uses pools as map keys and because one
	// database must not be wrapped anew for every statement.
	wrapped sync.Map      // *sql.DB → *pool
	root    gorm.ConnPool // the pool of the handle that the plugin is registered on, if it hides its *sql.DB
	main    any           // its base then
}

// New returns pools that tell the observer.
func New(observer Observer, replayer Replayer) *Pools {
	return &Pools{observer: observer, replayer: replayer}
}

// Attach wraps the pool of a database handle, and so of all handles that are made from it later.
func (s *Pools) Attach(db *gorm.DB) {
	if s.main == nil {
		s.root = db.ConnPool
		if prepared, ok := s.root.(*gorm.PreparedStmtDB); ok {
			s.root = prepared.ConnPool
		}
		s.main = new(byte) // a name of its own
	}
	if prepared, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
		// In place, since GORM holds this very one in a cache of its own as well.
		prepared.ConnPool = s.Wrap(prepared.ConnPool)
	} else {
		db.ConnPool = s.Wrap(db.ConnPool)
	}
	if db.Statement != nil {
		db.Statement.ConnPool = s.Wrap(db.Statement.ConnPool)
	}
}

// Wrap returns the pool with its transactions followed; the same wrapper for the same *sql.DB.
// Transactions, and what is wrapped already, come back as they are. Prepared statements stay
// outside: gorm.PreparedStmtDB is copied around the wrapped pool and shares its statements.
func (s *Pools) Wrap(given gorm.ConnPool) gorm.ConnPool {
	switch p := given.(type) {
	case *pool, *conn, *custom, *Probe, *txProbe, gorm.TxCommitter:
		return given
	case *sql.DB:
		if known, ok := s.wrapped.Load(p); ok {
			return known.(*pool)
		}
		known, _ := s.wrapped.LoadOrStore(p, &pool{DB: p, pools: s})
		return known.(*pool)
	case *sql.Conn:
		return &conn{Conn: p, pools: s}
	case *gorm.PreparedStmtDB:
		inner := s.Wrap(p.ConnPool)
		if inner == p.ConnPool {
			return given
		}
		return &gorm.PreparedStmtDB{ConnPool: inner, Mux: p.Mux, Stmts: p.Stmts}
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return &custom{ConnPool: given, pools: s}
	}
	return given
}

// begin begins a transaction below and follows it.
func (s *Pools) begin(ctx context.Context, p gorm.ConnPool, opts *sql.TxOptions, db *sql.DB, begin func() (gorm.ConnPool, error)) (gorm.ConnPool, error) {
	begun := s.observer.Begin(ctx, p, opts)
	below, err := begin()
	if err != nil {
		// A typed nil: gorm.DB.Rollback after a failed Begin looks whether the committer is nil.
		return (*Tx)(nil), err
	}
	inner, ok := below.(gorm.Tx)
	if !ok {
		return below, nil // can't be followed; its writes are fenced
	}
	base := s.Base(p)
	return &Tx{Tx: inner, db: db, base: base, observer: begun(inner, base)}, nil
}

// pool is a *sql.DB whose transactions are followed. It hides BeginTx of *sql.DB behind one of
// gorm.ConnPoolBeginner's shape and passes on everything else, so that SetMaxOpenConns, Stats, Ping
// and the like still work through it.
type pool struct {
	*sql.DB
	pools *Pools
}

// BeginTx begins a transaction that the observer follows.
func (p *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return p.pools.begin(ctx, p, opts, p.DB, func() (gorm.ConnPool, error) { return p.DB.BeginTx(ctx, opts) })
}

// GetDBConn lets gorm.DB.DB() find the pool below.
func (p *pool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// conn is a single connection (gorm.DB.Connection) whose transactions are followed.
type conn struct {
	*sql.Conn
	pools *Pools
}

// BeginTx begins a transaction that the observer follows.
func (c *conn) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return c.pools.begin(ctx, c, opts, nil, func() (gorm.ConnPool, error) { return c.Conn.BeginTx(ctx, opts) })
}

// custom is a pool of the application's own making whose transactions are followed.
type custom struct {
	gorm.ConnPool
	pools *Pools
}

// BeginTx begins a transaction that the observer follows.
func (c *custom) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	db, _ := c.GetDBConn()
	return c.pools.begin(ctx, c, opts, db, func() (gorm.ConnPool, error) {
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
