package forms_test

import (
	"database/sql"

	"gorm.io/gorm/clause"
)

type arguments struct {
	Name string
	Age  int
}

// rawForms are Raw with every sort of arguments and ends.
var rawForms = []form{
	{name: "raw/scan", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users WHERE age > ? ORDER BY id", 22).Scan(&us), &us)
	}},
	{name: "raw/find", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users WHERE age > ? ORDER BY id", 22).Find(&us), &us)
	}},
	{name: "raw/scope after Raw", run: func(x *run) {
		var us []User
		x.tx(x.DB.Raw("SELECT id, name FROM users WHERE age > ? ORDER BY id", 22).Clauses(x.scope()).Find(&us), &us)
	}},
	{name: "raw/first", run: func(x *run) {
		var u User
		x.tx(x.q().Raw("SELECT * FROM users WHERE id = ?", 4).First(&u), &u)
	}},
	{name: "raw/row", run: func(x *run) {
		var n sql.NullString
		x.see("Scan", x.q().Raw("SELECT nick FROM users WHERE id = ?", 4).Row().Scan(&n))
		x.see("value", n)
	}},
	{name: "raw/rows", run: func(x *run) {
		rows, err := x.q().Raw("SELECT id, name FROM users WHERE id IN ? ORDER BY id", []int{1, 3, 5}).Rows()
		x.rows(rows, err, func() []any { return []any{new(int), new(string)} })
	}},
	{name: "raw/named argument", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users WHERE name = @n OR secret = @n OR nick = @n ORDER BY id", sql.Named("n", "nick3")).Scan(&us), &us)
	}},
	{name: "raw/map of arguments", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users WHERE name = @name OR age = @age ORDER BY id", map[string]any{"name": "user 1", "age": 24}).Scan(&us), &us)
	}},
	{name: "raw/struct of arguments", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users WHERE name = @Name OR age = @Age ORDER BY id", arguments{"user 1", 24}).Scan(&us), &us)
	}},
	{name: "raw/into map", run: func(x *run) {
		var m map[string]any
		x.tx(x.q().Raw("SELECT * FROM kinds WHERE id = 1").Scan(&m), &m)
	}},
	{name: "raw/into maps", run: func(x *run) {
		var ms []map[string]any
		x.tx(x.q().Raw("SELECT * FROM kinds ORDER BY id").Scan(&ms), &ms)
	}},
	{name: "raw/into int", run: func(x *run) {
		var n int
		x.tx(x.q().Raw("SELECT count(*) FROM users").Scan(&n), &n)
	}},
	{name: "raw/into strings", run: func(x *run) {
		var s []string
		x.tx(x.q().Raw("SELECT name FROM users ORDER BY id DESC").Scan(&s), &s)
	}},
	{name: "raw/join", run: func(x *run) {
		var out []struct {
			Name    string
			Company *string
		}
		x.tx(x.q().Raw("SELECT u.name, c.name AS company FROM users u LEFT JOIN companies c ON c.id = u.company_id ORDER BY u.id").Scan(&out), &out)
	}},
	{name: "raw/common table expression", run: func(x *run) {
		var ages []int
		x.tx(x.q().Raw("WITH a AS (SELECT age FROM users WHERE age > ?) SELECT age FROM a ORDER BY age", 22).Scan(&ages), &ages)
	}},
	{name: "raw/window function", run: func(x *run) {
		var out []struct{ ID, Place int }
		x.tx(x.q().Raw("SELECT id, row_number() OVER (PARTITION BY active ORDER BY age DESC) AS place FROM users ORDER BY id").Scan(&out), &out)
	}},
	{name: "raw/comments and quotes", run: func(x *run) {
		var names []string
		x.tx(x.q().Raw("SELECT /* orders; */ name -- FROM nowhere\nFROM users WHERE name <> '; DELETE FROM users' ORDER BY id").Scan(&names), &names)
	}},
	{name: "raw/column argument", run: func(x *run) {
		var names []string
		x.tx(x.q().Raw("SELECT ? FROM ? ORDER BY id", clause.Column{Name: "name"}, clause.Table{Name: "users"}).Scan(&names), &names)
	}},
	{name: "raw/nothing found", run: func(x *run) {
		u := User{Name: "old"}
		x.tx(x.q().Raw("SELECT * FROM users WHERE id = 99").Scan(&u), &u)
	}},
	{name: "raw/embedded expression", run: func(x *run) {
		var us []User
		x.tx(x.q().Where(clause.Gt{Column: "age", Value: clause.Expr{SQL: "? + ?", Vars: []any{20, 3}}}).Order("id").Find(&us), &us)
	}, on: []string{lite, my}},
	{name: "raw/syntax error", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT FROM WHERE").Scan(&us), &us)
	}, bypass: "tables"},
	{name: "raw/unknown table", run: func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM no_such_table").Scan(&us), &us)
	}, bypass: "tables"},
	{name: "raw/no table", run: func(x *run) {
		var n int
		x.tx(x.q().Raw("SELECT 1 + ?", 2).Scan(&n), &n)
	}},
	{name: "raw/two statements", run: func(x *run) {
		var n int
		x.tx(x.q().Raw("SELECT 1; SELECT 2").Scan(&n), &n)
	}, bypass: "not_select", on: []string{lite}},
}
