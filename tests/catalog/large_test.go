package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLarge loads catalogs of thousands of tables in a bearable time.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("makes thousands of tables")
	}
	const n = 2000
	for name, open := range map[string]func(*testing.T) database{"sqlite": openSQLite, "postgres": openPostgres, "mariadb": openMariaDB} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			if name == "mariadb" {
				for i := range n / 10 {
					db.exec(t, fmt.Sprintf("CREATE TABLE t%d (id int primary key)", i))
				}
			} else {
				var b strings.Builder
				b.WriteString("BEGIN;")
				for i := range n {
					fmt.Fprintf(&b, "CREATE TABLE t%d (id integer primary key, up integer REFERENCES t%d (id) ON DELETE CASCADE);", i, max(i-1, 0))
				}
				b.WriteString("COMMIT;")
				db.exec(t, b.String())
			}
			start := time.Now()
			c := db.load(t)
			took := time.Since(start)
			t.Log(name, took)
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if all, _ := c.Affected([]string{"t0"}, nil); name != "mariadb" && len(all) != n {
				t.Errorf("%d tables affected, want %d", len(all), n)
			}
		})
	}
}
