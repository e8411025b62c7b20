package schema

import (
	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Key tells the rows of one table apart: by its primary key, or by a tracked column. What depends on
// some of its values depends on the tags of [Key.Base] and on the [Key.Tag] of each value. It is safe for
// concurrent use.
type Key struct {
	table   string
	columns []catalog.Column
	base    []string
	values  store.Family
	tracks  []string // those of base that exist only by enrolment; none for a primary key
}

// Table is the table's name in canonical form.
func (k *Key) Table() string { return k.table }

// Primary reports whether it is the primary key.
func (k *Key) Primary() bool { return len(k.tracks) == 0 }

// Columns are the key's columns, in canonical form. A tracked key has one.
func (k *Key) Columns() []string {
	names := make([]string, len(k.columns))
	for i := range k.columns {
		names[i] = k.columns[i].Name
	}
	return names
}

// Integer reports whether it has one column, of integers.
func (k *Key) Integer() bool { return len(k.columns) == 1 && k.columns[0].Kind == catalog.Integer }

// Rowid reports whether SQLite keeps the table in the order of the key.
func (k *Key) Rowid() bool { return len(k.columns) == 1 && k.columns[0].Rowid }

// Base are the tags that all depend on who depend on the key. It must not be modified.
func (k *Key) Base() []string { return k.base }

// Tracks are those of Base that exist only by enrolment: they must not be made by store.Store.Tokens, but
// by an enrolment. It must not be modified.
func (k *Key) Tracks() []string { return k.tracks }

// Tag is the tag of the rows with one value.
func (k *Key) Tag(text string) string { return k.values.Tag([]byte(text)) }

// Argument is the text that stands for a value of a key of one column, given as to database/sql. null: it
// is NULL, which equals nothing. ok is false if the value can't be compared, or the key has more columns.
func (k *Key) Argument(v any) (text string, null, ok bool) {
	if len(k.columns) != 1 {
		return "", false, false
	}
	return k.columns[0].Argument(v)
}

// Stored is the same for a value that comes from the database.
func (k *Key) Stored(v any) (text string, null, ok bool) {
	if len(k.columns) != 1 {
		return "", false, false
	}
	return k.columns[0].Stored(v)
}
