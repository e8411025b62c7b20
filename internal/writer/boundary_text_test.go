package writer

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Statements that may end the transaction they run in behind database/sql's back, by dialect.
func TestMayEndTransaction(t *testing.T) {
	const lite, pg, my = 1, 2, 4
	for text, breaks := range map[string]int{
		"UPDATE t SET a = 1":                0,
		"SELECT 1":                          0,
		"SAVEPOINT a":                       0,
		"ROLLBACK TO SAVEPOINT a":           0,
		"RELEASE SAVEPOINT a":               0,
		"SAVEPOINT a; UPDATE t SET a = 1":   lite | pg | my,
		"COMMIT":                            lite | pg | my,
		"ROLLBACK":                          lite | pg | my,
		"BEGIN":                             lite | pg | my,
		"END":                               lite | pg | my,
		"UPDATE t SET a = 1; COMMIT":        lite | pg | my,
		"CREATE TABLE t (a int)":            my, // commits; the others roll it back
		"DROP INDEX i":                      my,
		"ATTACH 'x' AS y":                   lite, // stays
		"REINDEX":                           lite | pg | my,
		"ANALYZE t":                         my,
		"COMMENT ON TABLE t IS 'x'":         0,
		"LOCK TABLES t WRITE":               my, // commits
		"SET autocommit = 1":                my, // commits
		"TRUNCATE TABLE t":                  my, // commits
		"CALL p()":                          lite | pg | my,
		"DO $$ BEGIN COMMIT; END $$":        lite | pg | my,
		"/* COMMIT */ UPDATE t SET a = 'b'": 0,
		"UPDATE t SET a = 'COMMIT'":         0,
	} {
		for d, bit := range map[sqltext.Dialect]int{sqltext.SQLite: lite, sqltext.Postgres: pg, sqltext.MySQL: my} {
			info := sqltext.NewCache(d, 1).Info(text)
			if bit == lite && text == "TRUNCATE TABLE t" || bit != my && text == "LOCK TABLES t WRITE" {
				continue // there is no such statement
			}
			if got := mayEndTransaction(info); got != (breaks&bit != 0) {
				t.Errorf("%v, %q: %v", d, text, got)
			}
		}
	}
}

// Statements that begin or end a transaction where database/sql knows of none.
func TestBoundary(t *testing.T) {
	for text, want := range map[string]bool{
		"BEGIN": true, "begin immediate": true, "START TRANSACTION": true, "COMMIT": true, "ROLLBACK": true,
		"END": true, " /* x */ BEGIN": true, "ROLLBACK TO a": false, "SAVEPOINT a": false, "UPDATE t SET a = 1": false,
		"SELECT 'BEGIN'": false,
	} {
		if got := boundary(sqltext.NewCache(sqltext.SQLite, 1).Info(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
