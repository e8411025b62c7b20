package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// maxRowTags is on how many rows, or values of a tracked column, one query may depend one by one. One that
// asks for more depends on its table.
const maxRowTags = 16

// Narrowed is a query that depends on some values of a key only. It does not change, and is safe for
// concurrent use.
type Narrowed struct {
	Key  *Key
	text *sqltext.Narrow
	// pins are the values of each of the key's columns.
	pins [][]sqltext.Operand
}

// pinned are the values that the text gives the key's columns; nil if it leaves one of them open, or
// gives more than one to a key of several columns.
func pinned(n *sqltext.Narrow, k *Key) [][]sqltext.Operand {
	pins := make([][]sqltext.Operand, len(k.columns))
	for i := range k.columns {
		pins[i] = Pin(n, k.columns[i].Name)
		if pins[i] == nil || len(pins[i]) > 1 && len(k.columns) > 1 {
			return nil
		}
	}
	return pins
}

// Most is how many tags [Narrowed.Tags] appends at most.
func (n *Narrowed) Most() int { return len(n.Key.base) + min(len(n.pins[0]), maxRowTags) }

// Tags appends all tags that the query depends on with these arguments. ok is false if one of its values
// can't be compared, or if there are too many: it depends on the table then.
func (n *Narrowed) Tags(tags []string, args []any) (_ []string, ok bool) {
	if len(n.pins[0]) > maxRowTags || len(args) != n.text.Params || Shifted(args) {
		return tags, false
	}
	first := len(tags)
	tags = append(tags, n.Key.base...)
	var room [64]byte
	if len(n.pins) > 1 {
		text, null, ok := n.Key.composite(room[:0], n.pins, args)
		if !ok {
			return tags[:first], false
		}
		if !null { // equals nothing
			tags = append(tags, n.Key.values.Tag(text))
		}
		return tags, true
	}
	for _, v := range n.pins[0] {
		value, known := Operand(v, args)
		if !known {
			return tags[:first], false
		}
		text, null, ok := n.Key.columns[0].AppendArgument(room[:0], value)
		if !ok {
			return tags[:first], false
		}
		if null { // equals nothing
			continue
		}
		if tag := n.Key.values.Tag(text); !slices.Contains(tags[first:], tag) {
			tags = append(tags, tag)
		}
	}
	return tags, true
}

// composite appends the text of a key of several columns, each with one value.
func (k *Key) composite(b []byte, pins [][]sqltext.Operand, args []any) (_ []byte, null, ok bool) {
	for i := range k.columns {
		value, known := Operand(pins[i][0], args)
		if !known {
			return b, false, false
		}
		var isNull bool
		if b, isNull, ok = k.columns[i].AppendArgument(appendKeyPart(b, i, ""), value); !ok {
			return b, false, false
		}
		null = null || isNull
	}
	return b, null, true
}

// unpinned says why the values that a query's WHERE gives columns narrow it to no key.
func unpinned(n *sqltext.Narrow, l *catalog.Layout, tracked func(table, column string) bool) string {
	for _, p := range n.Pins {
		if slices.Contains(l.KeyNames, p.Column) || tracked(n.Table, p.Column) {
			if why := untold(l, p.Column); why != "" {
				return why
			}
		}
		if tracked(n.Table, p.Column) && len(p.Values) > maxRowTags {
			return tooMany(p.Column)
		}
	}
	if len(l.KeyNames) > 1 && slices.ContainsFunc(n.Pins, func(p sqltext.Pin) bool { return slices.Contains(l.KeyNames, p.Column) }) {
		return fmt.Sprintf("its WHERE does not give each column of the primary key (%s) one value", strings.Join(l.KeyNames, ", "))
	}
	return fmt.Sprintf("its WHERE names %s, which is neither the primary key nor in Config.Tracked", n.Pins[0].Column)
}

// whole returns the layout of a table whose rows can be told apart, or why there is none.
func (s *Snapshot) whole(table string) (_ *catalog.Layout, why string) {
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
	return fmt.Sprintf("it asks for more than %d values of %s", maxRowTags, column)
}

// Refused says why [Narrowed.Tags] gives no tags for these arguments.
func (n *Narrowed) Refused(args []any) string {
	columns := strings.Join(n.Key.Columns(), ", ")
	switch {
	case len(n.pins[0]) > maxRowTags:
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
