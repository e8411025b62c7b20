package catalog

import (
	"strconv"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// ColumnKind says how the values of a column are compared.
type ColumnKind uint8

// The kinds of columns.
const (
	Other   ColumnKind = iota // in a way that is not known here
	Integer                   // by their number
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
	// Kind says how its values are compared.
	Kind ColumnKind
	// Default says that the database may fill in another value than NULL where a write names none: there
	// is a default, a sequence or an identity, or the column is NOT NULL, for which MySQL makes up a value.
	Default bool
	// Rowid says that it is the number by which SQLite keeps the rows of the table, if it is the whole
	// primary key, and that no index gives rows that are asked for by it in another order. It says so in
	// Layout.Key only.
	Rowid bool

	dialect sqltext.Dialect
	lowest  int64  // of an Integer
	highest uint64 // of an Integer
	length  int64  // of a Text, in characters; 0: no limit
	padded  bool   // a Text that the database may pad with spaces
	notNull bool   // what becomes of a NULL can't be told
	counts  bool   // a zero stands for the next number
}

// Argument gives the text that stands for a value, as the application gives it to database/sql. Two values
// have the same text if the database may find them equal, and a row to which the value is written holds
// one of that text. null says that it is NULL, which has no text; ok is false for values that can't be
// told so, NULL in a column that is NOT NULL among them: MySQL may make a zero of it, SQLite a new number.
func (c *Column) Argument(v any) (text string, null, ok bool) {
	var room [64]byte
	b, null, ok := c.AppendArgument(room[:0], v)
	return string(b), null, ok
}

// AppendArgument appends the text that Argument gives, and nothing where there is none. v may be the argument's
// form, as package argument gives it: then no Valuer is asked.
func (c *Column) AppendArgument(b []byte, v any) (_ []byte, null, ok bool) {
	switch v := v.(type) { // what keys mostly are: Basic would put them into an interface again, on the heap
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

// Stored does the same for a value that was scanned from the database into an *any.
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

// written is the text of a stored value that came as one.
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
	if !ok || text != s { // 007 may be what a column with ZEROFILL shows, or what is no number there
		return "", false
	}
	return text, true
}

// holds tells that the column is one of integers, and this within its range.
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

// text folds case, since a collation may. Characters that it may find equal to others, ignore, or pad
// with, have no text here, nor do values that the database may cut off.
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

// distinct are the characters that collations tell apart, but for their case.
func distinct(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_.:@/-", b) >= 0
}

func compareName(c Column, name string) int { return strings.Compare(c.Name, name) }
