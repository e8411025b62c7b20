package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// shape is the name of a table as the database spells it. Several shapes may have one canonical name.
type shape struct{ schema, table string }

// columnRow is a row of the second query: one column; or, if typ is "key", a column's position in the primary key.
type columnRow struct {
	shape
	name   string
	typ    string // as the dialect's columnType reads it
	detail string // the collation, or a text that names it
	length int64  // of a text, in characters; 0: no limit
	key    int    // from 1 on; 0: not in the primary key

	notNull, filled, generated bool
}

// wordKey is the type in rows that contain only a column's position in the primary key.
const wordKey = "key"

// columns are the columns of one table while they are being read.
type columns struct {
	list         []Column
	generated    map[string]bool
	moves        map[string]bool // the generated columns, and those that each UPDATE sets
	incomparable map[string]string
	key          []keyPart
}

type keyPart struct {
	position int
	name     string
}

// add records one row.
func (t *columns) add(d sqltext.Dialect, r *columnRow) {
	name := strings.ToLower(r.name)
	if r.key > 0 {
		t.key = append(t.key, keyPart{r.key, name})
	}
	if r.typ == wordKey {
		return
	}
	col := Column{dialect: d, Name: name, Quoted: quote(d, r.name), Default: r.filled || r.notNull, notNull: r.notNull}
	switch d {
	case sqltext.SQLite:
		sqliteType(&col, r)
		col.Rowid = r.key == 1 && strings.EqualFold(r.typ, "integer")
	case sqltext.Postgres:
		postgresType(&col, r)
	case sqltext.MySQL:
		mysqlType(&col, r)
	}
	if col.Kind == Other {
		t.incomparable[name] = r.incomparable(d)
	}
	t.generated[name] = t.generated[name] || r.generated
	t.moves[name] = t.moves[name] || t.generated[name] || d == sqltext.MySQL && strings.Contains(strings.ToLower(r.typ), "on update ")
	if r.generated {
		t.incomparable[name] = "it is generated"
	}
	t.list = append(t.list, col)
}

// incomparable returns why the column's values cannot be compared.
func (r *columnRow) incomparable(d sqltext.Dialect) string {
	typ := strings.ToLower(r.typ)
	text := strings.Contains(typ, "char") || strings.Contains(typ, "text") || strings.Contains(typ, "clob")
	switch {
	case text && d == sqltext.SQLite:
		return "its table names a collation that is not SQLite's own"
	case text && r.detail != "":
		return "its collation " + r.detail + " may find texts equal that differ"
	case d == sqltext.SQLite:
		return fmt.Sprintf("SQLite compares its type %q by rules that depend on each value: declare it as INTEGER or TEXT", r.typ)
	}
	return "its type " + r.typ + " is not one of integers, texts or UUIDs"
}

// layout makes the layout of a table from its columns.
func (t *columns) layout() *Layout {
	slices.SortStableFunc(t.list, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	l := &Layout{Incomparable: t.incomparable}
	for i, col := range t.list {
		l.names = append(l.names, col.Name)
		if t.moves[col.Name] {
			l.moves = append(l.moves, col.Name)
		}
		// Two names that differ only in case are one name here, so neither column is usable.
		double := i > 0 && t.list[i-1].Name == col.Name || i+1 < len(t.list) && t.list[i+1].Name == col.Name
		if !double && col.Kind != Other && !t.generated[col.Name] {
			l.Columns = append(l.Columns, col)
		}
	}
	slices.SortFunc(t.key, func(a, b keyPart) int { return a.position - b.position })
	for _, part := range t.key {
		l.KeyNames = append(l.KeyNames, part.name)
	}
	for i, part := range t.key {
		col, ok := l.Column(part.name)
		if !ok || part.position != i+1 {
			l.Key = nil
			break
		}
		l.Key = append(l.Key, *col)
	}
	return l
}

// quote returns the name as a quoted identifier.
func quote(d sqltext.Dialect, name string) string {
	q := `"`
	if d == sqltext.MySQL {
		q = "`"
	}
	return q + strings.ReplaceAll(name, q, q+q) + q
}
