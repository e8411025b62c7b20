package schema

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// catalogs keeps what was read of the catalog of each database, and reads it anew once DDL has been seen. It is safe for
// concurrent use.
type catalogs struct {
	dialect   sqltext.Dialect
	declared  declared
	version   atomic.Uint64 // changes when DDL is seen
	databases sync.Map      // a database → *database
	epoch     atomic.Pointer[store.Token]
}

func (c *catalogs) database(db any) *database {
	if d, ok := c.databases.Load(db); ok {
		return d.(*database)
	}
	d, _ := c.databases.LoadOrStore(db, newDatabase(store.NewToken().String()))
	return d.(*database)
}

// Known returns what has been read of a database since the last DDL that was seen, or nil.
func (c *catalogs) Known(db any) *Snapshot {
	if db == nil {
		return nil
	}
	if known := c.database(db).snapshot.Load(); known != nil && known.version == c.Version() {
		return known
	}
	return nil
}

// Load makes sure that the catalog has been read since the last DDL that was seen. It must not be
// called inside a transaction: with a pool of one connection it would wait for itself.
func (c *catalogs) Load(ctx context.Context, db any, open Opener) (*Snapshot, error) {
	if db == nil {
		return nil, errNoDatabase
	}
	if known := c.Known(db); known != nil {
		c.declared.check(ctx, known)
		return known, nil
	}
	read, err := c.read(ctx, c.database(db), need{}, open)
	if err == nil {
		c.declared.check(ctx, read)
	}
	return read, err
}

var errNoDatabase = errors.New("gormcache: the pool does not tell its database: implement gorm.GetDBConnector")

// Within returns what a transaction goes by: what is known to all, else own, which the transaction has read before, if
// it is not old, else what is read now, if need be by the transaction itself. nil: the catalog can't be read.
// anew reports whether nothing that was read before is good enough.
func (c *catalogs) Within(ctx context.Context, db any, own *Snapshot, anew bool, open Opener) *Snapshot {
	if db == nil {
		return nil
	}
	if !anew {
		if known := c.Known(db); known != nil {
			return known
		}
		if c.Holds(own) {
			return own
		}
	}
	read, err := c.read(ctx, c.database(db), need{anew: anew, inside: true}, open)
	if err != nil {
		return nil
	}
	return read
}

// reload reads the catalog again, unless old is not the newest or was taken just now; nil: nothing new.
func (c *catalogs) reload(ctx context.Context, db any, old *Snapshot, open Opener) (*Snapshot, error) {
	switch {
	case time.Since(old.taken) < retryCatalog:
		return nil, nil
	case c.Known(db) != old:
		return c.Load(ctx, db, open)
	}
	return c.read(ctx, c.database(db), need{anew: true}, open)
}

// need is what a snapshot must be good for.
type need struct {
	anew   bool // it must have been read from now on
	inside bool // it is needed in a transaction, which is not told of errors of others
}

// read returns what all may go by, if that will do. Otherwise it waits for whoever reads the catalog, or reads it.
func (c *catalogs) read(ctx context.Context, d *database, n need, open Opener) (read *Snapshot, err error) {
	arrived := d.arrive()
	good := func() *Snapshot { return c.good(d, n, arrived) }
	var conn *Connection
	defer func() { conn.done(err) }()
	for {
		if err := d.failure(); err != nil && !n.inside {
			return nil, err
		}
		next := d.join(conn != nil && conn.Public, good)
		switch {
		case next.found != nil:
			return next.found, nil
		case next.mine != nil:
			return c.share(ctx, d, next.mine, conn, n)
		case next.ended != nil:
			if err := wait(ctx, next.ended, next.deadline); err != nil {
				return nil, err
			}
		case conn != nil:
			return c.query(ctx, d, conn)
		default:
			if conn, err = open(ctx); err != nil {
				return nil, d.fail(ctx, n, err)
			}
		}
	}
}

// share reads for all. Those who wait go on, whatever becomes of it.
func (c *catalogs) share(ctx context.Context, d *database, l *loading, conn *Connection, n need) (read *Snapshot, err error) {
	err = errNoReturn
	defer func() { d.leave(l, read, err, n.inside || ctx.Err() != nil) }()
	read, err = c.query(ctx, d, conn)
	return read, err
}

// errNoReturn stands for the outcome of what panicked.
var errNoReturn = errors.New("gormcache: the driver did not return")

// query asks the database.
func (c *catalogs) query(ctx context.Context, d *database, q catalog.Querier) (*Snapshot, error) {
	// The version is taken first: DDL that is seen while the catalog is read makes the snapshot old.
	read := &Snapshot{version: c.Version(), taken: time.Now()}
	if err := trustworthy(ctx, q, c.dialect); err != nil {
		return nil, err
	}
	var err error
	if read.Catalog, err = catalog.Load(ctx, q, c.dialect); err != nil {
		return nil, err
	}
	if read.identity, read.times, err = identity(ctx, q, c.dialect, d.random); err != nil {
		return nil, err
	}
	return read, nil
}

// good returns what all may go by, if it is not older than need be.
func (c *catalogs) good(d *database, n need, arrived uint64) *Snapshot {
	newest := d.snapshot.Load()
	switch {
	case newest == nil:
	case n.anew && newest.number > arrived:
		return newest
	case !n.anew && c.Holds(newest):
		return newest
	}
	return nil
}

// Version changes whenever DDL has been seen: a [Reading] of another version no longer holds.
func (c *catalogs) Version() uint64 { return c.version.Load() }

// Holds reports whether no DDL has been seen since the snapshot was read. A nil snapshot does not hold.
func (c *catalogs) Holds(read *Snapshot) bool { return read != nil && read.version == c.Version() }

// Forget makes every snapshot old, because DDL was seen.
func (c *catalogs) Forget() { c.version.Add(1) }

// SawEpoch is told the token of the namespace's epoch. A new one means that some process ran DDL, or
// dropped everything by hand. So may the first one: what was read of the catalog before, for a write,
// say, may be older than DDL that this very token tells of.
func (c *catalogs) SawEpoch(token store.Token) {
	old := c.epoch.Load()
	if old != nil && *old == token {
		return
	}
	c.Forget()    // before it counts as seen: who finds that it does goes by what is known then
	seen := token // only here may it be moved to the heap: every hit tells of an epoch
	c.epoch.CompareAndSwap(old, &seen)
}

// LastEpoch returns the last token that SawEpoch was told; zero: none.
func (c *catalogs) LastEpoch() store.Token {
	if seen := c.epoch.Load(); seen != nil {
		return *seen
	}
	return store.Token{}
}
