package writer

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Reads resolves what a query on that pool depends on. The pool is asked for the database's catalog if
// need be; in a transaction, which must not be disturbed, an unread catalog is an error.
func (w *Writer) Reads(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (schema.Reading, error) {
	base := w.pools.Base(p)
	s := w.schema.Known(base)
	if s == nil {
		if w.StateOf(p).In {
			return schema.Reading{}, errCatalog
		}
		var err error
		if s, err = w.schema.Load(ctx, base, w.outside(p)); err != nil {
			if errors.Is(err, schema.ErrSession) {
				w.warned.Do(func() { w.cfg.Logger.WarnContext(ctx, "gormcache: nothing is cached", "error", err) })
			}
			return schema.Reading{}, err
		}
	}
	return w.schema.Read(ctx, base, s, info, func() schema.Opener {
		if w.StateOf(p).In {
			return nil
		}
		return w.outside(p)
	})
}

var errCatalog = errors.New("gormcache: the database's catalog has not been read since the last DDL")

// Learned reports whether the catalog of the database behind the pool has been read, so that Reads does not
// ask the database.
func (w *Writer) Learned(p gorm.ConnPool) bool { return w.schema.Known(w.pools.Base(p)) != nil }

// Version changes whenever DDL has been seen: a [schema.Reading] of another version no longer holds.
func (w *Writer) Version() uint64 { return w.schema.Version() }

// Schema is told the token of the namespace's epoch, and returns the Version that holds now. Processes
// learn so of each other's DDL.
func (w *Writer) Schema(epoch store.Token) uint64 {
	w.schema.SawEpoch(epoch)
	return w.Version()
}

// Base is the database a pool leads to: the *sql.DB where there is one. Two pools of one base are the
// same database.
func (w *Writer) Base(p gorm.ConnPool) any { return w.pools.Base(p) }

// Key returns the primary key of a table, or, where a column is named, that column as one to be tracked.
// nil: the rows can't be told apart so, or a write to the table may change more than it says.
func (w *Writer) Key(r schema.Reading, table, column string) *Key {
	return newKey(w.publisher, w.schema.Key(r, table, column))
}

// Narrowed is a query that depends on some values of a key only. It does not change, and is safe for
// concurrent use.
type Narrowed struct {
	*schema.Narrowed

	Key *Key // which can be enrolled
}

// Narrow returns on which values of a key a query depends, if its text pins it to a primary key, or to a column for
// which tracked says so; nil: it depends on its tables.
func (w *Writer) Narrow(r schema.Reading, info *sqltext.Info, tracked func(table, column string) bool) *Narrowed {
	n, _ := w.schema.Narrow(r, info, tracked)
	if n == nil {
		return nil
	}
	return &Narrowed{Narrowed: n, Key: newKey(w.publisher, n.Key)}
}

// Whole says why a query for which [Writer.Narrow] gives nothing depends on whole tables.
func (w *Writer) Whole(r schema.Reading, info *sqltext.Info, tracked func(table, column string) bool) string {
	_, why := w.schema.Narrow(r, info, tracked)
	return why
}

// outside asks on a pool, or on a single connection.
func (w *Writer) outside(p gorm.ConnPool) schema.Opener {
	return func(ctx context.Context) (*schema.Connection, error) {
		if db := pool.Database(p); db != nil {
			return schema.Lease(ctx, db)
		}
		below := pool.Below(p)
		// On a connection a transaction in plain SQL may see an old state, or one of its own.
		private := pool.IsConnection(below) && w.plain.open(w.pools.Place(below))
		return &schema.Connection{Querier: below, Public: !private}, nil
	}
}

// inForeign asks in a transaction that gormcache has not begun. Of what was done in it nothing is known.
func (w *Writer) inForeign(p gorm.ConnPool) schema.Opener {
	i := &schema.Inside{Dialect: w.cfg.Dialect, Conn: pool.Below(p), Private: true}
	i.Pool, _ = w.pools.Base(p).(*sql.DB)
	return i.Open
}

// loadCatalog reads the catalog if need be. Where that fails it returns nil, and writes drop everything.
func (w *Writer) loadCatalog(ctx context.Context, p gorm.ConnPool) *schema.Snapshot {
	s, err := w.schema.Load(ctx, w.pools.Base(p), w.outside(p))
	if err != nil {
		w.cfg.Logger.DebugContext(ctx, "gormcache: the database's catalog can't be read; a write drops everything", "error", err)
	}
	return s
}

// State is what a reader must know of the transaction that it runs in.
type State struct {
	In            bool // in a transaction at all
	Followed      bool // one that the plugin follows
	Wrote         bool // something may have been written in it
	ReadCommitted bool // each statement sees what is committed when it starts
	Single        bool // on a connection that the caller holds
}

// StateOf returns in what transaction statements on this pool run.
func (w *Writer) StateOf(p gorm.ConnPool) State {
	if t := followed(p); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		return State{
			In: true, Followed: true, Wrote: t.wrote,
			ReadCommitted: t.isolation == sql.LevelReadCommitted && !t.session && w.cfg.Dialect != sqltext.SQLite,
		}
	}
	if _, foreign := p.(gorm.TxCommitter); foreign {
		return State{In: true}
	}
	if pool.IsConnection(p) {
		// A mark alone would not do: it runs out, and what the connection reads then may never be committed.
		return State{In: w.plain.open(w.pools.Place(p)), Single: true}
	}
	return State{Single: pool.Single(p)}
}
