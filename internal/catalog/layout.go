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

// Layout returns the layout of a table, named in canonical form (store.TableName). It is nil if the name is not a plain
// table, and if the layout is unknown: the connection's user may not see the columns, or the name stands for several
// tables that differ.
func (c *Catalog) Layout(table string) *Layout { return c.layouts[table] }

// layOut makes the layouts, once all facts are known.
func (c *Catalog) layOut() {
	if len(c.shapes) == 0 {
		return
	}
	c.distrust()
	unsure, cyclic := c.reachUnsure(), c.cyclic()
	c.layouts = make(map[string]*Layout, len(c.shapes))
	for s, rows := range c.shapes {
		name := canonical(s.table)
		l := rows.layout()
		if known, again := c.layouts[name]; again && !known.alike(l) {
			l = nil
		}
		c.layouts[name] = l
	}
	for name, l := range c.layouts {
		if c.kinds[name] != Table || l == nil {
			delete(c.layouts, name)
			continue
		}
		l.Direct = !c.indirect[name] && !unsure[name] && !cyclic[name]
		for i := range l.Key {
			l.Key[i].Rowid = l.Key[i].Rowid && !c.unsorted[name]
		}
	}
	c.shapes = nil
}

// distrust makes the tables of MySQL indirect whose foreign keys name a table that the user may not see. It is then also
// unknown whether a write to them reaches that table, which changes them in turn.
func (c *Catalog) distrust() {
	for parent, list := range c.referrers {
		if c.kinds[parent] == Unknown {
			for _, table := range list {
				c.indirect[table] = true
			}
		}
	}
}

// alike reports whether two tables of one name have equal layouts, except for Direct, which belongs to the name.
func (l *Layout) alike(other *Layout) bool {
	return l != nil && other != nil && slices.Equal(l.Key, other.Key) &&
		slices.Equal(l.Columns, other.Columns) && slices.Equal(l.names, other.names) && slices.Equal(l.moves, other.moves)
}

// reachUnsure returns the names from which something with an unknown effect is reached.
func (c *Catalog) reachUnsure() map[string]bool {
	backward := invert(c.reaches)
	start := make([]string, 0, len(c.unsure))
	for name := range c.unsure {
		start = append(start, name)
	}
	return set(c.closure(start, func(name string) []string { return backward[name] }))
}

// cyclic returns the names that reach themselves, and the names between two such. These are left after removing all names
// that lead to no cycle, and then all names that no cycle leads to.
func (c *Catalog) cyclic() map[string]bool {
	backward := invert(c.reaches)
	left := make(map[string]bool, len(c.reaches))
	for name, list := range c.reaches {
		left[name] = true
		for _, other := range list {
			left[other] = true
		}
	}
	trim(left, c.reaches, backward)
	trim(left, backward, c.reaches)
	return left
}

// trim removes, repeatedly, the names that lead to no remaining name.
func trim(left map[string]bool, forward, backward map[string][]string) {
	ways := make(map[string]int, len(left))
	var ends []string
	for name := range left {
		for _, next := range forward[name] {
			if left[next] {
				ways[name]++
			}
		}
		if ways[name] == 0 {
			ends = append(ends, name)
		}
	}
	for len(ends) > 0 {
		end := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		delete(left, end)
		for _, name := range backward[end] {
			if ways[name]--; ways[name] == 0 && left[name] {
				ends = append(ends, name)
			}
		}
	}
}

func invert(edges map[string][]string) map[string][]string {
	inverse := make(map[string][]string, len(edges))
	for from, list := range edges {
		for _, to := range list {
			inverse[to] = append(inverse[to], from)
		}
	}
	return inverse
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
