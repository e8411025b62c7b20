package catalog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// ends runs a statement in a transaction that rolls back, and tells whether what came before it has stayed.
func (db database) ends(t *testing.T, statement string) bool {
	t.Helper()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(text string) error {
		_, err := conn.ExecContext(ctx, text)
		return err
	}
	if err := exec("DELETE FROM witness"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"BEGIN", "INSERT INTO witness VALUES (1)", statement} {
		if err := exec(text); err != nil {
			_ = exec("ROLLBACK")
			t.Errorf("%s: %v", text, err)
			return false
		}
	}
	if err := exec("ROLLBACK"); err != nil && db.dialect != sqltext.SQLite {
		t.Fatal(err)
	}
	if db.dialect == sqltext.MySQL {
		_ = exec("UNLOCK TABLES")
	}
	var n int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM witness").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// endings are statements, and whether they end the transaction that they run in.
var endings = map[string]map[string]bool{
	"mariadb": {
		"CREATE TABLE made (i int)": true, "ALTER TABLE made ADD j int": true, "CREATE INDEX by_i ON made (i)": true,
		"DROP INDEX by_i ON made": true, "RENAME TABLE made TO remade": true, "DROP TABLE remade": true, "CREATE SEQUENCE counter": true,
		"CREATE VIEW seen AS SELECT 1": true, "CREATE TRIGGER fires AFTER INSERT ON other FOR EACH ROW SET @x = 1": true,
		"TRUNCATE TABLE other": true, "ANALYZE TABLE other": true, "OPTIMIZE TABLE other": true, "CHECK TABLE other": true,
		"REPAIR TABLE isam": true, "FLUSH TABLES": true, "LOCK TABLES witness READ": true, "CACHE INDEX isam IN default": false,
		"LOAD INDEX INTO CACHE isam": false, "CREATE USER nobody": true, "GRANT SELECT ON other TO nobody": true,
		"REVOKE SELECT ON other FROM nobody": true, "SET PASSWORD FOR nobody = ''": true, "DROP USER nobody": true, "SET autocommit = 1": false,
		"ANALYZE SELECT * FROM other": false, "DELETE FROM other": false, "SET @x = 1": false, "SHOW TABLES": false,
		"CHECKSUM TABLE other": false, "PREPARE p FROM 'SELECT 1'": false, "DEALLOCATE PREPARE p": false, "EXPLAIN SELECT 1": false,
	},
	"postgres": {
		"CREATE TABLE made (i int)": false, "CREATE TEMPORARY TABLE made (i int)": false, "TRUNCATE other": false, "ANALYZE other": false, "LOCK TABLE other": false,
		"COMMENT ON TABLE other IS 'x'": false, "CLUSTER other USING by_i": false, "REINDEX TABLE other": false, "CREATE SEQUENCE counter": false,
		"GRANT SELECT ON other TO PUBLIC": false, "SET search_path TO DEFAULT": false, "DISCARD PLANS": false, "SECURITY LABEL ON TABLE other IS NULL": false,
	},
	"sqlite": {
		"CREATE TABLE made (i int)": false, "CREATE INDEX by_i2 ON other (i)": false, "ANALYZE": false, "DROP INDEX by_i": false, "PRAGMA user_version = 3": false,
		"PRAGMA foreign_keys = OFF": false,
	},
}

// mayEnd are statements that count as if they ended the transaction, though they do not here: MySQL says of its own that
// they do, and SET autocommit = 1 does where it was 0.
var mayEnd = map[string]bool{"REINDEX TABLE other": true, "CACHE INDEX isam IN default": true,
	"LOAD INDEX INTO CACHE isam": true, "SET autocommit = 1": true}

// TestUtilities holds what is believed of statements that may end a transaction against what the databases do.
func TestUtilities(t *testing.T) {
	for kind, statements := range endings {
		t.Run(kind, func(t *testing.T) {
			db := map[string]func(*testing.T) database{"mariadb": openMariaDB, "postgres": openPostgres, "sqlite": openSQLite}[kind](t)
			db.exec(t, "CREATE TABLE witness (i int)", "CREATE TABLE other (i int)", "CREATE INDEX by_i ON other (i)")
			if kind == "mariadb" {
				db.exec(t, "CREATE TABLE isam (i int, KEY (i)) ENGINE=MyISAM")
			}
			for statement, ends := range inOrder(statements) {
				info := sqltext.Parse(db.dialect, statement)
				if got := info.Transaction || info.Verb == sqltext.Other; got != ends && !mayEnd[statement] || ends && !got {
					t.Errorf("%s: believed to end a transaction: %v", statement, got)
				}
				if statement == "SECURITY LABEL ON TABLE other IS NULL" { // needs a provider
					continue
				}
				if got := db.ends(t, statement); got != ends {
					t.Errorf("%s: ends a transaction: %v", statement, got)
				}
			}
		})
	}
}

// inOrder goes through the statements: what is dropped was made before.
func inOrder(m map[string]bool) func(yield func(string, bool) bool) {
	rank := func(s string) int {
		for i, word := range []string{"CREATE TABLE", "ALTER", "CREATE USER", "CREATE INDEX", "GRANT", "CLUSTER", "REINDEX", "SET PASSWORD", "REVOKE", "PREPARE", "DEALLOCATE", "DROP INDEX", "RENAME", "DROP"} {
			if strings.HasPrefix(s, word) {
				return i
			}
		}
		return -1
	}
	var all []string
	for s := range m {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b string) int {
		if r := rank(a) - rank(b); r != 0 {
			return r
		}
		return strings.Compare(a, b)
	})
	return func(yield func(string, bool) bool) {
		for _, s := range all {
			if !yield(s, m[s]) {
				return
			}
		}
	}
}

// TestEmptied holds what TRUNCATE … CASCADE is believed to empty against what PostgreSQL empties.
func TestEmptied(t *testing.T) {
	db := openPostgres(t)
	tables := []string{"a", "b", "c", "d", "p", "p1", "heir", "lone", "self"}
	db.exec(t,
		"CREATE TABLE a (i int PRIMARY KEY)", "CREATE TABLE b (i int PRIMARY KEY REFERENCES a ON DELETE RESTRICT)",
		"CREATE TABLE c (i int REFERENCES b)", "CREATE TABLE p (i int REFERENCES a) PARTITION BY RANGE (i)",
		"CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)", "CREATE TABLE heir () INHERITS (c)",
		"CREATE TABLE d (i int)", "CREATE TABLE lone (i int)", "CREATE TABLE self (i int PRIMARY KEY REFERENCES self)",
		"ALTER TABLE heir ADD PRIMARY KEY (i)", "ALTER TABLE d ADD FOREIGN KEY (i) REFERENCES heir",
	)
	c := db.load(t)
	for _, table := range tables {
		db.exec(t, "INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", "INSERT INTO c VALUES (1)", "INSERT INTO p VALUES (1)",
			"INSERT INTO heir VALUES (1)", "INSERT INTO d VALUES (1)", "INSERT INTO lone VALUES (1)", "INSERT INTO self VALUES (1)")
		db.exec(t, "TRUNCATE "+table+" CASCADE")
		var emptied []string
		for _, other := range tables {
			var n int
			if err := db.QueryRow("SELECT count(*) FROM ONLY " + other).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if other == "p" {
				continue // has no rows of its own
			}
			if n == 0 {
				emptied = append(emptied, other)
			}
		}
		// The heirs of a table that is emptied because it refers to another stay.
		believed := slices.DeleteFunc(c.Emptied(table), func(s string) bool {
			return s == "p" || (s == "heir" || s == "d") && (table == "a" || table == "b")
		})
		if !slices.Equal(believed, emptied) {
			t.Errorf("TRUNCATE %s CASCADE empties %v, and is believed to empty %v", table, emptied, believed)
		}
		db.exec(t, "TRUNCATE a, c, d, lone, self CASCADE")
	}
}

// TestJoinedWrites holds what random UPDATEs and DELETEs of joined tables are believed to write against what MariaDB
// writes: never a table too few, and seldom one too many.
func TestJoinedWrites(t *testing.T) {
	db := openMariaDB(t)
	var schema string
	if err := db.QueryRow("SELECT database()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	tables := []string{"ta", "tb", "tc"}
	for _, table := range tables {
		db.exec(t, fmt.Sprintf("CREATE TABLE %s (i int PRIMARY KEY, v int, own_%s int)", table, table))
	}
	g := &joins{Rand: rand.New(rand.NewPCG(1, 9)), schema: schema}
	ran, exact := 0, 0
	for range 1500 {
		for _, table := range tables {
			db.exec(t, "REPLACE INTO "+table+" VALUES (1, 1, 1), (2, 1, 1)")
		}
		text := g.statement()
		info := sqltext.Parse(sqltext.MySQL, text)
		if _, err := db.Exec(text); err != nil {
			continue
		}
		ran++
		var changed []string
		for _, table := range tables {
			var same int
			if err := db.QueryRow("SELECT count(*) FROM " + table + " WHERE v = 1 AND own_" + table + " = 1").Scan(&same); err != nil {
				t.Fatal(err)
			}
			if same < 2 {
				changed = append(changed, table)
			}
		}
		believed := slices.DeleteFunc(slices.Clone(info.Writes), func(table string) bool {
			return slices.Contains(info.Maybe, table) && !slices.Contains(info.Loose, "own_"+table) && !slices.Contains(info.Loose, "v")
		})
		for _, table := range changed {
			if !slices.Contains(believed, table) {
				t.Errorf("%s\nwrites %v, and is believed to write %v", text, changed, believed)
			}
		}
		if len(changed) > 0 && slices.Equal(changed, believed) {
			exact++
		}
	}
	if ran < 500 || exact < ran*6/10 {
		t.Errorf("of %d statements that ran, %d are known exactly", ran, exact)
	}
	t.Logf("%d ran, %d exact", ran, exact)
}

// joins makes UPDATEs and DELETEs of joined tables.
type joins struct {
	*rand.Rand
	schema string
}

func (g *joins) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *joins) statement() string {
	tables := []string{"ta", "tb", "tc"}
	g.Shuffle(3, func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
	tables = tables[:2+g.IntN(2)]
	var list strings.Builder
	var called []string
	for i, table := range tables {
		if i > 0 {
			list.WriteString(g.pick(", ", " JOIN ", " LEFT JOIN ", " CROSS JOIN ", " STRAIGHT_JOIN "))
		}
		name, alias := table, ""
		switch g.IntN(6) {
		case 0, 1:
			alias = g.pick("x", "y", "offset", "value", "`quoted`", "TA", "full") + fmt.Sprint(i)
		case 2:
			alias = g.pick("tb", "full", "offset", "`set`")
		case 3:
			name = g.schema + "." + table
		case 4:
			name = "`" + table + "`"
		}
		ref := name
		if alias != "" {
			ref += g.pick(" ", " AS ") + alias
			called = append(called, alias)
		} else {
			called = append(called, g.pick(table, name))
		}
		if g.IntN(8) == 0 {
			ref = "(" + ref + ")"
		}
		list.WriteString(ref)
		if strings.HasSuffix(strings.TrimSuffix(list.String(), ref), "LEFT JOIN ") {
			list.WriteString(" ON 1")
		}
	}
	if g.IntN(2) == 0 {
		var names []string
		for _, name := range called {
			if g.IntN(2) == 0 {
				names = append(names, name+g.pick("", ".*"))
			}
		}
		if g.IntN(2) == 0 {
			return "DELETE " + strings.Join(names, ", ") + " FROM " + list.String()
		}
		return "DELETE FROM " + strings.Join(names, ", ") + " USING " + list.String() + g.pick("", " WHERE 1 IN (1, 2)")
	}
	var sets []string
	for range 1 + g.IntN(3) {
		at := g.IntN(len(tables))
		column := g.pick(called[at]+".v", called[at]+".own_"+tables[at], "own_"+tables[at], "v")
		sets = append(sets, column+g.pick(" = ", ":=")+g.pick("7", "(SELECT 7)", "CASE WHEN 1 THEN 7 ELSE 8 END", "greatest(7, 3)", "1 IN (1, 2) + 6"))
	}
	return "UPDATE " + list.String() + " SET " + strings.Join(sets, ", ") + g.pick("", " WHERE 1 IN (1, 2)")
}
