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

func sqliteDialector(dsn string, conn gorm.ConnPool) gorm.Dialector {
	return &gormsqlite.Dialector{DSN: dsn, Conn: conn}
}
