package writer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Whole says why a query for which [Invalidator.Narrow] gives nothing depends on whole tables. It is for
// explanations: nothing is decided here.
func (inv *Invalidator) Whole(r Reading, info *sqltext.Info, tracked func(table, column string) bool) string {
	n := info.Narrow
	switch {
	case n == nil:
		return info.Wide
	case len(r.Tables) != 1 || r.Tables[0] != n.Table:
		return n.Table + " is a view"
	case n.Where == "":
		return "it has no WHERE"
	case len(n.Pins) == 0:
		return "its WHERE has no column = value, and no column IN (values), that everything else is joined to by AND"
	}
	l, why := r.snapshot.whole(n.Table)
	if l == nil {
		return why
	}
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

// whole is the layout of a table whose rows can be told apart, or why there is none.
func (s *snapshot) whole(table string) (_ *catalog.Layout, why string) {
	switch l := s.Layout(table); {
	case l == nil:
		return nil, fmt.Sprintf("the columns of %s may not be seen, or several tables of that name differ", table)
	case !l.Direct:
		return nil, fmt.Sprintf("a write to %s may change more than it says: triggers, rules, partitions, or a cascade back to it", table)
	default:
		return l, ""
	}
}

// untold says why a column's values can't be compared, "" if they can.
func untold(l *catalog.Layout, column string) string {
	if _, ok := l.Column(column); ok {
		return ""
	}
	why := l.Incomparable[column]
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
