package differential_test

import (
	"database/sql"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// condition is what Where, Or and Not take. It is made anew each time it is used, with queries of the
// handle that asks.
type condition struct {
	text string
	make func(new func() *gorm.DB) (any, []any)
}

func cond(text string, query any, args ...any) condition {
	if s, ok := query.(string); ok {
		text = f("%q%s", s, literals(args))
	}
	return condition{text, func(func() *gorm.DB) (any, []any) { return query, args }}
}

// value draws one to compare a column with, and the column.
func (g *gen) value(t *table) (column, any) {
	c := pick(g, t.all()...)
	args := c.kind.args()
	return c, args[g.n(len(args))]
}

// comparable draws a column that the database can compare, and a value: JSON is kept as text.
func (g *gen) comparable(t *table) (column, any) {
	c, v := g.value(t)
	if c.kind == kindJSON {
		return t.key[0], t.key[0].kind.args()[0]
	}
	return c, v
}

// condition draws one on a table. Names are qualified where several tables are joined.
func (g *gen) condition(t *table, depth int) condition {
	c, v := g.comparable(t)
	name := g.quote(t.name) + "." + g.quote(c.name)
	if g.one(2) {
		name = g.quote(c.name)
		if len(t.joins) > 0 {
			name = g.quote(t.name) + "." + name
		}
	}
	args := c.kind.args()
	other := args[g.n(len(args))]
	return choose(g,
		choice[condition]{6, func() condition { return cond("", name+" = ?", v) }},
		choice[condition]{3, func() condition { return cond("", name+pick(g, " <> ?", " > ?", " <= ?"), v) }},
		choice[condition]{2, func() condition { return cond("", name+pick(g, " IS NULL", " IS NOT NULL")) }},
		choice[condition]{3, func() condition { return cond("", name+" IN ?", list(v, other)) }},
		choice[condition]{1, func() condition {
			return cond("", name+" IN ?", reflect.MakeSlice(reflect.SliceOf(c.kind.typ()), 0, 0).Interface())
		}},
		choice[condition]{2, func() condition { return cond("", name+" BETWEEN ? AND ?", v, other) }},
		choice[condition]{2, func() condition {
			return cond("", name+" = @a OR "+name+" = @b", sql.Named("a", v), sql.Named("b", other))
		}},
		choice[condition]{2, func() condition {
			m := map[string]any{t.name + "." + c.name: v}
			return cond(f("map[%s: %s]", t.name+"."+c.name, literal(v)), m)
		}},
		choice[condition]{2, func() condition {
			col := clause.Column{Table: clause.CurrentTable, Name: c.name}
			e := pick[clause.Expression](g, clause.Eq{Column: col, Value: v}, clause.Neq{Column: col, Value: v}, clause.Gte{Column: col, Value: v}, clause.IN{Column: col, Values: []any{v, other}})
			return cond(f("%T{%s, %s}", e, c.name, literal(v)), e)
		}},
		choice[condition]{3, func() condition { return g.like(t, name) }},
		choice[condition]{2, func() condition { return g.byStruct(t) }},
		choice[condition]{2 * min(depth, 1), func() condition { return g.subquery(t, depth) }},
		choice[condition]{2 * min(depth, 1), func() condition { return g.group(t, depth) }},
	)
}

// list makes a slice of two values of one type.
func list(a, b any) any {
	s := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(a)), 0, 2)
	return reflect.Append(s, reflect.ValueOf(a), reflect.ValueOf(b)).Interface()
}

func (g *gen) like(t *table, otherwise string) condition {
	for _, c := range t.all() {
		if c.kind.text {
			return cond("", g.quote(t.name)+"."+g.quote(c.name)+pick(g, " LIKE ?", " NOT LIKE ?"), pick(g, "%", "a%", "%b", "_", "%'%", ""))
		}
	}
	return cond("", otherwise+" IS NULL")
}

// byStruct is a condition of a struct's fields that are not zero.
func (g *gen) byStruct(t *table) condition {
	v := reflect.New(t.typ)
	text := t.typ.Name()
	for _, c := range some(g, t.all()) {
		if c.kind != kindJSON {
			value := c.kind.values[g.n(len(c.kind.values))]
			v.Elem().FieldByName(c.field).Set(reflect.ValueOf(value))
			text += f(" %s: %s", c.field, literal(value))
		}
	}
	return cond("&{"+text+"}", v.Interface())
}

// subquery is IN, EXISTS or = (SELECT …) of another table.
func (g *gen) subquery(t *table, depth int) condition {
	from := pick(g, g.tables...)
	inner := g.condition(from, depth-1)
	c := t.key[0]
	name := g.quote(t.name) + "." + g.quote(c.name)
	col := from.key[0].name
	for _, l := range from.links {
		if l.to == t && g.one(2) {
			col = l.column
		}
	}
	sub := func(new func() *gorm.DB, what string) *gorm.DB {
		q, args := inner.make(new)
		return new().Table(from.name).Select(what).Where(q, args...)
	}
	if g.one(3) {
		text := g.quote(t.name) + "." + g.quote(t.key[0].name) + pick(g, " = (?)", " >= (?)")
		return condition{f("%q, (SELECT max(%s) FROM %s WHERE %s)", text, col, from.name, inner.text), func(new func() *gorm.DB) (any, []any) {
			return text, []any{sub(new, "max("+g.quote(col)+")")}
		}}
	}
	text := name + pick(g, " IN (?)", " NOT IN (?)")
	return condition{f("%q, (SELECT %s FROM %s WHERE %s)", text, col, from.name, inner.text), func(new func() *gorm.DB) (any, []any) {
		return text, []any{sub(new, g.quote(col))}
	}}
}

// group is db.Where(a).Or(b) in brackets.
func (g *gen) group(t *table, depth int) condition {
	a, b := g.condition(t, depth-1), g.condition(t, depth-1)
	return condition{f("db.Where(%s).Or(%s)", a.text, b.text), func(new func() *gorm.DB) (any, []any) {
		q1, args1 := a.make(new)
		q2, args2 := b.make(new)
		return new().Where(q1, args1...).Or(q2, args2...), nil
	}}
}

// chain is a list of calls on a *gorm.DB.
type chain struct {
	text  strings.Builder
	calls []func(new func() *gorm.DB, db *gorm.DB) *gorm.DB
}

func (c *chain) add(text string, call func(db *gorm.DB) *gorm.DB) {
	c.text.WriteString(text)
	c.calls = append(c.calls, func(_ func() *gorm.DB, db *gorm.DB) *gorm.DB { return call(db) })
}

// on runs the calls.
func (c *chain) on(new func() *gorm.DB, db *gorm.DB) *gorm.DB {
	for _, call := range c.calls {
		db = call(new, db)
	}
	return db
}

// where adds up to n conditions.
func (c *chain) where(g *gen, t *table, n int) {
	for i := range g.n(n + 1) {
		co := g.condition(t, 1)
		way := "Where"
		if i > 0 {
			way = pick(g, "Where", "Or", "Not")
		} else if g.one(8) {
			way = "Not"
		}
		c.text.WriteString(f(".%s(%s)", way, co.text))
		c.calls = append(c.calls, func(new func() *gorm.DB, db *gorm.DB) *gorm.DB {
			q, args := co.make(new)
			switch way {
			case "Or":
				return db.Or(q, args...)
			case "Not":
				return db.Not(q, args...)
			}
			return db.Where(q, args...)
		})
	}
}

// table names the table where the model does not.
func (c *chain) table(t *table) {
	if !t.named {
		c.add(f(".Table(%q)", t.name), func(db *gorm.DB) *gorm.DB { return db.Table(t.name) })
	}
}

// order sorts by the whole key, so that there is one order only.
func (c *chain) order(g *gen, t *table) {
	var names []string
	if g.one(2) {
		if col := pick(g, t.all()...); col.kind != kindJSON {
			names = append(names, g.quote(t.name)+"."+g.quote(col.name)+pick(g, "", " DESC"))
		}
	}
	desc := pick(g, "", " DESC")
	for _, k := range t.key {
		names = append(names, g.quote(t.name)+"."+g.quote(k.name)+desc)
	}
	by := strings.Join(names, ", ")
	c.add(f(".Order(%q)", by), func(db *gorm.DB) *gorm.DB { return db.Order(by) })
}

// page adds Limit and Offset.
func (c *chain) page(g *gen) {
	limit, offset := pick(g, 1, 2, 3, 0), pick(g, 0, 1, 2)
	if offset > 0 {
		c.add(f(".Limit(%d).Offset(%d)", limit, offset), func(db *gorm.DB) *gorm.DB { return db.Limit(limit).Offset(offset) })
		return
	}
	c.add(f(".Limit(%d)", limit), func(db *gorm.DB) *gorm.DB { return db.Limit(limit) })
}
