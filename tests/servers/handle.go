package servers

import (
	"testing"
	"time"

	gormmysql "gorm.io/driver/mysql"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// noEviction keeps GORM's store of prepared statements from starting a goroutine that nothing ends.
const noEviction = 10 * 365 * 24 * time.Hour

// Quiet is what all handles have in common: no log, and no goroutine that outlives them.
var Quiet gorm.Option = quiet{}

type quiet struct{}

// Apply implements [gorm.Option].
func (quiet) Apply(c *gorm.Config) error {
	c.Logger, c.PrepareStmtTTL = logger.Discard, noEviction
	return nil
}

// AfterInitialize implements [gorm.Option].
func (quiet) AfterInitialize(*gorm.DB) error { return nil }

// Open opens a handle, and closes its pool when tb ends.
func Open(tb testing.TB, d gorm.Dialector, opts ...gorm.Option) *gorm.DB {
	tb.Helper()
	db, err := gorm.Open(d, append(opts, Quiet)...)
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = pool.Close() })
	return db
}

// Open opens a handle on the database, with a pool of its own that is closed when tb ends.
func (d *Database) Open(tb testing.TB, opts ...gorm.Option) *gorm.DB {
	tb.Helper()
	return Open(tb, d.Dialector(), opts...)
}

// OpenTapped is Open with a tap on all statements.
func (d *Database) OpenTapped(tb testing.TB, t *tap.Tap, opts ...gorm.Option) *gorm.DB {
	tb.Helper()
	pool, err := tap.Open(d.Driver(), d.DSN, t)
	if err != nil {
		tb.Fatal(err)
	}
	return Open(tb, d.On(pool), opts...)
}

// Driver is the name of the database's driver in database/sql.
func (d *Database) Driver() string {
	switch d.Kind {
	case postgres.kind:
		return postgres.driver
	case mariadb.kind:
		return mariadb.driver
	}
	return sqliteDriver
}

// Dialector is for handles that open connections of their own.
func (d *Database) Dialector() gorm.Dialector { return d.On(nil) }

// On is the dialector for handles on connections that are open already.
func (d *Database) On(conn gorm.ConnPool) gorm.Dialector {
	switch d.Kind {
	case postgres.kind:
		return gormpostgres.New(gormpostgres.Config{DSN: d.DSN, Conn: conn})
	case mariadb.kind:
		return gormmysql.New(gormmysql.Config{DSN: d.DSN, Conn: conn})
	}
	return sqliteDialector(d.DSN, conn)
}
