package servers

import (
	"fmt"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", which gorm.io/driver/postgres uses too
)

const postgresUser = "gormcache"

// debianPostgres is where Debian keeps the programs that must fit the version of the data.
var debianPostgres = []string{"/usr/lib/postgresql/*/bin"}

var postgres = databaseServer{engine: engine{
	kind:    "postgres",
	server:  program{name: "postgres", debian: "postgresql", places: debianPostgres},
	install: program{name: "initdb", debian: "postgresql", places: debianPostgres},
	users:   []string{"postgres"},
	driver:  "pgx",
	initArgs: func(data string) []string {
		return []string{"-D", data, "-U", postgresUser, "--auth=trust", "--no-sync", "--no-instructions",
			"-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1"}
	},
	serverArgs: postgresArgs,
	dsn: func(port int, database string) string {
		return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable TimeZone=UTC", port, postgresUser, database)
	},
	admin:   "postgres",
	dataDir: "SHOW data_directory",
	drop:    "DROP DATABASE %s WITH (FORCE)",
	// "Immediate shutdown": the postmaster takes its children with it.
	quit: syscall.SIGQUIT,
}}

// postgresArgs are settings for data that nobody will miss: nothing is forced to disk.
func postgresArgs(f *folder, port int) []string {
	args := []string{"-D", f.join("data"), "-p", fmt.Sprint(port), "-h", "127.0.0.1", "-k", f.path}
	for _, setting := range []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"shared_buffers=16MB", "max_connections=200", "autovacuum=off", "jit=off",
	} {
		args = append(args, "-c", setting)
	}
	return args
}

// Postgres returns an empty database on a PostgreSQL server that all tests of the test binary share.
// The database is dropped when tb ends, even if connections to it are open.
func Postgres(tb testing.TB) *Database {
	tb.Helper()
	return postgres.create(tb)
}
