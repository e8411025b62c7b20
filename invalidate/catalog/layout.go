package catalog

import "slices"

// Layout is how the rows of a plain table are told apart. It does not change.
type Layout struct {
	// Key is the primary key, in its order; nil if there is none, or if the values of one of its columns
	// can't be compared.
	Key []Column
	// Columns are those whose values can be compared, generated ones left out, sorted by name.
	Columns []Column
	// Direct says that a write changes exactly the rows that it names, to the values that it names.
	Direct bool
}

// Column finds a column by its name, in any case. It is among Columns.
func (l *Layout) Column(name string) (*Column, bool) {
	i, found := slices.BinarySearchFunc(l.Columns, canonical(name), compareName)
	if !found {
		return nil, false
	}
	return &l.Columns[i], true
}

// Layout tells how the rows of a table, named in canonical form (store.TableName), are told apart. It is
// nil for what is no plain table, and where it can't be told.
func (c *Catalog) Layout(table string) *Layout { return nil }
