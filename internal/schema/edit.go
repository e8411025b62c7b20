package schema

import (
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// MaxRows bounds the rows of one table that a transaction changes one by one. Beyond, it changes the table.
const MaxRows = 256

// Edit is a statement that writes to one table, and whose rows are exactly known, or will be when it has
// ended. One goroutine at a time uses it.
type Edit struct {
	// Table is the table's name in canonical form, and Layout what its rows are told apart by.
	Table  string
	Layout *catalog.Layout
	// Rows are the texts of the primary keys of the rows that it writes; nil: its text does not tell.
	Rows []string
	// Values are the texts of tracked columns, before and after. A column that is not here is not known.
	Values map[string][]string
	// Pending reports whether not all is known yet. Of an INSERT whose keys the database makes they are known when GORM
	// has read them back.
	Pending bool
	// Given are, row by row of such an INSERT, the texts of those columns of the key that the statement gives, "" for
	// others.
	Given [][]string
	// Inserts is how many rows an INSERT has, 0 if it is none.
	Inserts int
	// Incomplete reports whether what was known has turned out not to be all.
	Incomplete bool

	version uint64 // of the schema that the layout is from
}

// Count is how many rows it changes at most.
func (e *Edit) Count() int { return max(len(e.Rows), e.Inserts) }

const renames = "it changes a primary key, or writes to what is no column by its own name"

// declares reports whether all columns written are columns by their own names: SQLite's rowid is the primary key
// by another.
func (e *Edit) declares(n *sqltext.Narrow) bool {
	for _, set := range n.Sets {
		if !e.Layout.Has(set.Column) {
			return false
		}
	}
	return !slices.ContainsFunc(n.Columns, func(c string) bool { return !e.Layout.Has(c) })
}

// keyed reports whether a column belongs to the primary key.
func (e *Edit) keyed(column string) bool {
	return slices.ContainsFunc(e.Layout.Key, func(c catalog.Column) bool { return c.Name == column })
}

// pinned are the rows that an UPDATE or DELETE is pinned to by their primary keys, nil if it is not.
func (e *Edit) pinned(n *sqltext.Narrow, args []any) []string {
	if len(e.Layout.Key) > 1 {
		var b []byte
		for i := range e.Layout.Key {
			values := Pin(n, e.Layout.Key[i].Name)
			if len(values) != 1 {
				return nil
			}
			text, null, ok := Argument(&e.Layout.Key[i], values[0], args)
			if !ok || null {
				return nil
			}
			b = appendKeyPart(b, i, text)
		}
		return []string{string(b)}
	}
	values := Pin(n, e.Layout.Key[0].Name)
	if len(values) > MaxRows {
		return nil
	}
	var rows []string
	for _, v := range values {
		text, null, ok := Argument(&e.Layout.Key[0], v, args)
		if !ok {
			return nil
		}
		if !null && !slices.Contains(rows, text) {
			rows = append(rows, text)
		}
	}
	return rows
}

// insert fills in the rows of an INSERT, and their values of tracked columns.
func (e *Edit) insert(n *sqltext.Narrow, args []any, tracked []string) (_ *Edit, why string) {
	e.Inserts = len(n.Rows)
	for _, row := range n.Rows {
		given, ok := e.key(n.Columns, row, args)
		e.Given, e.Pending = append(e.Given, given), e.Pending || !ok
		e.Rows = append(e.Rows, JoinKey(given))
	}
	if e.Pending {
		// Of several rows GORM would guess the keys from the first or the last.
		if !n.Returning && len(n.Rows) > 1 {
			return nil, "its rows' keys are not known: the database makes them, and it has no RETURNING"
		}
		e.Rows = nil
	} else {
		e.Given = nil
	}
	for _, name := range tracked {
		if c, ok := e.Layout.Column(name); ok {
			e.fresh(c, n, args)
		}
	}
	return e, ""
}

// key is the primary key that an INSERT gives a row, column by column; all is false if it leaves some of
// them to the database, which are "" then.
func (e *Edit) key(columns []string, row []sqltext.Operand, args []any) (given []string, all bool) {
	given, all = make([]string, len(e.Layout.Key)), true
	for i := range e.Layout.Key {
		if at := slices.Index(columns, e.Layout.Key[i].Name); at >= 0 {
			text, null, ok := Argument(&e.Layout.Key[i], row[at], args)
			if ok && !null && !(e.Layout.Key[i].Default && text == "0") { // 0 is a request for the next number in MySQL
				given[i] = text
			}
		}
		all = all && given[i] != ""
	}
	return given, all
}

// fresh notes the values that an INSERT gives a tracked column, if all of them are known.
func (e *Edit) fresh(c *catalog.Column, n *sqltext.Narrow, args []any) {
	at := slices.Index(n.Columns, c.Name)
	if at < 0 {
		if !c.Default {
			e.Values[c.Name] = nil // NULL, which no query is pinned to
		}
		return
	}
	var texts []string
	for _, row := range n.Rows {
		if row[at].Kind == sqltext.DefaultOperand && !c.Default {
			continue
		}
		text, null, ok := Argument(c, row[at], args)
		if !ok {
			return
		}
		if !null {
			texts = append(texts, text)
		}
	}
	e.Values[c.Name] = texts
}

// holds reports whether the edit's rows are known, and are told apart by this very snapshot.
func (e *Edit) holds(known *Snapshot) bool {
	return !e.Pending && !e.Incomplete && known != nil && e.version == known.version && known.direct(e.Table) == e.Layout
}

// tags are what the edit changes, but for the values of tracked columns.
func (e *Edit) tags(ns store.Namespace) []string {
	tags, rows := make([]string, 0, 1+len(e.Rows)), ns.Rows(e.Table)
	tags = append(tags, ns.Table(e.Table))
	for _, row := range e.Rows {
		tags = append(tags, rows.Tag([]byte(row)))
	}
	return tags
}

// Sets are the tags of the values of these columns, before and after; ok is false if some are not known.
func (e *Edit) Sets(ns store.Namespace, columns []string) (tags []string, ok bool) {
	for _, c := range columns {
		texts, known := e.Values[c]
		if !known {
			return nil, false
		}
		sets := ns.Sets(e.Table, c)
		for _, text := range texts {
			tags = append(tags, sets.Tag([]byte(text)))
		}
	}
	return tags, true
}
