package schema

import (
	"reflect"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Pin are the fewest values that the text gives a column, nil if it gives none.
func Pin(n *sqltext.Narrow, column string) (values []sqltext.Operand) {
	for _, p := range n.Pins {
		if p.Column == column && (values == nil || len(p.Values) < len(values)) {
			values = p.Values
		}
	}
	return values
}

// Argument is the text of the value that an operand gives a column.
func Argument(c *catalog.Column, o sqltext.Operand, args []any) (text string, null, ok bool) {
	v, known := Operand(o, args)
	if !known {
		return "", false, false
	}
	return c.Argument(v)
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

// JoinKey is the text of a key, given that of its columns.
func JoinKey(parts []string) string {
	var b []byte
	for i, part := range parts {
		b = appendKeyPart(b, i, part)
	}
	return string(b)
}
