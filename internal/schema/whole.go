package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// unpinned says why the values that a query's WHERE gives columns narrow it to no key.
func unpinned(n *sqltext.Narrow, l *catalog.Layout, tracked func(table, column string) bool) string {
	for _, p := range n.Pins {
		if slices.Contains(l.KeyNames, p.Column) || tracked(n.Table, p.Column) {
			if why := untold(l, p.Column); why != "" {
				return why
			}
		}
		if tracked(n.Table, p.Column) && len(p.Values) > MaxRowTags {
			return tooMany(p.Column)
		}
	}
	if len(l.KeyNames) > 1 && slices.ContainsFunc(n.Pins, func(p sqltext.Pin) bool { return slices.Contains(l.KeyNames, p.Column) }) {
		return fmt.Sprintf("its WHERE does not give each column of the primary key (%s) one value", strings.Join(l.KeyNames, ", "))
	}
	return fmt.Sprintf("its WHERE names %s, which is neither the primary key nor in Config.Tracked", n.Pins[0].Column)
}

// untold says why a column's values can't be compared, "" if they can.
func untold(l *catalog.Layout, column string) string {
	if _, ok := l.Column(column); ok {
		return ""
	}
	why := l.Untold[column]
	if why == "" {
		why = "it is not among the table's columns, or is there twice"
	}
	return fmt.Sprintf("values of %s can't be compared here: %s", column, why)
}

// unkeyed says why a table has no primary key by which its rows can be told apart.
func unkeyed(l *catalog.Layout) string {
	for _, name := range l.KeyNames {
		if why := untold(l, name); why != "" {
			return why
		}
	}
	return "its table has no primary key"
}

func tooMany(column string) string {
	return fmt.Sprintf("it asks for more than %d values of %s", MaxRowTags, column)
}

// Refused says why [Narrowed.Tags] gives no tags for these arguments.
func (n *Narrowed) Refused(args []any) string {
	columns := strings.Join(n.Key.Columns(), ", ")
	switch {
	case len(n.pins[0]) > MaxRowTags:
		return tooMany(columns)
	case len(args) != n.text.Params || Shifted(args):
		return "its arguments are not one for each placeholder"
	}
	return fmt.Sprintf("an argument for %s can't be compared as the database does: another type than the column's, "+
		"an empty text, or one with other characters than letters, digits and _.:@/-", columns)
}

// Pins are the values that the query is pinned to with these arguments, in words such as "id is 5".
func (n *Narrowed) Pins(args []any) (list []string) {
	say := func(i int, v sqltext.Operand) (string, bool) {
		value, _ := Operand(v, args)
		text, null, ok := n.Key.columns[i].Argument(value)
		return n.Key.columns[i].Name + " is " + text, ok && !null
	}
	if len(n.pins) > 1 {
		parts := make([]string, len(n.pins))
		for i, values := range n.pins {
			said, ok := say(i, values[0])
			if !ok {
				return nil
			}
			parts[i] = said
		}
		return []string{strings.Join(parts, " and ")}
	}
	for _, v := range n.pins[0] {
		if said, ok := say(0, v); ok && !slices.Contains(list, said) {
			list = append(list, said)
		}
	}
	return list
}
