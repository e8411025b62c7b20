//go:build cgo

package servers

import (
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// SQLite's own C code, as most programs use it.
const (
	sqliteDriver = gormsqlite.DriverName
	// WAL, so that readers are not kept off by a writer.
	sqliteParams = "_journal_mode=WAL&_synchronous=OFF&_busy_timeout=10000&_foreign_keys=on"
)

// SQLiteInGo reports whether SQLite's driver is the one that is translated to Go. It takes the type of a column from
// the first row, so that answers to one query may differ in their columns, and has no FTS4.
const SQLiteInGo = false

func sqliteDialector(dsn string, conn gorm.ConnPool) gorm.Dialector {
	return gormsqlite.New(gormsqlite.Config{DSN: dsn, Conn: conn})
}
