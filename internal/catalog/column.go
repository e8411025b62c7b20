package catalog

import (
	"strconv"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// ColumnKind is how the values of a column are compared.
type ColumnKind uint8

// The kinds of columns.
const (
	Other   ColumnKind = iota // in an unknown way
	Integer                   // as numbers
	Text                      // by a collation under which plain ASCII texts differ at least in a letter's case
	UUID                      // by their 128 bits
)

// String is the kind in lower case.
func (k ColumnKind) String() string {
	switch k {
	case Integer:
		return "integer"
	case Text:
		return "text"
	case UUID:
		return "uuid"
	}
	return "other"
}

// Column is a column of a table.
type Column struct {
	// Name is the column's name in lower case.
	Name string
	// Quoted is the name as the database has it, quoted as an identifier of its dialect.
	Quoted string
	// Kind is how its values are compared.
	Kind ColumnKind
	// Default is set if the database may fill in another value than NULL when a write names no value: the column has a
	// default, a sequence or an identity, or it is NOT NULL, and MySQL makes up a value.
	Default bool
	// Rowid is set, in Layout.Key only, if the column is SQLite's rowid, provided that it is the whole primary key, and no
	// index returns rows selected by it in another order.
	Rowid bool

	dialect sqltext.Dialect
	lowest  int64  // of an Integer
	highest uint64 // of an Integer
	length  int64  // of a Text, in characters; 0: no limit
	padded  bool   // a Text that the database may pad with spaces
	notNull bool   // a NULL becomes an unknown value
	counts  bool   // a zero means the next number
}

// Argument returns the text that identifies a value, as the application passes it to database/sql. Two values have the
// same text if the database may find them equal, and a row to which the value is written then holds a value of that text.
// null reports whether the value is NULL, which has no text. ok is false for values without such a text, among them NULL
// for a column that is NOT NULL: MySQL may store a zero instead, SQLite a new number.
func (c *Column) Argument(v any) (text string, null, ok bool) {
	var room [64]byte
	b, null, ok := c.AppendArgument(room[:0], v)
	return string(b), null, ok
}

// AppendArgument appends the text that Argument returns, or nothing if there is none. v may be the argument's form, as
// package argument gives it: then no Valuer is asked.
func (c *Column) AppendArgument(b []byte, v any) (_ []byte, null, ok bool) {
	switch v := v.(type) { // the usual types of keys: Basic would allocate an interface for them
	case int:
		return c.appendSigned(b, int64(v))
	case uint:
		return c.appendUnsigned(b, uint64(v))
	}
	v, ok = argument.Basic(c.dialect, argument.Of(c.dialect, v))
	if !ok {
		return b, false, false
	}
	switch v := v.(type) {
	case nil:
		return b, !c.notNull, !c.notNull
	case int64:
		return c.appendSigned(b, v)
	case uint64:
		return c.appendUnsigned(b, v)
	case string:
		text, ok := c.text(v)
		return append(b, text...), false, ok
	}
	return b, false, false
}

func (c *Column) appendSigned(b []byte, i int64) (_ []byte, null, ok bool) {
	if c.counts && i == 0 || !c.holds(i) {
		return b, false, false
	}
	return strconv.AppendInt(b, i, 10), false, true
}

func (c *Column) appendUnsigned(b []byte, u uint64) (_ []byte, null, ok bool) {
	if c.counts && u == 0 || !c.holdsUnsigned(u) {
		return b, false, false
	}
	return strconv.AppendUint(b, u, 10), false, true
}

// Stored is like Argument, for a value that was scanned from the database into an *any.
func (c *Column) Stored(v any) (text string, null, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", true, true
	case int64:
		text, ok = c.signed(v)
	case uint64: // MySQL's text protocol
		text, ok = c.unsigned(v)
	case string:
		text, ok = c.written(v)
	case []byte: // MySQL's protocols
		text, ok = c.written(string(v))
	case [16]byte:
		if c.Kind == UUID {
			text, ok = hyphenated(v), true
		}
	}
	return text, false, ok
}

// written returns the text of a stored value that the driver returned as a string.
func (c *Column) written(s string) (string, bool) {
	if c.Kind != Integer {
		if c.padded {
			s = strings.TrimRight(s, " ")
		}
		return c.text(s)
	}
	var text string
	var ok bool
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		text, ok = c.signed(i)
	} else if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		text, ok = c.unsigned(u)
	}
	if !ok || text != s { // 007 may be from a column with ZEROFILL, or not a number there
		return "", false
	}
	return text, true
}

// holds reports whether the column is an Integer whose range includes i.
func (c *Column) holds(i int64) bool {
	return c.Kind == Integer && i >= c.lowest && (i <= 0 || uint64(i) <= c.highest)
}

func (c *Column) holdsUnsigned(u uint64) bool { return c.Kind == Integer && u <= c.highest }

func (c *Column) signed(i int64) (string, bool) {
	if !c.holds(i) {
		return "", false
	}
	return strconv.FormatInt(i, 10), true
}

func (c *Column) unsigned(u uint64) (string, bool) {
	if !c.holdsUnsigned(u) {
		return "", false
	}
	return strconv.FormatUint(u, 10), true
}

// text folds case, since the collation may. A value has no text if it contains characters that a collation may find equal
// to others, ignore, or pad with, or if the database may truncate it.
func (c *Column) text(s string) (string, bool) {
	switch c.Kind {
	case Text:
		if s == "" || c.length > 0 && int64(len(s)) > c.length {
			return "", false
		}
		for i := range len(s) {
			if !distinct(s[i]) {
				return "", false
			}
		}
		return strings.ToLower(s), true
	case UUID:
		if !isUUID(s) {
			return "", false
		}
		return strings.ToLower(s), true
	}
	return "", false
}

// distinct reports whether collations distinguish the character from all others, except for its case.
func distinct(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_.:@/-", b) >= 0
}

func compareName(c Column, name string) int { return strings.Compare(c.Name, name) }
