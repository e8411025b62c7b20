package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// queries makes random SELECTs over the tables t0 … t4, whose names serve as aliases and names of
// common table expressions too, so that a reader that mixes them up is found out.
type queries struct {
	*rand.Rand
	dialect sqltext.Dialect
	schema  string
	alias   int

	// MariaDB 10.11 crashes on some recursive expressions, and on some within others.
	recursive    string
	flat, inWith bool
}

func (q *queries) pick(s ...string) string { return s[q.IntN(len(s))] }

func (q *queries) table() string { return fmt.Sprintf("t%d", q.IntN(5)) }

// spell writes a name in one of its forms.
func (q *queries) spell(name string) string {
	if q.dialect == sqltext.MySQL { // names are case-sensitive here, and "…" is a string
		return q.pick(name, "`"+name+"`", "/* from t4 */ "+name, name+" # , t3\n", "-- from t4\n"+name)
	}
	return q.pick(name, name, `"`+name+`"`, strings.ToUpper(name), "/* from t4 */ "+name, name+" -- , t3\n")
}

func (q *queries) query(depth int) string {
	var b strings.Builder
	if depth > 0 && q.IntN(4) == 0 && (!q.flat || !q.inWith) {
		q.inWith = true
		b.WriteString(q.pick("WITH ", q.recursive))
		for i := range 1 + q.IntN(2) {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s(a, b) AS (%s)", q.spell(fmt.Sprintf("t%d", 2*i+q.IntN(2))), q.query(depth-1))
		}
		b.WriteString(" ")
		q.inWith = false
	}
	b.WriteString(q.core(depth))
	for depth > 0 && q.IntN(5) == 0 {
		b.WriteString(q.pick(" UNION ", " union all ", " EXCEPT ", " intersect ") + q.core(depth-1))
	}
	return b.String()
}

// core is SELECT … FROM …, with two columns.
func (q *queries) core(depth int) string {
	q.alias++
	first := fmt.Sprintf("x%d", q.alias)
	from := q.source(depth, first)
	for q.IntN(2) == 0 {
		q.alias++
		from += q.pick(", ", " CROSS JOIN ", ", ") + q.source(depth-1, fmt.Sprintf("x%d", q.alias))
	}
	if q.IntN(3) == 0 {
		q.alias++
		from += fmt.Sprintf(" LEFT JOIN %s ON %s.a = 1", q.source(depth-1, fmt.Sprintf("x%d", q.alias)), first)
	}
	text := fmt.Sprintf("%s %s, %s FROM %s", q.pick("SELECT", "select distinct", "SELECT ALL"), q.expr(depth-1, first), q.expr(depth-1, first), from)
	if q.IntN(2) == 0 {
		text += " WHERE " + q.condition(depth-1, first)
	}
	if q.IntN(6) == 0 {
		text += " GROUP BY " + first + ".a, " + first + ".b HAVING " + q.condition(depth-1, first)
	}
	return text
}

// source is an item of FROM.
func (q *queries) source(depth int, alias string) string {
	as := q.pick(" ", " AS ") + alias
	switch n := q.IntN(8); {
	case n == 0 && depth > 0:
		return "(" + q.query(depth-1) + ")" + as
	case n == 1 && depth > 0:
		q.alias++
		other := fmt.Sprintf("x%d", q.alias)
		return "(" + q.source(depth-1, alias) + " JOIN " + q.source(depth-1, other) + q.pick(" ON true", " USING (a)") + ")"
	case n == 2:
		return q.schema + "." + q.spell(q.table()) + as
	case n == 3 && q.dialect == sqltext.Postgres && depth > 0:
		return "LATERAL (" + q.query(depth-1) + ")" + as
	case n == 4 && q.dialect == sqltext.Postgres:
		return q.pick("ONLY "+q.spell(q.table()), q.table()+" *") + as
	case n == 5 && q.dialect == sqltext.SQLite:
		return q.pick("["+q.table()+"]", "`"+q.table()+"`", "'"+q.table()+"'") + as + " NOT INDEXED"
	case n == 5 && q.dialect == sqltext.MySQL:
		q.alias++
		return q.spell(q.table()) + as + q.pick(" USE INDEX ()", " IGNORE INDEX FOR ORDER BY (i), ", " STRAIGHT_JOIN ", ", ") +
			q.spell(q.table()) + fmt.Sprintf(" x%d", q.alias)
	}
	return q.spell(q.table()) + as
}

func (q *queries) expr(depth int, alias string) string {
	switch n := q.IntN(9); {
	case n == 0 && depth > 0:
		return "(SELECT max(q.a) FROM (" + q.query(depth-1) + ") q)"
	case n == 1:
		return "coalesce(" + alias + ".a, 1)"
	case n == 2:
		return "CASE WHEN " + q.condition(depth-1, alias) + " THEN 1 ELSE " + alias + ".b END"
	case n == 3 && q.dialect == sqltext.Postgres:
		return "extract(year FROM date '2020-01-01')::int"
	case n == 4:
		return "length('from t1, ''t2''')"
	case n == 5:
		return "1" + q.pick("", " AS t3", ` "t2"`)
	}
	return alias + "." + q.pick("a", "b")
}

func (q *queries) condition(depth int, alias string) string {
	switch n := q.IntN(7); {
	case n == 0 && depth > 0:
		return q.pick("", "NOT ") + "EXISTS (" + q.query(depth-1) + ")"
	case n == 1 && depth > 0:
		return "(" + alias + ".a, 1) IN (" + q.query(depth-1) + ")"
	case n == 2 && q.dialect != sqltext.MySQL:
		return alias + ".a IS NOT DISTINCT FROM " + alias + ".b"
	case n == 3:
		return alias + ".a BETWEEN 1 AND 2 OR " + alias + ".b IN (1, 2)"
	case n == 4 && q.dialect == sqltext.SQLite:
		return alias + ".a IN one"
	}
	return alias + ".a = 1"
}

// compare checks sqltext against what the database says a query reads. exact is the least share of
// queries for which the two must be equal.
func compare(t *testing.T, d sqltext.Dialect, schema string, least float64, reads func(query string) ([]string, error)) {
	t.Helper()
	q := &queries{Rand: rand.New(rand.NewPCG(3, 4)), dialect: d, schema: schema}
	q.recursive = "with recursive "
	n, depth := 4000, 4
	if d == sqltext.MySQL { // where a join of many tables takes long to plan
		n, depth = 2000, 2
		q.recursive, q.flat = "with ", true
	}
	taken, exact := 0, 0
	var refused error
	for range n {
		query := q.query(depth)
		want, err := reads(query)
		if err != nil {
			refused = err
			continue
		}
		taken++
		info := sqltext.Parse(d, query)
		if info.Verb != sqltext.Select || info.Write || info.Opaque != "" || info.Volatile != "" || info.Statements != 1 {
			t.Fatalf("%s\n%+v", query, info)
		}
		for _, table := range want {
			if !slices.Contains(info.Reads, table) {
				t.Fatalf("%s\nreads %v, but Reads is %v", query, want, info.Reads)
			}
		}
		if slices.Equal(info.Reads, want) {
			exact++
		}
	}
	t.Logf("%d of %d queries taken, %d of them exactly right; last refusal: %v", taken, n, exact, refused)
	if taken < n/6 || float64(exact) < float64(taken)*least {
		t.Errorf("%d of %d queries taken, %d of them exactly right", taken, n, exact)
	}
}

var fiveTables = []string{"CREATE TABLE t0 (a int, b int)", "CREATE TABLE t1 (a int, b int)", "CREATE TABLE t2 (a int, b int)",
	"CREATE TABLE t3 (a int, b int)", "CREATE TABLE t4 (a int, b int)", "CREATE TABLE one (a int)"}

func TestPostgresReads(t *testing.T) {
	db := openPostgres(t)
	db.exec(t, fiveTables...)
	compare(t, db.dialect, "public", 0.95, func(query string) ([]string, error) { return postgresReads(db, query) })
}

// postgresReads asks what a view of the query depends on.
func postgresReads(db database, query string) (tables []string, err error) {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "CREATE VIEW v (c0, c1) AS "+query); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT c.relname::text COLLATE "C" FROM pg_depend d
		JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
		JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
		WHERE r.ev_class = 'v'::regclass AND c.oid <> 'v'::regclass ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	return tables, rows.Err()
}

func TestMariaDBReads(t *testing.T) {
	server := servers.MariaDB(t)
	db := open(t, server.Dialector())
	db.exec(t, fiveTables...)
	db.exec(t, "SET max_statement_time = 1")
	for i := range 5 {
		db.exec(t, fmt.Sprintf("CREATE INDEX i ON t%d (a)", i))
	}
	compare(t, db.dialect, server.Name, 0.9, func(query string) ([]string, error) { return mariadbReads(db, server.Name, query) })
}

// mariadbReads makes a view of the query, in whose stored text every table bears its database's name.
func mariadbReads(db database, name, query string) (tables []string, err error) {
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, "CREATE OR REPLACE VIEW v (c0, c1) AS "+query); err != nil {
		return nil, err
	}
	var text string
	row := db.QueryRowContext(ctx, "SELECT view_definition FROM information_schema.views WHERE table_schema = ? AND table_name = 'v'", name)
	if err := row.Scan(&text); err != nil {
		return nil, err
	}
	for _, m := range regexp.MustCompile("`"+regexp.QuoteMeta(name)+"`\\.`([^`]+)`").FindAllStringSubmatch(text, -1) {
		tables = append(tables, m[1])
	}
	slices.Sort(tables)
	return slices.Compact(tables), nil
}

func TestSQLiteReads(t *testing.T) {
	db := openSQLite(t)
	db.exec(t, fiveTables...)
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var seen []string
	err = conn.Raw(func(c any) error {
		c.(*sqlite3.SQLiteConn).RegisterAuthorizer(func(op int, table, column, _ string) int {
			if op == sqlite3.SQLITE_READ && column != "" {
				seen = append(seen, strings.ToLower(table))
			}
			return sqlite3.SQLITE_OK
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// SQLite names only the tables of which a column is used.
	compare(t, db.dialect, "main", 0.2, func(query string) ([]string, error) {
		seen = nil
		stmt, err := conn.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		slices.Sort(seen)
		return slices.Compact(seen), stmt.Close()
	})
}

// TestPostgresFunctions: no function that the database calls volatile passes for a pure one.
func TestPostgresFunctions(t *testing.T) {
	db := openPostgres(t)
	functions(t, db, `SELECT DISTINCT proname::text FROM pg_proc
		WHERE provolatile = 'v' AND pronamespace = 'pg_catalog'::regnamespace AND prorettype <> 'trigger'::regtype`)
}

// TestSQLiteFunctions: nor any that is not deterministic (0x800). The flag is set for window and
// aggregate functions only sometimes, so these are left out; so are those of extensions that depend on
// the cursor they are called with, and those that tell how the library was built.
func TestSQLiteFunctions(t *testing.T) {
	functions(t, openSQLite(t), `SELECT DISTINCT name FROM pragma_function_list WHERE type = 's' AND NOT flags & 0x800
		AND name NOT IN ('bm25', 'highlight', 'snippet', 'match', 'matchinfo', 'offsets', 'optimize')
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
}

func functions(t *testing.T, db database, query string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func(rows *sql.Rows) { _ = rows.Close() }(rows)
	n := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		n++
		for _, args := range []string{"", "1", "1, 2"} {
			info := sqltext.Parse(db.dialect, fmt.Sprintf("SELECT %s(%s)", name, args))
			if info.Volatile == "" && info.Opaque == "" && !(name == "date" && args != "") {
				t.Errorf("%s(%s) is volatile", name, args)
				break
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n < 3 {
		t.Errorf("only %d functions", n)
	}
}
