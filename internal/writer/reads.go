package writer

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Reads resolves what a query on that pool depends on. The pool is asked for the database's catalog if
// need be; in a transaction, which must not be disturbed, an unread catalog is an error.
func (w *Writer) Reads(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (schema.Reading, error) {
	base := w.base(p)
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
func (w *Writer) Learned(p gorm.ConnPool) bool { return w.schema.Known(w.base(p)) != nil }

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
func (w *Writer) Base(p gorm.ConnPool) any { return w.base(p) }

// base is nil for a pool that tells nothing of its database. Taking the main handle's database for it would let one
// tenant see the rows of another. Its reads are bypassed, and its writes drop everything.
func (w *Writer) base(p gorm.ConnPool) any {
	for {
		switch q := p.(type) {
		case *pool:
			return q.DB
		case *tx:
			return q.base
		case *probe:
			p = q.ConnPool
		case *txProbe:
			p = q.ConnPool
		case *gorm.PreparedStmtDB:
			p = q.ConnPool
		case *gorm.PreparedStmtTX:
			p = q.Tx
		case *conn:
			p = q.Conn
		case *sql.DB:
			return q
		case *sql.Conn, *sql.Tx:
			if db := poolOf(q); db != nil {
				return db
			}
			return nil
		case *custom:
			p = q.ConnPool
		case gorm.GetDBConnector:
			if db, err := q.GetDBConn(); err == nil && db != nil {
				return db
			}
			return w.own(p)
		default:
			return w.own(p)
		}
	}
}

// own is the base of a pool without a *sql.DB: the plugin's own database, if it is the very pool that the
// plugin was registered on.
func (w *Writer) own(p gorm.ConnPool) any {
	if p != nil && reflect.TypeOf(p).Comparable() && p == w.root {
		return w.main
	}
	return nil
}

// poolOf is the pool that a connection or transaction of database/sql belongs to, which it does not
// tell. GORM looks into transactions in the same way. Taking the main handle's instead would let one
// database answer for another, where a statement's pool has been swapped. nil: it can't be found.
func poolOf(p any) *sql.DB {
	v := reflect.ValueOf(p)
	if v.IsNil() {
		return nil
	}
	if db := v.Elem().FieldByName("db"); db.IsValid() && db.Type() == reflect.TypeFor[*sql.DB]() {
		return (*sql.DB)(db.UnsafePointer())
	}
	return nil
}

// breaksTransaction reports whether a statement may end the transaction it runs in without COMMIT or
// ROLLBACK of database/sql: MySQL commits before DDL and TRUNCATE, a procedure may commit, and so may raw SQL.
func breaksTransaction(info *sqltext.Info) bool {
	switch info.Verb {
	case sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release:
		return info.Statements > 1
	case sqltext.Other:
		return true
	}
	return info.Transaction
}

// Key returns the primary key of a table, or, where a column is named, that column as one to be tracked.
// nil: the rows can't be told apart so, or a write to the table may change more than it says.
func (w *Writer) Key(r schema.Reading, table, column string) *Key {
	return w.trackable(w.schema.Key(r, table, column))
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
	return &Narrowed{Narrowed: n, Key: w.trackable(n.Key)}
}

// Whole says why a query for which [Writer.Narrow] gives nothing depends on whole tables.
func (w *Writer) Whole(r schema.Reading, info *sqltext.Info, tracked func(table, column string) bool) string {
	_, why := w.schema.Narrow(r, info, tracked)
	return why
}

// outside asks on a pool, or on a single connection.
func (w *Writer) outside(p gorm.ConnPool) schema.Opener {
	return func(ctx context.Context) (*schema.Connection, error) {
		switch q := below(p).(type) {
		case *pool:
			return schema.Lease(ctx, q.DB)
		case *sql.DB:
			return schema.Lease(ctx, q)
		case *conn, *sql.Conn:
			// A transaction in plain SQL may see an old state, or one of its own.
			return &schema.Connection{Querier: q, Public: !w.plain.open(w.place(q))}, nil
		default:
			return &schema.Connection{Querier: q, Public: true}, nil
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

// foreign asks in a transaction that the plugin has not begun. Of what was done in it nothing is known.
func (w *Writer) foreign(p gorm.ConnPool) schema.Opener {
	i := &schema.Inside{Dialect: w.cfg.Dialect, Conn: below(p), Private: true}
	i.Pool, _ = w.base(p).(*sql.DB)
	return i.Open
}
