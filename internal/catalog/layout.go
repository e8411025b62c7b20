package catalog

import (
	"slices"
	"strings"
)

// Layout describes how the rows of a plain table are identified. It is immutable.
type Layout struct {
	// Key is the primary key, in its order; nil if there is none, or if values of one of its columns cannot be compared.
	Key []Column
	// Columns are the columns whose values can be compared, without generated ones, sorted by name.
	Columns []Column
	// Direct is set if a write changes exactly the rows that it names, to the values that it names.
	Direct bool
	// KeyNames are the names of all columns of the primary key.
	KeyNames []string
	// Incomparable gives, by column, the reason why values of the column cannot be compared.
	Incomparable map[string]string

	names []string // of all columns, sorted
	moves []string // the columns for which Moves reports true, sorted
}

// Column finds one of Columns by its name, in any case.
func (l *Layout) Column(name string) (*Column, bool) {
	i, found := slices.BinarySearchFunc(l.Columns, strings.ToLower(name), compareName)
	if !found {
		return nil, false
	}
	return &l.Columns[i], true
}

// Has reports whether the table declares a column of that name, in any case, comparable or not. An undeclared name may
// still mean a declared column: SQLite's rowid means the primary key.
func (l *Layout) Has(name string) bool {
	_, found := slices.BinarySearch(l.names, strings.ToLower(name))
	return found
}

// Moves reports whether a column of that name, in any case, may change when a write does not name it: it is generated,
// or MySQL sets it to the time of each UPDATE.
func (l *Layout) Moves(name string) bool {
	_, found := slices.BinarySearch(l.moves, strings.ToLower(name))
	return found
}

// Names returns the names of all columns, sorted. The slice must not be modified.
func (l *Layout) Names() []string { return l.names }

// alike reports whether two tables of one name have equal layouts, except for Direct, which belongs to the name.
func (l *Layout) alike(other *Layout) bool {
	return l != nil && other != nil && slices.Equal(l.Key, other.Key) &&
		slices.Equal(l.Columns, other.Columns) && slices.Equal(l.names, other.names) && slices.Equal(l.moves, other.moves)
}
