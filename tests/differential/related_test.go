package differential_test

import (
	"context"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// with draws a table of the family for which ok holds.
func (g *gen) with(ok func(t *table) bool) *table {
	var list []*table
	for _, t := range g.tables {
		if ok(t) {
			list = append(list, t)
		}
	}
	return pick(g, list...)
}

// preloaded is Find with Preload; what is preloaded may be cached for itself.
func (g *gen) preloaded() *query {
	t := g.with(func(t *table) bool { return len(t.relations) > 0 })
	c := &chain{}
	c.where(g, t, 1)
	c.order(g, t)
	names := some(g, t.relations)
	if len(names) > 3 {
		names = names[:3]
	}
	if g.one(6) {
		names = []string{clause.Associations}
	}
	own := g.one(2)
	return &query{text: f("%s.Preload(%q, cached: %v).Find(&[]%s)", c.text.String(), names, own, t.typ.Name()), several: true, run: func(r *reading) {
		tx := c.on(r.new, r.start())
		for _, name := range names {
			if own && r.scope != nil {
				tx = tx.Preload(name, func(db *gorm.DB) *gorm.DB { return db.Clauses(r.scope) })
			} else {
				tx = tx.Preload(name)
			}
		}
		dest := reflect.New(reflect.SliceOf(t.typ)).Interface()
		r.done(tx.Find(dest), render1, dest)
	}}
}

// joined is Joins, by a relation's name or by SQL.
func (g *gen) joined() *query {
	if g.one(2) {
		return g.joinedBySQL()
	}
	t := g.with(func(t *table) bool { return len(t.joins) > 0 })
	c := &chain{}
	for _, name := range some(g, t.joins) {
		if g.one(3) {
			c.add(f(".InnerJoins(%q)", name), func(db *gorm.DB) *gorm.DB { return db.InnerJoins(name) })
		} else {
			c.add(f(".Joins(%q)", name), func(db *gorm.DB) *gorm.DB { return db.Joins(name) })
		}
	}
	c.where(g, t, 1)
	c.order(g, t)
	return &query{text: f("%s.Find(&[]%s)", c.text.String(), t.typ.Name()), run: func(r *reading) {
		dest := reflect.New(reflect.SliceOf(t.typ)).Interface()
		r.done(c.on(r.new, r.start()).Find(dest), render1, dest)
	}}
}

func (g *gen) joinedBySQL() *query {
	a, b := pick(g, g.tables...), pick(g, g.tables...)
	on := f("%s.%s = j.%s", g.quote(a.name), g.quote(a.key[0].name), g.quote(b.key[0].name))
	for _, l := range b.links {
		if l.to == a {
			on = f("%s.%s = j.%s", g.quote(a.name), g.quote(l.toCol), g.quote(l.column))
		}
	}
	join := f("%s %s j ON %s", pick(g, "JOIN", "LEFT JOIN"), g.quote(b.name), on)
	what := f("%s.%s AS a, j.%s AS b", g.quote(a.name), g.quote(a.key[0].name), g.quote(pick(g, b.all()...).name))
	c := &chain{}
	c.table(a)
	c.add(f(".Model(&%s{}).Joins(%q).Select(%q)", a.typ.Name(), join, what), func(db *gorm.DB) *gorm.DB {
		return db.Model(reflect.New(a.typ).Interface()).Joins(join).Select(what)
	})
	return &query{text: c.text.String() + ".Scan(&[]map)", run: func(r *reading) {
		var dest []map[string]any
		r.done(c.on(r.new, r.start()).Scan(&dest), renderSet, &dest)
	}}
}

// owner draws a row to ask for its relations.
func (g *gen) owner(t *table) (text string, make func() any) {
	args := t.key[0].kind.args()
	key := args[g.n(len(args))]
	return f("%s{%s}", t.typ.Name(), literal(key)), func() any {
		v := reflect.New(t.typ)
		v.Elem().FieldByName(t.key[0].field).Set(reflect.ValueOf(key))
		return v.Interface()
	}
}

// associated is Association().Find or Count.
func (g *gen) associated() *query {
	t := g.with(func(t *table) bool { return len(t.many) > 0 })
	rel := pick(g, t.many...)
	text, owner := g.owner(t)
	if g.one(3) {
		return &query{text: f(".Model(&%s).Association(%q).Count()", text, rel.name), run: func(r *reading) {
			a := r.start().Model(owner()).Association(rel.name)
			r.see("count", render(a.Count()))
			r.failed(a.Error)
		}}
	}
	return &query{text: f(".Model(&%s).Association(%q).Find(&[]%s)", text, rel.name, rel.to.typ.Name()), run: func(r *reading) {
		dest := reflect.New(reflect.SliceOf(rel.to.typ)).Interface()
		r.failed(r.start().Model(owner()).Association(rel.name).Find(dest))
		r.see("destination", renderSet(dest))
	}}
}

// generic is gorm.G.
func (g *gen) generic() *query {
	switch g.n(4) {
	case 0:
		return genericOf[person](g)
	case 1:
		return genericOf[company](g)
	case 2:
		return genericOf[seat](g)
	}
	return genericOf[memo](g)
}

func genericOf[T any](g *gen) *query {
	t := g.with(func(t *table) bool { return t.typ == reflect.TypeFor[T]() })
	co := g.condition(t, 1)
	by := g.columns(t.keyNames())
	way := pick(g, "Find", "First", "Count", "Scan", "Take")
	return &query{text: f("gorm.G[%s].Where(%s).Order(%q).%s()", t.typ.Name(), co.text, by, way), run: func(r *reading) {
		// gorm.G takes no *gorm.DB as a condition: it is asked by its expression.
		q, args := co.make(r.new)
		if sub, ok := q.(*gorm.DB); ok {
			if where, ok := sub.Statement.Clauses["WHERE"].Expression.(clause.Where); ok {
				q = clause.And(where.Exprs...)
			}
		}
		chain := gorm.G[T](r.db, r.clauses()...).Where(q, args...)
		ctx := r.db.Statement.Context
		if ctx == nil {
			ctx = context.Background()
		}
		var err error
		var got any
		switch way {
		case "Find":
			got, err = chain.Order(by).Find(ctx)
		case "First":
			got, err = chain.First(ctx)
		case "Take":
			got, err = chain.Order(by).Take(ctx)
		case "Count":
			got, err = chain.Count(ctx, "*")
		case "Scan":
			var dest []T
			err = chain.Order(by).Scan(ctx, &dest)
			got = dest
		}
		r.failed(err)
		if err == nil {
			r.see("result", render(got))
		}
	}}
}
