package pool

import (
	"database/sql"
	"reflect"

	"gorm.io/gorm"
)

// Base is the database a pool leads to: the *sql.DB where there is one. Two pools of one base are the same database.
//
// Base is nil for a pool that tells nothing of its database. Taking the main handle's database for it would let one
// tenant see the rows of another. Its reads are bypassed, and its writes drop everything.
func (s *Pools) Base(p gorm.ConnPool) any {
	for {
		switch q := p.(type) {
		case *pool:
			return q.DB
		case *Tx:
			return q.base
		case *Probe:
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
			return s.own(p)
		default:
			return s.own(p)
		}
	}
}

// own is the base of a pool without a *sql.DB: the plugin's own database, if it is the very pool that the
// plugin was registered on.
func (s *Pools) own(p gorm.ConnPool) any {
	if p != nil && reflect.TypeOf(p).Comparable() && p == s.root {
		return s.main
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

// Place is what a transaction in plain SQL runs on: the connection, where there is but one, else the base.
func (s *Pools) Place(p gorm.ConnPool) any {
	if c := connection(p); c != nil {
		return c
	}
	return s.Base(p)
}

// connection returns the single connection that a pool is; nil: it is none.
func connection(p gorm.ConnPool) *sql.Conn {
	switch q := p.(type) {
	case *conn:
		return q.Conn
	case *sql.Conn:
		return q
	}
	return nil
}

// IsConnection reports whether the pool is a single connection.
func IsConnection(p gorm.ConnPool) bool { return connection(p) != nil }

// Single reports whether statements on this pool run on one connection, which the caller holds.
func Single(p gorm.ConnPool) bool {
	for {
		switch q := p.(type) {
		case *conn, *sql.Conn:
			return true
		case *Probe:
			p = q.ConnPool
		case *gorm.PreparedStmtDB:
			p = q.ConnPool
		default:
			return false
		}
	}
}

// Database returns the *sql.DB that the pool is, below probes and prepared statements; nil: it is none.
func Database(p gorm.ConnPool) *sql.DB {
	switch q := Below(p).(type) {
	case *pool:
		return q.DB
	case *sql.DB:
		return q
	}
	return nil
}

// Below is the pool below probes and prepared statements.
func Below(p gorm.ConnPool) gorm.ConnPool {
	for {
		switch q := p.(type) {
		case *Probe:
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

// Standard reports whether statements on this pool are database/sql's to run.
func Standard(p gorm.ConnPool) bool {
	switch q := p.(type) {
	case *pool, *conn, *sql.DB, *sql.Conn, *sql.Tx:
		return true
	case *Tx:
		return Standard(q.Tx)
	case *Probe:
		return Standard(q.ConnPool)
	case *txProbe:
		return Standard(q.ConnPool)
	case *gorm.PreparedStmtDB:
		return Standard(q.ConnPool)
	case *gorm.PreparedStmtTX:
		return Standard(q.Tx)
	}
	return false
}
