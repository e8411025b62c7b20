package catalog

import "strings"

// ColumnKind says how the values of a column are compared.
type ColumnKind uint8

// The kinds of columns.
const (
	Other   ColumnKind = iota // in a way that is not known here
	Integer                   // by their number
	Text                      // by a collation
	UUID                      // by their bytes
)

// Column is a column of a table.
type Column struct {
	// Name is the column's name in lower case.
	Name string
	// Quoted is the name as the database has it, quoted as an identifier of its dialect.
	Quoted string
	// Kind says how its values are compared.
	Kind ColumnKind
	// Default says that the database may fill in another value than NULL where a write names none: a
	// default, a sequence, an identity.
	Default bool
}

// Argument gives the text that stands for a value, as the application gives it to database/sql. Two values
// have the same text if the database may find them equal. null says that it is NULL, which has no text; ok
// is false for values that can't be told so.
func (c *Column) Argument(v any) (text string, null, ok bool) { return "", false, false }

// Stored does the same for a value that was scanned from the database into an *any.
func (c *Column) Stored(v any) (text string, null, ok bool) { return "", false, false }

func compareName(c Column, name string) int { return strings.Compare(c.Name, name) }
