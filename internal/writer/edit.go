package writer

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// maxEdited bounds the rows of one table that a transaction changes one by one. Beyond, it changes the table.
const maxEdited = 256

// edit is a statement that writes to one table, and whose rows are exactly known, or will be when it has
// ended. One goroutine at a time uses it.
type edit struct {
	table   string
	layout  *catalog.Layout
	version uint64   // of the catalog that the layout is from
	rows    []string // the texts of their primary keys
	// values are the texts of tracked columns, before and after. A column that is not here is not known.
	values map[string][]string
	// open: not all is known yet. Of an INSERT whose keys the database makes they are known when GORM has read
	// them back: told are, row by row, the texts of those columns that the statement gives, "" for others.
	open   bool
	told   [][]string
	insert int  // rows of the INSERT, 0 if it is none
	lost   bool // what was known has turned out not to be all
}

// count is how many rows it changes at most.
func (e *edit) count() int { return max(len(e.rows), e.insert) }

// edit tells which rows a statement writes, nil if its text does not.
func (inv *Invalidator) edit(s *snapshot, info *sqltext.Info, args []any) *edit {
	n := info.Narrow
	if n == nil || !info.Write || len(info.Writes) != 1 || info.Writes[0] != n.Table || inv.topology.triggers[n.Table] != nil ||
		len(args) != n.Params || Shifted(args) {
		return nil
	}
	l := s.direct(n.Table)
	if l == nil || len(l.Key) == 0 {
		return nil
	}
	e := &edit{table: n.Table, layout: l, version: s.version, values: map[string][]string{}}
	if !e.declares(n) {
		return nil
	}
	switch info.Verb {
	case sqltext.Insert:
		return e.inserted(n, args, inv.tracking.columns(n.Table))
	case sqltext.Update, sqltext.Delete:
		if slices.ContainsFunc(n.Sets, func(set sqltext.Set) bool { return e.keyed(set.Column) }) {
			return nil // the model shows the new key only, and the row changes its name
		}
		e.rows = e.pinned(n, args)
		return e
	}
	return nil
}

// declares tells that all columns written are columns by their own names: SQLite's rowid is the primary key
// by another.
func (e *edit) declares(n *sqltext.Narrow) bool {
	for _, set := range n.Sets {
		if !e.layout.Has(set.Column) {
			return false
		}
	}
	return !slices.ContainsFunc(n.Columns, func(c string) bool { return !e.layout.Has(c) })
}

// keyed tells that a column belongs to the primary key.
func (e *edit) keyed(column string) bool {
	return slices.ContainsFunc(e.layout.Key, func(c catalog.Column) bool { return c.Name == column })
}

// pinned are the rows that an UPDATE or DELETE is pinned to by their primary keys, nil if it is not.
func (e *edit) pinned(n *sqltext.Narrow, args []any) []string {
	if len(e.layout.Key) > 1 {
		var b []byte
		for i := range e.layout.Key {
			values := pin(n, e.layout.Key[i].Name)
			if len(values) != 1 {
				return nil
			}
			text, null, ok := argument(&e.layout.Key[i], values[0], args)
			if !ok || null {
				return nil
			}
			b = appendKeyPart(b, i, text)
		}
		return []string{string(b)}
	}
	values := pin(n, e.layout.Key[0].Name)
	if len(values) > maxEdited {
		return nil
	}
	var rows []string
	for _, v := range values {
		text, null, ok := argument(&e.layout.Key[0], v, args)
		if !ok {
			return nil
		}
		if !null && !slices.Contains(rows, text) {
			rows = append(rows, text)
		}
	}
	return rows
}

// argument is the text of the value that an operand gives a column.
func argument(c *catalog.Column, o sqltext.Operand, args []any) (text string, null, ok bool) {
	v, known := operand(o, args)
	if !known {
		return "", false, false
	}
	return c.Argument(v)
}

// inserted fills in the rows of an INSERT, and their values of tracked columns.
func (e *edit) inserted(n *sqltext.Narrow, args []any, tracked []string) *edit {
	e.insert = len(n.Rows)
	if e.insert > maxEdited {
		return nil
	}
	for _, row := range n.Rows {
		told, ok := e.key(n.Columns, row, args)
		e.told, e.open = append(e.told, told), e.open || !ok
		e.rows = append(e.rows, joined(told))
	}
	if e.open {
		// Of several rows GORM would guess the keys from the first or the last.
		if !n.Returning && len(n.Rows) > 1 {
			return nil
		}
		e.rows = nil
	} else {
		e.told = nil
	}
	for _, name := range tracked {
		if c, ok := e.layout.Column(name); ok {
			e.fresh(c, n, args)
		}
	}
	return e
}

// key is the primary key that an INSERT gives a row, column by column; all is false if it leaves some of
// them to the database, which are "" then.
func (e *edit) key(columns []string, row []sqltext.Operand, args []any) (told []string, all bool) {
	told, all = make([]string, len(e.layout.Key)), true
	for i := range e.layout.Key {
		if at := slices.Index(columns, e.layout.Key[i].Name); at >= 0 {
			text, null, ok := argument(&e.layout.Key[i], row[at], args)
			if ok && !null && !(e.layout.Key[i].Default && text == "0") { // 0 is a request for the next number in MySQL
				told[i] = text
			}
		}
		all = all && told[i] != ""
	}
	return told, all
}

// joined is the text of a key, given that of its columns.
func joined(parts []string) string {
	var b []byte
	for i, part := range parts {
		b = appendKeyPart(b, i, part)
	}
	return string(b)
}

// fresh notes the values that an INSERT gives a tracked column, if all of them are known.
func (e *edit) fresh(c *catalog.Column, n *sqltext.Narrow, args []any) {
	at := slices.Index(n.Columns, c.Name)
	if at < 0 {
		if !c.Default {
			e.values[c.Name] = nil // NULL, which no query is pinned to
		}
		return
	}
	var texts []string
	for _, row := range n.Rows {
		if row[at].Kind == sqltext.DefaultOperand && !c.Default {
			continue
		}
		text, null, ok := argument(c, row[at], args)
		if !ok {
			return
		}
		if !null {
			texts = append(texts, text)
		}
	}
	e.values[c.Name] = texts
}

// awaits tells, before the statement runs, that its models will show the keys that the database makes: they
// have no values in those columns yet. One that has a value there, which the statement leaves out (Omit) or
// changes on the way (GormValue), would keep it.
func (e *edit) awaits(stmt *gorm.Statement) bool {
	models, ok := e.models(stmt)
	if !ok {
		return false
	}
	for row, v := range models {
		for i, told := range e.told[row] {
			value, _ := e.value(stmt, i, v)
			if value != told {
				return false
			}
		}
	}
	return true
}

// complete is told of the models that GORM has inserted, with the keys that it has read back.
func (e *edit) complete(stmt *gorm.Statement) {
	models, ok := e.models(stmt)
	if !e.open || !ok {
		return
	}
	rows := make([]string, len(models))
	for row, v := range models {
		key := make([]string, len(e.layout.Key))
		for i, told := range e.told[row] {
			value, ok := e.value(stmt, i, v)
			if !ok || told != "" && value != told {
				return
			}
			key[i] = value
		}
		rows[row] = joined(key)
	}
	e.rows, e.open = rows, false
}

// models are those that GORM inserts, one for each row; ok is false if it inserts something else.
func (e *edit) models(stmt *gorm.Statement) (models []reflect.Value, ok bool) {
	if stmt.Schema == nil || store.TableName(stmt.Table) != e.table {
		return nil, false
	}
	switch v := stmt.ReflectValue; v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			models = append(models, reflect.Indirect(v.Index(i)))
		}
	case reflect.Struct:
		models = append(models, v)
	}
	if len(models) != e.insert {
		return nil, false
	}
	for _, v := range models {
		if v.Kind() != reflect.Struct || v.Type() != stmt.Schema.ModelType {
			return nil, false
		}
	}
	return models, true
}

// value is the text that a model has in a column of the primary key. ok is false if it has none; the text
// is "" then only if it is the zero value.
func (e *edit) value(stmt *gorm.Statement, column int, v reflect.Value) (text string, ok bool) {
	field := stmt.Schema.FieldsByDBName[e.layout.Key[column].Name]
	if field == nil {
		return unknownValue, false
	}
	value, zero := field.ValueOf(context.WithoutCancel(stmt.Context), v)
	if zero {
		return "", false
	}
	text, null, ok := e.layout.Key[column].Argument(value)
	if null || !ok {
		return unknownValue, false
	}
	return text, true
}

// unknownValue is the text of no value.
const unknownValue = "\x00"

// known tells that all rows are.
func (e *edit) known() bool { return !e.open && !e.lost }

// tags are what the edit changes, but for the values of tracked columns.
func (e *edit) tags(ns store.Namespace) []string {
	tags, rows := make([]string, 0, 1+len(e.rows)), ns.Rows(e.table)
	tags = append(tags, ns.Table(e.table))
	for _, row := range e.rows {
		tags = append(tags, rows.Tag([]byte(row)))
	}
	return tags
}

// sets are the tags of the values of these columns, before and after; ok is false if some are not known.
func (e *edit) sets(ns store.Namespace, columns []string) (tags []string, ok bool) {
	for _, c := range columns {
		texts, known := e.values[c]
		if !known {
			return nil, false
		}
		sets := ns.Sets(e.table, c)
		for _, text := range texts {
			tags = append(tags, sets.Tag([]byte(text)))
		}
	}
	return tags, true
}
