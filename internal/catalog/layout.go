package catalog

import (
	"slices"
	"strings"
)

// Layout is how the rows of a plain table are told apart. It does not change.
type Layout struct {
	// Key is the primary key, in its order; nil if there is none, or if the values of one of its columns
	// can't be compared.
	Key []Column
	// Columns are those whose values can be compared, generated ones left out, sorted by name.
	Columns []Column
	// Direct is set if a write changes exactly the rows that it names, to the values that it names.
	Direct bool
	// KeyNames are the names of the primary key's columns, whether their values can be compared or not.
	KeyNames []string
	// Untold says of the columns whose values can't be compared why.
	Untold map[string]string

	names []string // of all columns, sorted
	moves []string // of those that Moves, sorted
}

// Column finds one of Columns by its name, in any case.
func (l *Layout) Column(name string) (*Column, bool) {
	i, found := slices.BinarySearchFunc(l.Columns, strings.ToLower(name), compareName)
	if !found {
		return nil, false
	}
	return &l.Columns[i], true
}

// Has reports whether the table declares a column of that name, in any case, whether its values can be
// compared or not. A name that it does not declare may be another word for one that it does: SQLite's
// rowid for the primary key.
func (l *Layout) Has(name string) bool {
	_, found := slices.BinarySearch(l.names, strings.ToLower(name))
	return found
}

// Moves reports whether a column of that name, in any case, may change where a write does not name it: it is generated,
// or MySQL sets it to the time of each UPDATE.
func (l *Layout) Moves(name string) bool {
	_, found := slices.BinarySearch(l.moves, strings.ToLower(name))
	return found
}

// Names are those of all columns, sorted. They must not be modified.
func (l *Layout) Names() []string { return l.names }

// Layout tells how the rows of a table, named in canonical form (store.TableName), are told apart. It is
// nil for what is no plain table, and where it can't be told: the user who asked may not see the table's
// columns, or the name stands for several tables that are not alike.
func (c *Catalog) Layout(table string) *Layout { return c.layouts[table] }

// layOut draws up the layouts, when all else is known.
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

// distrust finds the tables of MySQL whose foreign keys name a table that may not be seen: nor may whether
// it is reached from them and changes them in turn.
func (c *Catalog) distrust() {
	for parent, list := range c.referrers {
		if c.kinds[parent] == Unknown {
			for _, table := range list {
				c.indirect[table] = true
			}
		}
	}
}

// alike compares two tables of one name, but for Direct, which belongs to the name.
func (l *Layout) alike(other *Layout) bool {
	return l != nil && other != nil && slices.Equal(l.Key, other.Key) &&
		slices.Equal(l.Columns, other.Columns) && slices.Equal(l.names, other.names) && slices.Equal(l.moves, other.moves)
}

// reachUnsure are the names from which something of unknown effect can be reached.
func (c *Catalog) reachUnsure() map[string]bool {
	backward := invert(c.reaches)
	start := make([]string, 0, len(c.unsure))
	for name := range c.unsure {
		start = append(start, name)
	}
	return set(c.closure(start, func(name string) []string { return backward[name] }))
}

// cyclic are the names that reach themselves again, and those that lie between two such: what is left
// when all that leads to no cycle is taken away, and then all that no cycle leads to.
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

// trim takes away the names that lead to none of those left, until there are no more such.
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
