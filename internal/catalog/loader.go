package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Every row of a catalog query states one fact:
//
//	kind     name    other    text
//	table    table
//	view     view    nature   its query, "" if it has none, "hidden" if the user may not see it
//	virtual  table            its CREATE text
//	cascade  parent  child
//	child    parent  child
//	policy   table   policy   the expression by which rows are shown
//	trigger  table   trigger  its body, or "" if it cannot be read
//	refers   parent  child    by any foreign key
//	rule     table   rule
//	indirect table   why a write may change other rows than it names, or to other values
//	unsorted table   an index by which rows selected by their rowid may come in another order
//	instant  table   why a write takes effect at once, and is not rolled back
//	calls    table   function, by a default, CHECK, index, policy or the like: a write to the table calls it
//	routine  function         its body, or "" if it cannot be read; other: "stable" if declared not to write
//	atomic   function         the whole CREATE FUNCTION that holds the body
//	uses     function function, by the default of an argument or the like
//	package  package          its functions
const (
	rowTable    = "table"
	rowView     = "view"
	rowVirtual  = "virtual"
	rowCascade  = "cascade"
	rowChild    = "child"
	rowPolicy   = "policy"
	rowTrigger  = "trigger"
	rowRefers   = "refers"
	rowRule     = "rule"
	rowIndirect = "indirect"
	rowUnsorted = "unsorted"
	rowInstant  = "instant"
	rowCalls    = "calls"
	rowRoutine  = "routine"
	rowAtomic   = "atomic"
	rowUses     = "uses"
	rowPackage  = "package"

	wordStable = "stable"
)

// loader collects the facts of a catalog while they are read, and draws the conclusions that need all of them. One
// goroutine uses it.
type loader struct {
	*Catalog
	dialect sqltext.Dialect

	virtual  map[string]string  // virtual tables of SQLite: the CREATE text of each
	triggers []trigger          // of MySQL, whose functions may be hidden from the user
	indirect map[string]bool    // tables whose writes may change other rows than they name, or to other values
	unsorted map[string]bool    // tables whose rows an index may return in another order than that of the rowid
	shapes   map[shape]*columns // the columns of each table
}

// trigger is a trigger that calls functions.
type trigger struct {
	table, name string
	calls       []string
}

func newLoader(d sqltext.Dialect) *loader {
	return &loader{
		Catalog: &Catalog{
			kinds:     make(map[string]Kind),
			reaches:   make(map[string][]string),
			unsure:    make(map[string]string),
			below:     make(map[string][]string),
			doubts:    make(map[string][]Doubt),
			children:  make(map[string][]string),
			referrers: make(map[string][]string),
			instant:   make(map[string]bool),
		},
		dialect:  d,
		virtual:  make(map[string]string),
		indirect: make(map[string]bool),
		unsorted: make(map[string]bool),
		shapes:   make(map[shape]*columns),
	}
}

// load runs the dialect's query of rows and its query of columns.
func (l *loader) load(ctx context.Context, q Querier) error {
	var rows, columns string
	switch l.dialect {
	case sqltext.SQLite:
		files, err := sqliteFiles(ctx, q)
		if err != nil {
			return err
		}
		// A function in a trigger counts as writing nothing, like any function that the program registers, except those of
		// extensions that run SQL given to them.
		for _, name := range []string{"eval", "load_extension"} {
			l.unsure[node(name)] = name
		}
		rows, columns = sqliteQueries(files)
	case sqltext.Postgres:
		rows, columns = postgresQuery, postgresColumns
	case sqltext.MySQL:
		rows, columns = mysqlQuery, mysqlColumns
	default:
		return fmt.Errorf("dialect %v has no catalog that is known", l.dialect)
	}
	if err := l.loadRows(ctx, q, rows); err != nil {
		return err
	}
	return l.loadColumns(ctx, q, columns)
}

// loadRows runs a query whose rows state one fact each.
func (l *loader) loadRows(ctx context.Context, q Querier, query string) error {
	return Each(ctx, q, query, func(rows *sql.Rows) error {
		var kind, name, other, text string
		if err := rows.Scan(&kind, &name, &other, &text); err != nil {
			return err
		}
		l.add(kind, name, other, text)
		return nil
	})
}

// loadColumns runs a query that yields columns.
func (l *loader) loadColumns(ctx context.Context, q Querier, query string) error {
	return Each(ctx, q, query, func(rows *sql.Rows) error {
		var r columnRow
		if err := rows.Scan(&r.schema, &r.table, &r.name, &r.typ, &r.detail, &r.length, &r.key,
			&r.notNull, &r.filled, &r.generated); err != nil {
			return err
		}
		l.addColumn(&r)
		return nil
	})
}

// add records the fact of one row.
func (l *loader) add(kind, name, other, text string) {
	table := canonical(name)
	switch kind {
	case rowTable:
		if l.kinds[table] == View {
			l.doubt(table, severalThings)
		}
		l.addKind(table, Table)
	case rowView:
		l.addView(table, other, text)
	case rowVirtual:
		l.addView(table, natureVirtual, "")
		l.virtual[table] = text
	case rowCascade:
		l.reach(table, canonical(other))
	case rowChild:
		l.reach(table, canonical(other))
		l.reach(canonical(other), table)
		l.children[table] = append(l.children[table], canonical(other))
	case rowPolicy:
		if word := sqltext.Clock(l.dialect, text); word != "" {
			l.addKind(table, View)
			l.doubt(table, Doubt{Volatile: word})
		}
	case rowTrigger:
		l.addTrigger(table, other, text)
	case rowRule:
		l.unsure[table] = other
	case rowRefers:
		l.referrers[table] = append(l.referrers[table], canonical(other))
	case rowIndirect:
		l.indirect[table] = true
	case rowUnsorted:
		l.unsorted[table] = true
	case rowInstant:
		l.instant[table] = true
	case rowCalls:
		l.reach(table, node(other))
	default:
		l.addCallable(kind, name, other, text)
	}
}

func (l *loader) addKind(name string, k Kind) { l.kinds[name] = max(l.kinds[name], k) }

func (l *loader) reach(from string, to ...string) {
	l.reaches[from] = append(l.reaches[from], to...)
}

func (l *loader) addTrigger(table, name, body string) {
	if body == "" {
		l.unsure[table] = name
		return
	}
	writes, calls, unknown := sqltext.Routine(l.dialect, body)
	if unknown != "" {
		l.unsure[table] = name
	}
	l.reach(table, writes...)
	l.reach(table, nodes(calls)...)
	if l.dialect == sqltext.SQLite && !after(body) {
		l.indirect[table] = true
	}
	if l.dialect == sqltext.MySQL {
		l.triggers = append(l.triggers, trigger{table, name, nodes(calls)})
	}
}

// addView records something other than a plain table, and what it reads. If two schemas have something of one name, the
// name reads what either reads, and is in doubt.
func (l *loader) addView(name, nature, query string) {
	again := l.kinds[name] != Unknown
	l.addKind(name, View)
	if of, ok := natures[nature]; ok {
		l.doubt(name, of)
	}
	if again {
		l.doubt(name, severalThings)
	}
	if query == "" {
		return
	}
	info := sqltext.View(l.dialect, query)
	l.below[name] = append(l.below[name], info.Reads...)
	if l.dialect != sqltext.SQLite { // in SQLite only a trigger makes a view writable
		l.reach(name, info.Reads...)
		l.reach(name, nodes(info.Calls)...)
		if info.Verb == sqltext.Other {
			l.unsure[name] = name
		}
	}
	switch {
	case info.Volatile != "":
		l.doubt(name, Doubt{Volatile: info.Volatile})
	case info.Verb == sqltext.Other:
		l.doubt(name, Doubt{What: "a view whose query can't be seen or read", Remedy: declareTables})
	case info.Opaque != "":
		l.doubt(name, Doubt{What: "a view whose tables can't be told (" + info.Opaque + ")", Remedy: declareTables})
	case info.Locking || info.Write:
		l.doubt(name, Doubt{What: "a view that locks or writes"})
	}
}

func (l *loader) doubt(name string, d Doubt) {
	d.Name = name
	l.doubts[name] = append(l.doubts[name], d)
}

// addCallable takes a row about a function.
func (l *loader) addCallable(kind, name, other, text string) {
	switch kind {
	case rowPackage:
		l.unsure[packageNode(name)] = strings.ToLower(name)
	case rowUses:
		l.reach(node(name), node(other))
	case rowAtomic:
		l.addAtomic(name, text)
	case rowRoutine:
		l.addRoutine(name, other == wordStable, text)
	}
}

// addRoutine records what a function may write. stable is set if it is declared not to write.
func (l *loader) addRoutine(name string, stable bool, body string) {
	n := node(name)
	l.reach(n) // it exists
	writes, calls, unknown := sqltext.Routine(l.dialect, body)
	if !stable && (unknown != "" || body == "") {
		l.unsure[n] = canonical(name)
	}
	for _, table := range writes {
		l.reach(n, strings.Clone(table)) // a copy, which does not keep the body in memory
	}
	l.reach(n, nodes(calls)...)
}

const atomic = "BEGIN ATOMIC"

// addAtomic records a function whose body PostgreSQL has parsed. A body that is a RETURN writes nothing itself, and the
// functions that it calls come in rows of their own. If the text has BEGIN ATOMIC twice, the first may be in a string.
func (l *loader) addAtomic(name, text string) {
	l.reach(node(name))
	_, body, found := strings.Cut(text, atomic)
	switch {
	case strings.Contains(body, atomic):
		l.unsure[node(name)] = canonical(name)
	case found:
		l.addRoutine(name, false, "BEGIN "+body)
	}
}

// addColumn records one row about a column.
func (l *loader) addColumn(r *columnRow) {
	t := l.shapes[r.shape]
	if t == nil {
		t = &columns{generated: make(map[string]bool), moves: make(map[string]bool), incomparable: make(map[string]string)}
		l.shapes[r.shape] = t
	}
	t.add(l.dialect, r)
}
