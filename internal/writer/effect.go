package writer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Reading is what a query depends on.
type Reading struct {
	// Tables are the tables it reads, views resolved; canonical, sorted.
	Tables []string
	// Database names the database it reads from.
	Database string
	// Times tells how the connection reads times.
	Times string
	// Detail, if not empty, says why the tables can't be told, and Volatile what makes two answers differ
	// though no table has changed.
	Detail, Volatile string
	// Version is that of the catalog the answer rests on.
	Version uint64

	snapshot *snapshot
}

// Reads resolves what a query on that pool depends on. The pool is asked for the database's catalog if
// need be; in a transaction, which must not be disturbed, an unread catalog is an error.
func (inv *Invalidator) Reads(ctx context.Context, p gorm.ConnPool, info *sqltext.Info) (Reading, error) {
	base := inv.base(p)
	s := inv.topology.known(base)
	if s == nil {
		if inv.StateOf(p).In {
			return Reading{}, errCatalog
		}
		var err error
		if s, err = inv.topology.load(ctx, base, inv.outside(p)); err != nil {
			if errors.Is(err, ErrSession) {
				inv.warned.Do(func() { inv.cfg.Logger.WarnContext(ctx, "gormcache: nothing is cached", "error", err) })
			}
			return Reading{}, err
		}
		inv.foundOut(ctx, s)
	}
	tables, doubt := inv.topology.reads(s, info.Reads)
	if doubt.Name != "" && !inv.StateOf(p).In {
		// Another program may have created the table since.
		if s, err := inv.topology.reload(ctx, base, s, inv.outside(p)); err != nil {
			return Reading{}, err
		} else if s != nil {
			tables, doubt = inv.topology.reads(s, info.Reads)
		}
	}
	r := Reading{Tables: tables, Database: s.identity, Times: s.reading, Version: s.version, snapshot: s}
	switch {
	case doubt.Volatile != "":
		r.Volatile = fmt.Sprintf("%s in the definition of %q", doubt.Volatile, doubt.Name)
	case doubt.Remedy != "":
		r.Detail = fmt.Sprintf("%q is %s: %s", doubt.Name, doubt.What, doubt.Remedy)
	case doubt.Name != "":
		r.Detail = fmt.Sprintf("%q is %s", doubt.Name, doubt.What)
	}
	return r, nil
}

var errCatalog = errors.New("gormcache: the database's catalog has not been read since the last DDL")

// Learned tells that the catalog of the database behind the pool has been read, so that Reads does not
// ask the database.
func (inv *Invalidator) Learned(p gorm.ConnPool) bool { return inv.topology.known(inv.base(p)) != nil }

// Version changes whenever DDL has been seen: a [Reading] of another version no longer holds.
func (inv *Invalidator) Version() uint64 { return inv.topology.version.Load() }

// Schema is told the token of the namespace's epoch, and returns the Version that holds now. Processes
// learn so of each other's DDL.
func (inv *Invalidator) Schema(epoch store.Token) uint64 {
	inv.topology.sawEpoch(epoch)
	return inv.Version()
}

// Base is the database a pool leads to: the *sql.DB where there is one. Two pools of one base are the
// same database.
func (inv *Invalidator) Base(p gorm.ConnPool) any { return inv.base(p) }

func (inv *Invalidator) base(p gorm.ConnPool) any {
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
			return nowhere
		case *custom:
			p = q.ConnPool
		case gorm.GetDBConnector:
			if db, err := q.GetDBConn(); err == nil && db != nil {
				return db
			}
			return inv.own(p)
		default:
			return inv.own(p)
		}
	}
}

// nowhere is the base of a pool that tells nothing of its database. Taking the main handle's database for
// it would let one tenant see the rows of another. Its reads are bypassed, and its writes drop everything.
var nowhere any = new(byte)

// own is the base of a pool without a *sql.DB: the plugin's own database, if it is the very pool that the
// plugin was registered on.
func (inv *Invalidator) own(p gorm.ConnPool) any {
	if p != nil && reflect.TypeOf(p).Comparable() && p == inv.root {
		return inv.main
	}
	return nowhere
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

// breaksTransaction tells that a statement may end the transaction it runs in without COMMIT or
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
