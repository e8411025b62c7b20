package differential_test

import (
	"reflect"
	"strings"
)

// row is a row of a table, made anew each time it is used, since GORM writes into it.
type row struct {
	table *table
	text  string
	make  func() reflect.Value // a pointer to a struct
}

// rowOf makes a row of the values of some fields.
func rowOf(t *table, values map[string]any) row {
	var parts []string
	for _, c := range t.all() {
		if v, ok := values[c.field]; ok {
			parts = append(parts, c.field+": "+literal(v))
		}
	}
	return row{t, f("%s{%s}", t.label(), strings.Join(parts, ", ")), func() reflect.Value {
		v := reflect.New(t.typ)
		for field, value := range values {
			v.Elem().FieldByName(field).Set(reflect.ValueOf(value))
		}
		for _, c := range t.cols { // the zero value of a text is not a number
			if c.kind == kindDecimal && v.Elem().FieldByName(c.field).Len() == 0 {
				v.Elem().FieldByName(c.field).SetString("0")
			}
		}
		return v
	}}
}

// row draws a row. Keys and links are few, so that rows meet.
func (g *gen) row(t *table) row {
	values := map[string]any{}
	for _, c := range t.all() {
		if c.kind == kindID && len(t.key) == 1 && c.name == t.key[0].name && g.one(4) {
			continue // the database gives the key
		}
		if c.kind == kindLink && !g.one(2) || c.kind != kindLink && len(t.cols) > 4 && g.one(3) && c.kind != kindCode {
			continue
		}
		values[c.field] = c.kind.values[g.n(len(c.kind.values))]
	}
	return rowOf(t, values)
}

// first draws the rows that a table has at first: their links lead to rows that are there, so that
// foreign keys have something to do.
func (g *gen) first(t *table) (rows []row) {
	for i := range g.n(4) {
		values := map[string]any{}
		for _, c := range t.all() {
			v := c.kind.values[g.n(len(c.kind.values))]
			if c.kind == kindLink {
				v = (*uint)(nil)
			}
			for _, l := range t.links {
				if l.column != c.name {
					continue
				}
				if v = g.keyOf(l.to, c.kind); v == nil {
					return rows // one that links must have
				}
			}
			values[c.field] = v
		}
		k := t.key[len(t.key)-1]
		if len(t.links) == 0 || k.kind == kindID && len(t.key) == 1 {
			values[k.field] = k.kind.values[i%len(k.kind.values)]
			if len(t.key) > 1 && i >= len(k.kind.values) {
				return rows
			}
			if len(t.key) > 1 {
				values[t.key[0].field] = t.key[0].kind.values[0]
			}
		} else if i > 0 {
			return rows
		}
		rows = append(rows, rowOf(t, values))
		g.filled[t]++
	}
	return rows
}

// keyOf draws the key of one of a table's first rows; nil if there is none.
func (g *gen) keyOf(t *table, k *kind) any {
	n := g.filled[t]
	if n == 0 {
		if k == kindLink {
			return (*uint)(nil)
		}
		return nil
	}
	i := g.n(n)
	if k == kindLink {
		return ptr(uint(i + 1))
	}
	return t.key[0].kind.values[i]
}
