package servers

import (
	"fmt"
	"syscall"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql", which gorm.io/driver/mysql uses too
)

// debianSbin is not in every user's PATH.
var debianSbin = []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin"}

var mariadb = databaseServer{engine: engine{
	kind:    "mariadb",
	server:  program{name: "mariadbd", debian: "mariadb-server", places: debianSbin},
	install: program{name: "mariadb-install-db", debian: "mariadb-server", places: debianSbin},
	users:   []string{"mysql"},
	driver:  "mysql",
	initArgs: func(data string) []string {
		return []string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db",
			"--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0"}
	},
	serverArgs: mariadbArgs,
	dsn: func(port int, database string) string {
		return fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s?charset=utf8mb4&parseTime=true&loc=UTC", port, database)
	},
	admin:   "mysql",
	dataDir: "SELECT @@datadir",
	drop:    "DROP DATABASE %s",
	quit:    syscall.SIGKILL,
}}

// mariadbArgs are settings for data that nobody will miss: nothing is forced to disk.
func mariadbArgs(f *folder, port int) []string {
	return []string{
		"--no-defaults", "--datadir=" + f.join("data"), "--tmpdir=" + f.path, "--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", port), "--socket=" + f.join("sock"), "--pid-file=" + f.join("pid"),
		"--skip-log-bin", "--skip-name-resolve", "--performance-schema=off",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=8M", "--innodb-flush-method=nosync", "--max-connections=200",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
	}
}

// MariaDB returns an empty database on a MariaDB server that all tests of the test binary share. The
// database is dropped when tb ends: close transactions first, or the drop waits for their locks.
func MariaDB(tb testing.TB) *Database {
	tb.Helper()
	return mariadb.create(tb)
}
