package differential_test

import (
	"reflect"

	"gorm.io/gorm"
)

// single is First, Take or Last.
func (g *gen) single() *query {
	t := pick(g, g.tables...)
	c := &chain{}
	d := choose(g,
		choice[destination]{5, func() destination { return to(t.typ) }},
		choice[destination]{1, func() destination {
			return destination{"map", func() any { return &map[string]any{} }}
		}},
		choice[destination]{2, func() destination { return to(g.part(t)) }},
	)
	c.model(t)
	c.unscoped(g, t)
	way := pick(g, "First", "Take", "Last")
	if way == "Take" || len(t.key) > 1 {
		c.order(g, t)
	}
	if len(t.key) == 1 && g.one(2) { // by the key, inline
		args := t.key[0].kind.args()
		key := args[g.n(len(args))]
		if _, isText := key.(string); !isText {
			return &query{text: f("%s.%s(&%s, %s)", c.text.String(), way, d.text, literal(key)), run: func(r *reading) {
				dest := d.make()
				r.done(one(way, c.on(r.new, r.start()), dest, key), render1, dest)
			}}
		}
	}
	c.where(g, t, 2)
	return &query{text: f("%s.%s(&%s)", c.text.String(), way, d.text), run: func(r *reading) {
		dest := d.make()
		r.done(one(way, c.on(r.new, r.start()), dest), render1, dest)
	}}
}

func one(way string, db *gorm.DB, dest any, conds ...any) *gorm.DB {
	switch way {
	case "First":
		return db.First(dest, conds...)
	case "Last":
		return db.Last(dest, conds...)
	}
	return db.Take(dest, conds...)
}

// values are single columns and numbers: Pluck, Count, Row, Scan into a basic type.
func (g *gen) values() *query {
	t := pick(g, g.tables...)
	c := &chain{}
	c.model(t)
	c.where(g, t, 2)
	c.unscoped(g, t)
	col := pick(g, t.all()...)
	name := g.quote(t.name) + "." + g.quote(col.name)
	switch pick(g, "count", "pluck", "distinct", "row", "scan", "max") {
	case "count":
		if g.one(3) {
			c.add(f(".Distinct(%q)", name), func(db *gorm.DB) *gorm.DB { return db.Distinct(name) })
		}
		return &query{text: c.text.String() + ".Count(&n)", run: func(r *reading) {
			var n int64
			r.done(c.on(r.new, r.start()).Count(&n), render1, n)
		}}
	case "pluck":
		d := to(reflect.SliceOf(col.kind.typ()))
		return &query{text: f("%s.Pluck(%q, &%s)", c.text.String(), name, d.text), run: func(r *reading) {
			dest := d.make()
			r.done(c.on(r.new, r.start()).Pluck(name, dest), renderSet, dest)
		}}
	case "distinct":
		return &query{text: f("%s.Distinct().Pluck(%q, &[]any)", c.text.String(), name), run: func(r *reading) {
			var dest []any
			r.done(c.on(r.new, r.start()).Distinct().Pluck(name, &dest), renderSet, &dest)
		}}
	case "row":
		return &query{text: f("%s.Select(\"count(*), max(%s)\").Row()", c.text.String(), t.key[0].name), run: func(r *reading) {
			// With PrepareStmt, GORM's Row gives one that panics where the statement can't be prepared.
			defer func() {
				if p := recover(); p != nil {
					r.see("panic", f("%v", p))
				}
			}()
			var n int64
			var last any
			row := c.on(r.new, r.start()).Select("count(*), max(" + g.quote(t.key[0].name) + ")").Row()
			if row == nil {
				r.see("row", "nil")
				return
			}
			err := row.Scan(&n, &last)
			r.failed(err)
			r.see("row", render([]any{n, last}))
		}}
	case "scan":
		c.order(g, t)
		c.page(g)
		d := to(col.kind.typ())
		return &query{text: f("%s.Select(%q).Scan(&%s)", c.text.String(), name, d.text), run: func(r *reading) {
			dest := d.make()
			r.done(c.on(r.new, r.start()).Select(name).Scan(dest), render1, dest)
		}}
	}
	return &query{text: f("%s.Select(\"min, max, count of %s\").Scan(&map)", c.text.String(), t.key[0].name), run: func(r *reading) {
		dest := map[string]any{}
		k := g.quote(t.key[0].name)
		r.done(c.on(r.new, r.start()).Select("min("+k+") AS a, max("+k+") AS b, count(*) AS n").Scan(&dest), render1, dest)
	}}
}

// grouped is Group and Having.
func (g *gen) grouped() *query {
	t := pick(g, g.tables...)
	col := pick(g, t.all()...)
	name := g.quote(t.name) + "." + g.quote(col.name)
	c := &chain{}
	c.model(t)
	c.where(g, t, 1)
	c.add(f(".Select(\"%s, count(*) AS n\").Group(%q)", name, name), func(db *gorm.DB) *gorm.DB {
		return db.Select(name + " AS g, count(*) AS n").Group(name)
	})
	if g.one(2) {
		least := g.n(3)
		c.add(f(".Having(\"count(*) > ?\", %d)", least), func(db *gorm.DB) *gorm.DB { return db.Having("count(*) > ?", least) })
	}
	return &query{text: c.text.String() + ".Find(&[]map)", run: func(r *reading) {
		var dest []map[string]any
		r.done(c.on(r.new, r.start()).Find(&dest), renderSet, &dest)
	}}
}

// batches is FindInBatches.
func (g *gen) batches() *query {
	t := pick(g, g.tables...)
	c := &chain{}
	c.table(t)
	c.where(g, t, 1)
	size := 1 + g.n(3)
	return &query{text: f("%s.FindInBatches(&[]%s, %d)", c.text.String(), t.typ.Name(), size), several: true, run: func(r *reading) {
		dest := reflect.New(reflect.SliceOf(t.typ)).Interface()
		seen := 0
		tx := c.on(r.new, r.start()).FindInBatches(dest, size, func(tx *gorm.DB, batch int) error {
			r.see(f("batch %d", batch), f("%d rows %s", tx.RowsAffected, renderSet(dest)))
			if seen++; seen > 20 {
				return gorm.ErrInvalidData
			}
			return nil
		})
		r.failed(tx.Error)
		r.see("RowsAffected", render(tx.RowsAffected))
	}}
}
