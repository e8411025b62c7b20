package differential_test

import (
	"context"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// execute is a write by SQL text.
func (g *gen) execute() change {
	t, u := pick(g, g.tables...), pick(g, g.tables...)
	c, v := g.comparable(t)
	n, name, other := g.quote(t.name), g.quote(c.name), g.quote(u.name)
	args := c.kind.args()
	w := args[g.n(len(args))]
	var vars []any
	sql := choose(g,
		choice[string]{5, func() string {
			vars = []any{w, v}
			return f("UPDATE %s SET %s = ? WHERE %s = ?", n, name, name)
		}},
		choice[string]{3, func() string { vars = []any{v}; return f("DELETE FROM %s WHERE %s = ?", n, name) }},
		choice[string]{3, func() string { return g.insert(t, &vars) }},
		choice[string]{3, func() string { return g.insertSelect(t) }},
		choice[string]{2, func() string {
			vars = []any{w}
			return f("UPDATE %s SET %s = ? WHERE EXISTS (SELECT 1 FROM %s x WHERE x.%s IS NOT NULL)", n, name, other, g.quote(u.key[0].name))
		}},
		choice[string]{2, func() string {
			vars = []any{v}
			return f("WITH x AS (SELECT 1 AS a) %s %s WHERE %s = ?", map[string]string{lite: "DELETE FROM", pg: "DELETE FROM", my: "SELECT * FROM"}[g.dialect], n, name)
		}},
		choice[string]{2, func() string { return g.joinedWrite(t, u, name, w, &vars) }},
	)
	way := pick(g, "Exec", "Exec", "Raw.Scan")
	return on(f("%s(%q%s)", way, sql, literals(vars)), func(db *gorm.DB) *gorm.DB {
		if way == "Exec" {
			return db.Exec(sql, vars...)
		}
		var dest []map[string]any
		return db.Raw(sql, vars...).Scan(&dest)
	})
}

// insert is INSERT … VALUES of all columns.
func (g *gen) insert(t *table, vars *[]any) string {
	var names, marks []string
	for _, c := range t.all() {
		if c.kind == kindJSON {
			continue
		}
		names, marks = append(names, c.name), append(marks, "?")
		*vars = append(*vars, c.kind.values[g.n(len(c.kind.values))])
	}
	verb := "INSERT INTO"
	if g.dialect != pg && g.one(2) {
		verb = pick(g, "REPLACE INTO", map[string]string{lite: "INSERT OR IGNORE INTO", my: "INSERT IGNORE INTO"}[g.dialect])
	}
	return f("%s %s (%s) VALUES (%s)", verb, g.quote(t.name), g.columns(names), strings.Join(marks, ", "))
}

// insertSelect copies rows under a new key.
func (g *gen) insertSelect(t *table) string {
	var names, what []string
	for i, c := range t.all() {
		names = append(names, g.quote(c.name))
		e := g.quote(c.name)
		if i == 0 && c.kind == kindID {
			e += " + 1"
		} else if i == 0 {
			e = "'w'"
		}
		what = append(what, e)
	}
	n := g.quote(t.name)
	return f("INSERT INTO %s (%s) SELECT %s FROM %s ORDER BY %s DESC LIMIT 1", n, strings.Join(names, ", "), strings.Join(what, ", "), n, g.columns(t.keyNames()))
}

// joinedWrite is an UPDATE or DELETE that reads another table too, in the dialect's own way.
func (g *gen) joinedWrite(t, u *table, name string, w any, vars *[]any) string {
	n, other := g.quote(t.name), g.quote(u.name)
	*vars = []any{w}
	if g.dialect == my {
		if g.one(2) {
			*vars = nil
			return f("DELETE a FROM %s a JOIN %s b ON a.%s = b.%s", n, other, g.quote(t.key[0].name), g.quote(u.key[0].name))
		}
		return f("UPDATE %s a JOIN %s b ON a.%s = b.%s SET a.%s = ?", n, other, g.quote(t.key[0].name), g.quote(u.key[0].name), name)
	}
	return f("UPDATE %s SET %s = ? FROM %s b WHERE %s.%s = b.%s", n, name, other, n, g.quote(t.key[0].name), g.quote(u.key[0].name))
}

// returning is a write that gives rows.
func (g *gen) returning() change {
	t := pick(g, g.tables...)
	text, model := g.target(t)
	c, what, value := g.set(t)
	n := g.quote(t.name)
	args := t.key[0].kind.args()
	key := args[g.n(len(args))]
	switch pick(g, "update", "delete", "raw", "cte") {
	case "update":
		if c.kind != kindJSON {
			return on(f("%s.Clauses(Returning{}).Update(%s, %s)", text, c.name, what), func(db *gorm.DB) *gorm.DB {
				return model(db).Clauses(clause.Returning{}).Update(c.name, value(db))
			})
		}
	case "raw":
		sql := f("DELETE FROM %s WHERE %s = ? RETURNING *", n, g.quote(t.key[0].name))
		rows := g.one(2)
		return on(f("Raw(%q, %s), rows %v", sql, literal(key), rows), func(db *gorm.DB) *gorm.DB {
			tx := db.Raw(sql, key)
			if !rows {
				return tx.Scan(&[]map[string]any{})
			}
			r, err := tx.Rows()
			if err == nil {
				_ = r.Close()
			}
			return tx
		})
	case "cte":
		if g.dialect == pg {
			sql := f("WITH d AS (DELETE FROM %s WHERE %s = ? RETURNING 1) SELECT count(*) FROM d", n, g.quote(t.key[0].name))
			return on(f("Raw(%q, %s).Scan(&n)", sql, literal(key)), func(db *gorm.DB) *gorm.DB {
				var count int
				return db.Raw(sql, key).Scan(&count)
			})
		}
	}
	return on(text+".Clauses(Returning{}).Delete(&[])", func(db *gorm.DB) *gorm.DB {
		return model(db).Clauses(clause.Returning{}).Delete(reflect.New(reflect.SliceOf(t.typ)).Interface())
	})
}

// associate changes a relation.
func (g *gen) associate() change {
	t := g.with(func(t *table) bool { return len(t.many) > 0 })
	rel := pick(g, t.many...)
	text, owner := g.owner(t)
	way := pick(g, "Append", "Replace", "Delete", "Clear", "Unscoped.Clear", "Create")
	var texts []string
	var rows []row
	for range 1 + g.n(2) {
		r := g.row(rel.to)
		texts, rows = append(texts, r.text), append(rows, r)
	}
	if way == "Create" {
		if f, _ := t.typ.FieldByName(rel.name); f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() != reflect.Struct {
			way = "Append"
		}
	}
	return change{f("%s of Model(&%s).Association(%q): %s", way, text, rel.name, strings.Join(texts, ", ")), func(_ *machine, db *gorm.DB) error {
		values := make([]any, len(rows))
		for i, r := range rows {
			values[i] = r.make().Interface()
		}
		if way == "Create" { // the relation is saved with its owner
			v := reflect.ValueOf(owner())
			field := v.Elem().FieldByName(rel.name)
			for _, r := range rows {
				field.Set(reflect.Append(field, r.make().Elem()))
			}
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Save(v.Interface()).Error
		}
		a := db.Model(owner()).Association(rel.name)
		if a.Error != nil {
			return a.Error
		}
		switch way {
		case "Append":
			return a.Append(values...)
		case "Replace":
			return a.Replace(values...)
		case "Delete":
			return a.Delete(values...)
		case "Clear":
			return a.Clear()
		}
		return a.Unscoped().Clear()
	}}
}

// genericWrite is gorm.G.
func (g *gen) genericWrite() change {
	t := g.with(func(t *table) bool { return t.typ == reflect.TypeFor[person]() })
	r := g.row(t)
	id := uint(1 + g.n(4))
	switch pick(g, "Create", "Update", "Delete", "Updates") {
	case "Create":
		return change{f("gorm.G.Create(%s)", r.text), func(_ *machine, db *gorm.DB) error {
			return gorm.G[person](db).Create(context.Background(), r.make().Interface().(*person))
		}}
	case "Update":
		return change{f("gorm.G.Where(id = %d).Update(name, z)", id), func(_ *machine, db *gorm.DB) error {
			_, err := gorm.G[person](db).Where("id = ?", id).Update(context.Background(), "name", "z")
			return err
		}}
	case "Updates":
		return change{f("gorm.G.Where(id >= %d).Updates(%s)", id, r.text), func(_ *machine, db *gorm.DB) error {
			_, err := gorm.G[person](db).Where("id >= ?", id).Updates(context.Background(), r.make().Elem().Interface().(person))
			return err
		}}
	}
	return change{f("gorm.G.Where(id = %d).Delete()", id), func(_ *machine, db *gorm.DB) error {
		_, err := gorm.G[person](db).Where("id = ?", id).Delete(context.Background())
		return err
	}}
}

// clear empties a table.
func (g *gen) clear() change {
	t := pick(g, g.tables...)
	sql := "DELETE FROM " + g.quote(t.name)
	// A transaction that has truncated keeps all others from reading, and one that has read keeps
	// others from truncating.
	if g.dialect != lite && !g.inTx && !g.beside && g.one(2) {
		sql = "TRUNCATE TABLE " + g.quote(t.name)
		if g.dialect == pg {
			sql += " CASCADE"
		}
	}
	return on(f("Exec(%q)", sql), func(db *gorm.DB) *gorm.DB { return db.Exec(sql) })
}

// define is DDL.
func (g *gen) define() change {
	if g.beside || g.inTx && (g.dialect != lite || g.two[0].prepared || g.two[1].prepared) {
		return g.clear()
	}
	t := pick(g, g.tables...)
	n := g.n(3)
	v := g.quote(f("%sw%d", g.prefix, n))
	sql := pick(g,
		f("ALTER TABLE %s ADD COLUMN extra%d varchar(20) DEFAULT 'new'", g.quote(t.name), n),
		f("CREATE INDEX i%d ON %s (%s)", n, g.quote(t.name), g.columns(t.keyNames())),
		f("CREATE VIEW %s AS SELECT * FROM %s", v, g.quote(t.name)),
		f("DROP VIEW %s", g.quote(g.prefix+"v0")),
		f("CREATE VIEW %s AS SELECT * FROM %s", g.quote(g.prefix+"v0"), g.quote(t.name)),
		f("CREATE TABLE %s AS SELECT * FROM %s", g.quote(f("copy%d", n)), g.quote(t.name)),
	)
	first := ""
	if g.one(3) { // a view of the same name that reads another table
		first = f("DROP VIEW IF EXISTS %s", g.quote(g.prefix+"v0"))
		sql = f("CREATE VIEW %s AS SELECT * FROM %s", g.quote(g.prefix+"v0"), g.quote(t.name))
	}
	return change{f("Exec(%q), Exec(%q)", first, sql), func(m *machine, db *gorm.DB) error {
		m.defined = true
		defer m.refresh()
		if first != "" {
			if err := db.Exec(first).Error; err != nil {
				return err
			}
		}
		return db.Exec(sql).Error
	}}
}
