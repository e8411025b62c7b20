package differential_test

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// write draws an operation that changes something, on one of the handles; then some queries are asked.
func (g *gen) write() operation {
	h := g.handle()
	w := choose(g,
		choice[change]{14, g.create},
		choice[change]{12, g.update},
		choice[change]{6, g.save},
		choice[change]{7, g.remove},
		choice[change]{4, g.upsert},
		choice[change]{5, g.fromMap},
		choice[change]{3, g.firstOrCreate},
		choice[change]{10, g.execute},
		choice[change]{6, g.returning},
		choice[change]{7, g.associate},
		choice[change]{3, g.genericWrite},
		choice[change]{1, g.clear},
		choice[change]{2, g.define},
	)
	next := g.n(manyQueries)
	return operation{f("handle %d: %s", h, w.text), func(m *machine) {
		m.between, m.wrote[h] = next+3, true
		m.tally.wrote(w.run(m, m.on(h)))
		m.sweep(next, 2)
	}}
}

// handle draws the one to write with: that of the transaction, where one is open.
func (g *gen) handle() int {
	if g.inTx || g.beside {
		return g.writer
	}
	return g.n(2)
}

// change is the inside of a write.
type change struct {
	text string
	run  func(m *machine, db *gorm.DB) error
}

func on(text string, run func(db *gorm.DB) *gorm.DB) change {
	return change{text, func(_ *machine, db *gorm.DB) error { return run(db).Error }}
}

// label names the table in a program's text.
func (t *table) label() string {
	if t.named {
		return t.typ.Name()
	}
	return t.name
}

// of begins a statement on a table.
func (t *table) of(db *gorm.DB) *gorm.DB {
	if t.named {
		return db.Session(&gorm.Session{})
	}
	return db.Table(t.name)
}

func (g *gen) create() change {
	t := pick(g, g.tables...)
	n := pick(g, 1, 1, 2, 3)
	var texts []string
	var rows []row
	for range n {
		r := g.row(t)
		texts, rows = append(texts, r.text), append(rows, r)
	}
	if n == 1 {
		return on(f("Create(&%s)", texts[0]), func(db *gorm.DB) *gorm.DB { return t.of(db).Create(rows[0].make().Interface()) })
	}
	size := pick(g, 0, 0, 1)
	return on(f("Create(&{%s}, in batches of %d)", strings.Join(texts, ", "), size), func(db *gorm.DB) *gorm.DB {
		list := reflect.New(reflect.SliceOf(t.typ))
		for _, r := range rows {
			list.Elem().Set(reflect.Append(list.Elem(), r.make().Elem()))
		}
		if size > 0 {
			return t.of(db).CreateInBatches(list.Interface(), size)
		}
		return t.of(db).Create(list.Interface())
	})
}

func (g *gen) save() change {
	t := pick(g, g.tables...)
	r := g.row(t)
	return on(f("Save(&%s)", r.text), func(db *gorm.DB) *gorm.DB { return t.of(db).Save(r.make().Interface()) })
}

func (g *gen) fromMap() change {
	t := pick(g, g.tables...)
	m := map[string]any{}
	var parts []string
	for _, c := range t.all() {
		if c.kind != kindJSON {
			m[c.name] = c.kind.values[g.n(len(c.kind.values))]
			parts = append(parts, c.name+": "+literal(m[c.name]))
		}
	}
	return on(f("Model(&%s{}).Create(map[%s])", t.label(), strings.Join(parts, ", ")), func(db *gorm.DB) *gorm.DB {
		row := map[string]any{}
		for k, v := range m {
			row[k] = v
		}
		return t.of(db).Model(reflect.New(t.typ).Interface()).Create(row)
	})
}

func (g *gen) upsert() change {
	t := pick(g, g.tables...)
	r := g.row(t)
	var on clause.OnConflict
	how := pick(g, "DoNothing", "UpdateAll", "DoUpdates")
	for _, k := range t.key {
		on.Columns = append(on.Columns, clause.Column{Name: k.name})
	}
	switch how {
	case "DoNothing":
		on.DoNothing = true
	case "UpdateAll":
		on.UpdateAll = true
	default:
		if len(t.cols) > 0 {
			on.DoUpdates = clause.AssignmentColumns([]string{t.cols[0].name})
		} else {
			on.DoNothing = true
		}
	}
	return change{f("Clauses(OnConflict{%s}).Create(&%s)", how, r.text), func(_ *machine, db *gorm.DB) error {
		return t.of(db).Clauses(on).Create(r.make().Interface()).Error
	}}
}

func (g *gen) firstOrCreate() change {
	t := pick(g, g.tables...)
	r := g.row(t)
	co := g.condition(t, 0)
	return on(f("Where(%s).Attrs(&%s).FirstOrCreate()", co.text, r.text), func(db *gorm.DB) *gorm.DB {
		q, args := co.make(func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) })
		return t.of(db).Where(q, args...).Attrs(r.make().Interface()).FirstOrCreate(reflect.New(t.typ).Interface())
	})
}

// target draws what an update or delete is about: a row by its key, or a condition.
func (g *gen) target(t *table) (text string, model func(db *gorm.DB) *gorm.DB) {
	unscoped := t.soft && g.one(4)
	prefix := ""
	if unscoped {
		prefix = "Unscoped()."
	}
	begin := func(db *gorm.DB) *gorm.DB {
		if unscoped {
			db = db.Unscoped()
		}
		return t.of(db)
	}
	if g.one(2) {
		co := g.condition(t, 1)
		return f("%sModel(&%s{}).Where(%s)", prefix, t.label(), co.text), func(db *gorm.DB) *gorm.DB {
			q, args := co.make(func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) })
			return begin(db).Model(reflect.New(t.typ).Interface()).Where(q, args...)
		}
	}
	keys := make([]any, len(t.key))
	for i, k := range t.key {
		args := k.kind.args()
		keys[i] = args[g.n(len(args))]
	}
	return f("%sModel(&%s{%s})", prefix, t.label(), literals(keys)[1:]), func(db *gorm.DB) *gorm.DB {
		v := reflect.New(t.typ)
		for i, k := range t.key {
			v.Elem().FieldByName(k.field).Set(reflect.ValueOf(keys[i]))
		}
		return begin(db).Model(v.Interface())
	}
}

// set draws a column and a new value, which may be an expression or a subquery.
func (g *gen) set(t *table) (c column, text string, value func(db *gorm.DB) any) {
	c = pick(g, t.all()...)
	if c.kind == kindJSON || len(t.cols) > 0 && g.one(2) {
		c = t.cols[0]
	}
	v := c.kind.values[g.n(len(c.kind.values))]
	name := g.quote(c.name)
	switch {
	case c.kind.number && c.kind != kindID && g.one(3):
		return c, f("Expr(%q)", name+" + 1"), func(*gorm.DB) any { return gorm.Expr(name+" + ?", 1) }
	case c.kind.number && g.one(4):
		from := pick(g, g.tables...)
		return c, f("(SELECT count(*) FROM %s)", from.name), func(db *gorm.DB) any {
			return db.Session(&gorm.Session{NewDB: true}).Table(from.name).Select("count(*)")
		}
	}
	return c, literal(v), func(*gorm.DB) any { return v }
}

func (g *gen) update() change {
	t := pick(g, g.tables...)
	text, model := g.target(t)
	c, what, value := g.set(t)
	way := pick(g, "Update", "UpdateColumn", "Updates", "UpdateColumns", "struct", "Select")
	if c.kind == kindJSON {
		way = "struct"
	}
	r := g.row(t)
	if way == "struct" {
		return on(f("%s.Updates(%s)", text, r.text), func(db *gorm.DB) *gorm.DB { return model(db).Updates(r.make().Interface()) })
	}
	if way == "Select" {
		return on(f("%s.Select(%q).Updates(%s)", text, c.field, r.text), func(db *gorm.DB) *gorm.DB {
			return model(db).Select(c.field).Updates(r.make().Interface())
		})
	}
	return on(f("%s.%s(%s, %s)", text, way, c.name, what), func(db *gorm.DB) *gorm.DB {
		switch way {
		case "Update":
			return model(db).Update(c.name, value(db))
		case "UpdateColumn":
			return model(db).UpdateColumn(c.name, value(db))
		case "Updates":
			return model(db).Updates(map[string]any{c.name: value(db)})
		}
		return model(db).UpdateColumns(map[string]any{c.name: value(db)})
	})
}

func (g *gen) remove() change {
	t := pick(g, g.tables...)
	text, model := g.target(t)
	return on(text+".Delete()", func(db *gorm.DB) *gorm.DB {
		tx := model(db)
		return tx.Delete(tx.Statement.Model)
	})
}
