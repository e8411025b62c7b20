package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// conditions makes random conditions over the table of narrowTable. They bracket little, so that a reader
// that gets precedence wrong is found out.
type conditions struct {
	*rand.Rand
	dialect sqltext.Dialect
	alias   string
	first   int   // the ordinal of the first placeholder
	args    []any // of the placeholders
}

func (c *conditions) pick(s ...string) string { return s[c.IntN(len(s))] }

func (c *conditions) space() string {
	return c.pick(" ", " ", " ", " ", "\n", " /* or */ ", " -- or 1\n")
}

// param binds a small number, or one that is bound already.
func (c *conditions) param() string {
	if c.dialect != sqltext.Postgres {
		c.args = append(c.args, int64(c.IntN(4)))
		return "?"
	}
	if len(c.args) == 0 || c.IntN(5) > 0 {
		c.args = append(c.args, int64(c.IntN(4)))
		return fmt.Sprintf("$%d", c.first+len(c.args))
	}
	return fmt.Sprintf("$%d", c.first+1+c.IntN(len(c.args)))
}

func (c *conditions) column() string {
	name := c.pick("id", "a", "b", "A", "a", "b")
	switch c.IntN(6) {
	case 0:
		return c.alias + "." + name
	case 1:
		if c.dialect == sqltext.MySQL {
			return "`" + name + "`"
		}
		return `"` + strings.ToLower(name) + `"`
	}
	return name
}

func (c *conditions) value() string {
	switch c.IntN(7) {
	case 0, 1:
		return c.param()
	case 2:
		return c.pick("-1", "- 1", "NULL", "1.0", "1e0", "'1'", "(1)", "+1")
	}
	return fmt.Sprint(c.IntN(4))
}

func (c *conditions) scalar(depth int) string {
	switch c.IntN(10) {
	case 0:
		return c.column() + c.space() + c.pick("+", "-", "*") + c.space() + c.value()
	case 1:
		return "coalesce(" + c.column() + ", " + c.value() + ")"
	case 2:
		if depth > 0 {
			return "case when " + c.condition(depth-1) + " then " + c.value() + " else " + c.column() + " end"
		}
	case 3, 4, 5:
		return c.column()
	}
	return c.value()
}

// condition is one without brackets around it.
func (c *conditions) condition(depth int) string {
	if depth <= 0 {
		return c.comparison(0)
	}
	a := func() string { return c.condition(depth - 1 - c.IntN(2)) }
	switch c.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		return a() + c.space() + c.pick("and", "AND") + c.space() + a()
	case 6:
		return a() + " or " + a()
	case 7:
		return "not " + a()
	case 8, 9, 10:
		return "(" + a() + c.space() + ")"
	case 11:
		return "(" + a() + ")" + c.pick(" is true", " is not true", " is null", " = (a = 1)")
	case 12:
		return "case when " + a() + " then " + a() + " else " + a() + " end"
	case 13:
		if c.dialect == sqltext.MySQL {
			return a() + c.pick(" xor ", " || ", " && ") + a()
		}
	}
	return c.comparison(depth - 1)
}

func (c *conditions) comparison(depth int) string {
	switch c.IntN(20) {
	case 18, 19:
		return c.column() + c.pick(" is null", " is null", " IS\nNULL", " is not null", " is null is null", " is null = 1")
	case 0:
		return c.column() + c.pick(" between ", " not between ") + c.scalar(depth) + " and " + c.scalar(depth)
	case 1:
		return c.column() + " between " + c.value() + " and " + c.column() + " = " + c.value()
	case 2:
		return c.scalar(depth) + " = " + c.scalar(depth) + c.pick(" = ", " + ", " is null", " is not null and b = ") + c.value()
	case 3:
		return "(" + c.column() + ", " + c.column() + ")" + c.pick(" = (1, ", " in ((1, ") + c.value() + c.pick(")", "))")
	case 4:
		return c.column() + c.pick(" in", " not in") + " (select a from t where b = 1 and id = " + c.value() + ")"
	case 5:
		return "exists (select 1 from t x where x.a = 1 and x.b = " + c.alias + ".b)"
	case 6:
		return c.scalar(depth) + c.space() + c.pick("<", ">=", "<>", "!=", "is not distinct from") + " " + c.scalar(depth)
	case 7, 8, 9:
		return c.column() + c.pick(" in ", " in", " in ", " not in ") + "(" + c.value() + ", " + c.value() + c.pick("", ", "+c.value()) + ")"
	case 10:
		return c.scalar(depth) + " = " + c.scalar(depth)
	case 11:
		return c.value() + c.space() + "=" + c.space() + c.column()
	}
	return c.column() + c.space() + "=" + c.space() + c.value()
}

// narrowTable makes a table whose columns hold few values.
func narrowTable(t *testing.T, db database) {
	db.exec(t, "CREATE TABLE t (id int primary key, a int, b int, mark int not null default 0)")
	id := 0
	for _, a := range []string{"NULL", "-1", "0", "1", "2"} {
		for _, b := range []string{"NULL", "0", "1", "2", "3"} {
			db.exec(t, fmt.Sprintf("INSERT INTO t VALUES (%d, %s, %s, 0)", id, a, b))
			id++
		}
	}
}

// TestNarrow compares what sqltext.Narrow says of random conditions with what databases do.
func TestNarrow(t *testing.T) {
	for name, open := range map[string]func(*testing.T) database{
		"sqlite": openSQLite, "postgres": openPostgres, "mariadb": openMariaDB,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			narrowTable(t, db)
			taken, pinned := 0, 0
			r := rand.New(rand.NewPCG(5, 6))
			const n = 3000
			for range n {
				c := &conditions{Rand: r, dialect: db.dialect, alias: "t"}
				from := "t"
				if c.IntN(2) == 0 {
					from, c.alias = "t AS y", "y"
				}
				ok, pins := checkNarrow(t, db, c, from)
				if ok {
					taken++
				}
				if ok && pins > 0 {
					pinned++
				}
			}
			t.Logf("%d of %d conditions taken, %d of them pinned", taken, n, pinned)
			if taken < n/4 || pinned < taken/5 {
				t.Errorf("%d of %d conditions taken, %d of them pinned", taken, n, pinned)
			}
		})
	}
}

// checkNarrow tries one condition. ok says that the database takes it.
func checkNarrow(t *testing.T, db database, c *conditions, from string) (ok bool, pins int) {
	t.Helper()
	where := c.condition(3)
	remove := "DELETE FROM " + from + " WHERE " + where
	narrow := sqltext.Parse(db.dialect, remove).Narrow
	removed, err := db.affects(t, remove, c.args, "SELECT id FROM t")
	if err != nil {
		return false, 0
	}
	if narrow == nil {
		t.Fatalf("%s\nis not narrow", remove)
	}
	all, _ := db.ids(t, db.DB, "SELECT id FROM t", nil)
	touched := slices.DeleteFunc(all, func(id int) bool { return slices.Contains(removed, id) })
	if got := db.selected(t, narrow, c.args); !slices.Equal(got, touched) {
		t.Fatalf("%s %v\ndeletes %v, selected %v", remove, c.args, touched, got)
	}
	query := sqltext.Parse(db.dialect, "SELECT * FROM "+from+" WHERE "+where).Narrow
	if query != nil && len(query.Pins) != len(narrow.Pins) {
		t.Fatalf("%s\npins %v in SELECT, %v in DELETE", where, query.Pins, narrow.Pins)
	}
	for _, pin := range narrow.Pins {
		sql := "SELECT id FROM " + from + " WHERE (" + where + "\n) AND (" + spell(pin, c.args) + ") IS NOT TRUE"
		if loose, err := db.ids(t, db.DB, sql, c.args); err != nil || len(loose) > 0 {
			t.Fatalf("%s %v\ndoes not hold %s: %v, %v", where, c.args, spell(pin, c.args), loose, err)
		}
	}
	for _, column := range narrow.Nulls {
		sql := "SELECT id FROM " + from + " WHERE (" + where + "\n) AND " + column + " IS NOT NULL"
		if loose, err := db.ids(t, db.DB, sql, c.args); err != nil || len(loose) > 0 {
			t.Fatalf("%s %v\ndoes not hold %s IS NULL: %v, %v", where, c.args, column, loose, err)
		}
	}
	checkUpdate(t, db, c, from, where)
	return true, len(narrow.Pins)
}

// checkUpdate puts arguments before those of the condition.
func checkUpdate(t *testing.T, db database, c *conditions, from, where string) {
	t.Helper()
	mark := "?"
	if db.dialect == sqltext.Postgres {
		mark = fmt.Sprintf("$%d", len(c.args)+1)
	}
	update := "UPDATE " + from + " SET mark = " + mark + " + 1 WHERE " + where
	args := append([]any{int64(1)}, c.args...)
	if db.dialect == sqltext.Postgres {
		args = append(slices.Clone(c.args), int64(1))
	}
	narrow := sqltext.Parse(db.dialect, update).Narrow
	touched, err := db.affects(t, update, args, "SELECT id FROM t WHERE mark = 2")
	if err != nil || narrow == nil {
		t.Fatalf("%s %v: %v, narrow: %v", update, args, err, narrow)
	}
	if got := db.selected(t, narrow, args); !slices.Equal(got, touched) {
		t.Fatalf("%s %v\nupdates %v, selected %v", update, args, touched, got)
	}
}

// spell writes a pin as a condition without placeholders.
func spell(pin sqltext.Pin, args []any) string {
	var values []string
	for _, v := range pin.Values {
		switch v.Kind {
		case sqltext.ParamOperand:
			values = append(values, fmt.Sprint(args[v.Param]))
		case sqltext.IntegerOperand:
			values = append(values, fmt.Sprint(v.Int))
		case sqltext.TextOperand:
			values = append(values, "'"+v.Text+"'")
		case sqltext.NullOperand:
			values = append(values, "NULL")
		default:
			values = append(values, "no value")
		}
	}
	return pin.Column + " IN (" + strings.Join(values, ", ") + ")"
}

func (db database) selected(t *testing.T, n *sqltext.Narrow, args []any) []int {
	t.Helper()
	query, ordinals := n.Select(db.dialect, "id")
	var passed []any
	for _, o := range ordinals {
		passed = append(passed, args[o])
	}
	ids, err := db.ids(t, db.DB, query, passed)
	if err != nil {
		t.Fatalf("%s %v: %v", query, passed, err)
	}
	return ids
}

// affects runs a statement and a query after it, and takes the statement back.
func (db database) affects(t *testing.T, statement string, args []any, query string) ([]int, error) {
	t.Helper()
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
		return nil, err
	}
	return db.ids(t, tx, query, nil)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ids are the numbers that a query returns, sorted.
func (db database) ids(t *testing.T, q querier, query string, args []any) ([]int, error) {
	t.Helper()
	rows, err := q.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	ids := []int{}
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, rows.Err()
}
