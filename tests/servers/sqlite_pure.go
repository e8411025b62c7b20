//go:build !cgo

package servers

import (
	gormsqlite "github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

// SQLite translated to Go, for those who have no C compiler: see `make quick`.
const (
	sqliteDriver = gormsqlite.DriverName
	sqliteParams = "_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
)

// SQLiteInGo reports whether SQLite's driver is the one that is translated to Go. It takes the type of a column from
// the first row, so that answers to one query may differ in their columns, and has no FTS4.
const SQLiteInGo = true

func sqliteDialector(dsn string, conn gorm.ConnPool) gorm.Dialector {
	return &gormsqlite.Dialector{DSN: dsn, Conn: conn}
}
