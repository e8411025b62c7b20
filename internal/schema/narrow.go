package schema

import (
	"reflect"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// MaxRowTags is on how many rows, or values of a tracked column, one query may depend one by one. One that
// asks for more depends on its table.
const MaxRowTags = 16

// Narrowed is a query that depends on some values of a key only. It does not change, and is safe for
// concurrent use.
type Narrowed struct {
	Key  *Key
	text *sqltext.Narrow
	// pins are the values of each of the key's columns.
	pins [][]sqltext.Operand
}

// Narrow returns on which values of a key a query depends, if its text pins it to a primary key, or to a column for
// which tracked says so; or nil and why it depends on whole tables.
func (s *Schema) Narrow(r Reading, info *sqltext.Info, tracked func(table, column string) bool) (_ *Narrowed, why string) {
	n := info.Narrow
	switch {
	case n == nil:
		return nil, info.Wide
	case len(r.Tables) != 1 || r.Tables[0] != n.Table:
		return nil, n.Table + " is a view"
	case len(n.Pins) == 0 && n.Where == "":
		return nil, "it has no WHERE"
	case len(n.Pins) == 0:
		return nil, "its WHERE has no column = value, and no column IN (values), that everything else is joined to by AND"
	}
	l, why := r.snapshot.whole(n.Table)
	if l == nil {
		return nil, why
	}
	if k := s.Key(r, n.Table, ""); k != nil {
		if pins := pinned(n, k); pins != nil {
			return &Narrowed{Key: k, text: n, pins: pins}, ""
		}
	}
	for _, pin := range n.Pins {
		if !tracked(n.Table, pin.Column) || len(pin.Values) > MaxRowTags {
			continue
		}
		if k := s.Key(r, n.Table, pin.Column); k != nil {
			return &Narrowed{Key: k, text: n, pins: [][]sqltext.Operand{pin.Values}}, ""
		}
	}
	return nil, unpinned(n, l, tracked)
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

// Pin are the fewest values that the text gives a column, nil if it gives none.
func Pin(n *sqltext.Narrow, column string) (values []sqltext.Operand) {
	for _, p := range n.Pins {
		if p.Column == column && (values == nil || len(p.Values) < len(values)) {
			values = p.Values
		}
	}
	return values
}

// Most is how many tags [Narrowed.Tags] appends at most.
func (n *Narrowed) Most() int { return len(n.Key.base) + min(len(n.pins[0]), MaxRowTags) }

// Tags appends all tags that the query depends on with these arguments. ok is false if one of its values
// can't be compared, or if there are too many: it depends on the table then.
func (n *Narrowed) Tags(tags []string, args []any) (_ []string, ok bool) {
	if len(n.pins[0]) > MaxRowTags || len(args) != n.text.Params || Shifted(args) {
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

// appendKeyPart joins the columns of a key. Two keys that are joined alike share a tag, which costs a miss.
func appendKeyPart(b []byte, i int, part string) []byte {
	if i > 0 {
		b = append(b, '.')
	}
	return append(b, part...)
}

// Operand is the value that an operand stands for. known is false for expressions and defaults.
func Operand(o sqltext.Operand, args []any) (value any, known bool) {
	switch o.Kind {
	case sqltext.ParamOperand:
		if o.Param >= len(args) {
			return nil, false
		}
		return args[o.Param], true
	case sqltext.IntegerOperand:
		return o.Int, true
	case sqltext.TextOperand:
		return o.Text, true
	case sqltext.NullOperand:
		return nil, true
	}
	return nil, false
}

// Shifted reports whether the first argument is one that pgx takes for itself, such as pgx.QueryExecMode: what the
// placeholders stand for is not known then.
func Shifted(args []any) bool {
	if len(args) == 0 {
		return false
	}
	switch args[0].(type) {
	case nil, string, int, int64, uint, uint64, bool:
		return false
	}
	t := reflect.TypeOf(args[0])
	if _, rewrites := t.MethodByName("RewriteQuery"); rewrites {
		return true
	}
	return strings.Contains(t.PkgPath(), "github.com/jackc/pgx/") && !strings.Contains(t.PkgPath(), "/pgtype")
}
