package differential_test

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// query is a read that can be asked many times.
type query struct {
	text    string
	several bool // it runs several statements, each of which may be a hit
	region  string
	options []fromcache.Option
	run     func(r *reading)
}

func (q *query) String() string { return q.text }

// reading is one asking of a query. What it sees is written down to be compared.
type reading struct {
	db    *gorm.DB
	scope *fromcache.Cached // nil: without the cache
	out   strings.Builder
}

// ask returns all that the query's caller can see.
func (q *query) ask(db *gorm.DB, scope *fromcache.Cached) string {
	r := &reading{db: db, scope: scope}
	q.run(r)
	return r.out.String()
}

// scope returns the query's scope as the operation wants it; nil where a policy will do.
func (q *query) scope(a asking, policy bool) *fromcache.Cached {
	if policy && q.region == "default" && len(q.options) == 0 && !a.anyway && !a.refresh {
		return nil
	}
	options := q.options
	if a.anyway {
		options = append(options[:len(options):len(options)], fromcache.InTransaction())
	}
	if a.refresh {
		options = append(options[:len(options):len(options)], fromcache.Refresh())
	}
	return fromcache.Region(q.region, options...)
}

// start begins a query through the cache, or without it.
func (r *reading) start() *gorm.DB {
	if r.scope == nil {
		return r.db.Session(&gorm.Session{NewDB: true})
	}
	return r.db.Clauses(r.scope)
}

// new begins a query without the cache: a part of another.
func (r *reading) new() *gorm.DB { return r.db.Session(&gorm.Session{NewDB: true}) }

// clauses are for gorm.G.
func (r *reading) clauses() []clause.Expression {
	if r.scope == nil {
		return nil
	}
	return []clause.Expression{r.scope}
}

func (r *reading) see(name, value string) { r.out.WriteString(name + " " + value + "; ") }

// done notes what a finished query leaves. Where rows did not fit the destination, what is left in it
// is anybody's guess.
func (r *reading) done(tx *gorm.DB, render func(any) string, dest any) {
	r.failed(tx.Error)
	if tx.Error == nil || !misfit(tx.Error) {
		r.see("RowsAffected", render2(tx.RowsAffected))
		r.see("destination", render(dest))
	}
}

func render2(n int64) string { return render(n) }

func misfit(err error) bool {
	return strings.Contains(err.Error(), "Scan") || strings.Contains(err.Error(), "unmarshal") || strings.Contains(err.Error(), "parsing")
}

func (r *reading) failed(err error) {
	if err != nil {
		r.see("Error", err.Error())
	}
}

// query draws a read, and how it uses the cache.
func (g *gen) query() *query {
	q := choose(g,
		choice[*query]{30, g.rows},
		choice[*query]{8, g.single},
		choice[*query]{8, g.values},
		choice[*query]{6, g.grouped},
		choice[*query]{8, g.preloaded},
		choice[*query]{8, g.joined},
		choice[*query]{5, g.associated},
		choice[*query]{6, g.generic},
		choice[*query]{8, g.raw},
		choice[*query]{5, g.ofView},
		choice[*query]{4, g.batches},
	)
	q.region = "default"
	switch g.n(12) {
	case 11:
		q.region = "small"
		q.text += " [small]"
	case 10:
		q.options = append(q.options, fromcache.Key("me", 1))
	case 9:
		q.options = append(q.options, fromcache.Tags("mine"), fromcache.TTL(time.Minute))
	}
	return q
}

// destination is where rows are scanned to.
type destination struct {
	text string
	make func() any
}

// destinations of many rows of a table.
func (g *gen) destination(t *table) destination {
	return choose(g,
		choice[destination]{5, func() destination { return to(reflect.SliceOf(t.typ)) }},
		choice[destination]{2, func() destination { return to(reflect.SliceOf(reflect.PointerTo(t.typ))) }},
		choice[destination]{2, func() destination { return to(reflect.TypeFor[[]map[string]any]()) }},
		choice[destination]{3, func() destination { return to(reflect.SliceOf(g.part(t))) }},
	)
}

func to(typ reflect.Type) destination {
	return destination{short(typ), func() any { return reflect.New(typ).Interface() }}
}

func short(typ reflect.Type) string {
	if s := typ.String(); len(s) < 300 {
		return s
	}
	return typ.String()[:300] + "…"
}

// part is a struct with some of a table's columns, perhaps of another type.
func (g *gen) part(t *table) reflect.Type {
	other := pick(g, nil, reflect.TypeFor[string](), reflect.TypeFor[*string](), reflect.TypeFor[[]byte](), nil)
	var fields []reflect.StructField
	for _, c := range some(g, t.all()) {
		typ, tag := c.kind.typ(), c.kind.tag
		if other != nil && c.kind != kindJSON {
			typ, tag = other, ""
		}
		fields = append(fields, reflect.StructField{Name: c.field, Type: typ, Tag: reflect.StructTag(f(`gorm:"column:%s;%s"`, c.name, tag))})
	}
	return reflect.StructOf(fields)
}

// rows is Find or Scan of many rows.
func (g *gen) rows() *query {
	t := pick(g, g.tables...)
	c := &chain{}
	d := g.destination(t)
	c.model(t)
	c.where(g, t, 2)
	c.unscoped(g, t)
	render := renderSet
	if g.one(2) {
		c.order(g, t)
		render = render1
		if g.one(2) {
			c.page(g)
		}
	}
	if g.one(6) {
		c.add(".Distinct()", func(db *gorm.DB) *gorm.DB { return db.Distinct() })
		render = renderSet
	}
	way := pick(g, "Find", "Find", "Scan", "Rows")
	if way == "Rows" {
		return &query{text: c.text.String() + ".Rows() into " + d.text, run: func(r *reading) { r.rows(c.on(r.new, r.start()), d.make, render) }}
	}
	return &query{text: c.text.String() + "." + way + "(&" + d.text + ")", run: func(r *reading) {
		dest, tx := d.make(), c.on(r.new, r.start())
		if way == "Scan" {
			tx = tx.Scan(dest)
		} else {
			tx = tx.Find(dest)
		}
		r.done(tx, render, dest)
	}}
}

func render1(v any) string { return render(v) }

// model names the table by a model, or by its name.
func (c *chain) model(t *table) {
	c.table(t)
	c.add(f(".Model(&%s{})", t.typ.Name()), func(db *gorm.DB) *gorm.DB { return db.Model(reflect.New(t.typ).Interface()) })
}

func (c *chain) unscoped(g *gen, t *table) {
	if t.soft && g.one(4) {
		c.add(".Unscoped()", func(db *gorm.DB) *gorm.DB { return db.Unscoped() })
	}
}

// rows reads by Rows and ScanRows. dest makes a slice; its elements are scanned one by one.
func (r *reading) rows(tx *gorm.DB, dest func() any, render func(any) string) {
	rows, err := tx.Rows()
	r.failed(err)
	if err != nil {
		return
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	r.see("columns", strings.Join(names, " "))
	r.failed(err)
	all := reflect.ValueOf(dest()).Elem()
	for rows.Next() {
		row := reflect.New(all.Type().Elem())
		if row.Elem().Kind() == reflect.Map {
			row.Elem().Set(reflect.MakeMap(row.Elem().Type()))
		} else if row.Elem().Kind() == reflect.Pointer {
			row.Elem().Set(reflect.New(row.Elem().Type().Elem()))
		}
		if err := tx.ScanRows(rows, row.Interface()); err != nil {
			r.failed(err)
			return
		}
		all = reflect.Append(all, row.Elem())
	}
	r.failed(rows.Err())
	r.see("rows", render(all.Interface()))
}
