package differential_test

import (
	"reflect"
)

// raw is a read by SQL text.
func (g *gen) raw() *query {
	t, u := pick(g, g.tables...), pick(g, g.tables...)
	c, v := g.comparable(t)
	n, key, name := g.quote(t.name), g.columns(t.keyNames()), g.quote(c.name)
	other := g.quote(u.name)
	first := g.quote(t.key[0].name)
	var args []any
	sql := choose(g,
		choice[string]{4, func() string { args = []any{v}; return f("SELECT * FROM %s WHERE %s = ?", n, name) }},
		choice[string]{3, func() string {
			args = []any{v}
			return f("SELECT * FROM %s WHERE NOT (%s = ?) OR %s IS NULL", n, name, name)
		}},
		choice[string]{2, func() string {
			return f("WITH x AS (SELECT * FROM %s) SELECT x.*, (SELECT count(*) FROM %s) AS n FROM x", n, other)
		}},
		choice[string]{2, func() string {
			return f("SELECT %s AS k FROM %s UNION ALL SELECT %s FROM %s", first, n, first, n)
		}},
		choice[string]{2, func() string { return f("SELECT * FROM %s WHERE EXISTS (SELECT 1 FROM %s)", n, other) }},
		choice[string]{2, func() string { return f("SELECT %s, row_number() OVER (ORDER BY %s) AS n FROM %s", key, key, n) }},
		choice[string]{2, func() string { return f("SELECT count(*) AS n FROM %s, %s b", n, other) }},
		choice[string]{2, func() string {
			return f("SELECT CASE WHEN %s IS NULL THEN 'none' ELSE 'some' END AS c, 1.5 AS d FROM %s", name, n)
		}},
		choice[string]{1, func() string {
			random := map[string]string{lite: "random()", pg: "random()", my: "rand()"}[g.dialect]
			return f("SELECT count(*) AS n FROM %s WHERE %s IS NOT NULL", n, random)
		}},
		choice[string]{1, func() string { return f("SELECT nothing FROM %s", n) }},
	)
	d := to(reflect.TypeFor[[]map[string]any]())
	text := f(".Raw(%q%s)", sql, literals(args))
	if g.one(3) {
		return &query{text: text + ".Rows()", run: func(r *reading) { r.rows(r.start().Raw(sql, args...), d.make, renderSet) }}
	}
	return &query{text: text + ".Scan(&[]map)", run: func(r *reading) {
		dest := d.make()
		r.done(r.start().Raw(sql, args...).Scan(dest), renderSet, dest)
	}}
}

// someViews draws the views of a program: of a table, of a join, of a view.
func (g *gen) someViews() []view {
	t, u := pick(g, g.tables...), pick(g, g.tables...)
	n, first := g.quote(t.name), g.quote(t.key[0].name)
	views := []view{{name: g.prefix + "v0", of: t}, {name: g.prefix + "v1", of: t}, {name: g.prefix + "v2", of: t}}
	where := map[*kind]string{kindID: " <= 3", kindCode: " <> 'x'"}[t.key[0].kind]
	views[0].sql = f("CREATE VIEW %s AS SELECT * FROM %s WHERE %s%s", g.quote(views[0].name), n, first, where)
	views[1].sql = f("CREATE VIEW %s AS SELECT a.*, (SELECT count(*) FROM %s) AS n FROM %s a", g.quote(views[1].name), g.quote(u.name), n)
	views[2].sql = f("CREATE VIEW %s AS SELECT * FROM %s", g.quote(views[2].name), g.quote(views[1].name))
	return views[:g.n(4)]
}

// ofView is a read of a view.
func (g *gen) ofView() *query {
	if len(g.views) == 0 {
		return g.raw()
	}
	v := pick(g, g.views...)
	t := *v.of
	t.name, t.named, t.joins = v.name, false, nil
	c := &chain{}
	c.table(&t)
	c.where(g, &t, 2)
	if g.one(3) {
		return &query{text: c.text.String() + ".Count(&n)", run: func(r *reading) {
			var n int64
			r.done(c.on(r.new, r.start()).Count(&n), render1, n)
		}}
	}
	d := g.destination(&t)
	return &query{text: f("%s.Find(&%s)", c.text.String(), d.text), run: func(r *reading) {
		dest := d.make()
		r.done(c.on(r.new, r.start()).Find(dest), renderSet, dest)
	}}
}
