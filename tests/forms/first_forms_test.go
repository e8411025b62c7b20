package forms_test

import (
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// missTwice are the outcomes of a form whose answer is not stored.
var missTwice = []observe.Outcome{observe.Miss, observe.Miss}

// firstForms are First, Take and Last.
var firstForms = []form{
	{name: "first/first", run: func(x *run) {
		var u User
		x.tx(x.q().First(&u), &u)
	}},
	{name: "first/take", run: func(x *run) {
		var u User
		x.tx(x.q().Take(&u, "id = ?", 4), &u)
	}},
	{name: "first/last", run: func(x *run) {
		var u User
		x.tx(x.q().Last(&u), &u)
	}},
	{name: "first/conditions", run: func(x *run) {
		var u User
		x.tx(x.q().Where(&User{Active: true}).Where("age > ?", 22).First(&u), &u)
	}},
	{name: "first/key as value", run: func(x *run) {
		var u User
		x.tx(x.q().First(&u, 5), &u)
	}},
	{name: "first/key as string", run: func(x *run) {
		var u User
		x.tx(x.q().First(&u, "5"), &u)
	}},
	{name: "first/key as condition string", run: func(x *run) {
		var l Language
		x.tx(x.q().First(&l, "code = ?", "en"), &l)
	}},
	{name: "first/key in struct", run: func(x *run) {
		u := User{Name: "old"}
		u.ID = 2
		x.tx(x.q().First(&u), &u)
	}},
	{name: "first/key as struct condition", run: func(x *run) {
		var s Seat
		x.tx(x.q().First(&s, Seat{Row: "A", Number: 2}), &s)
	}},
	{name: "first/composite key", run: func(x *run) {
		s := Seat{Row: "B", Number: 1}
		x.tx(x.q().First(&s), &s)
	}},
	{name: "first/key as slice", run: func(x *run) {
		var u User
		x.tx(x.q().First(&u, []int{4, 6}), &u)
	}},
	{name: "first/key as map condition", run: func(x *run) {
		var u User
		x.tx(x.q().Where(map[string]any{"id": 3, "active": false}).First(&u), &u)
	}},
	{name: "first/into slice", run: func(x *run) {
		var us []User
		x.tx(x.q().First(&us), &us)
	}},
	{name: "first/into map", run: func(x *run) {
		m := map[string]any{}
		x.tx(x.q().Model(&User{}).First(&m, "id = ?", 3), &m)
	}},
	{name: "first/take into map of a table", run: func(x *run) {
		m := map[string]any{}
		x.tx(x.q().Table("users").Take(&m, "id = ?", 3), &m)
	}},
	{name: "first/into DTO", run: func(x *run) {
		var d DTO
		x.tx(x.q().Model(&User{}).First(&d), &d)
	}},
	{name: "first/not found", run: func(x *run) {
		u := User{Name: "old"}
		x.tx(x.q().First(&u, 99), &u)
	}},
	{name: "first/not found with NegativeTTL", run: func(x *run) {
		var u User
		x.tx(x.DB.Clauses(x.region("negative")).Where("age > ?", 1000).Take(&u), &u)
	}},
	{name: "first/not found and not stored", run: func(x *run) {
		var u User
		x.tx(x.DB.Clauses(x.region("no_empty")).Last(&u, 99), &u)
	}, outcomes: missTwice},
	{name: "first/not found slice", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("age > ?", 1000).First(&us), &us)
	}},
	{name: "first/twice with one handle", run: func(x *run) {
		var a, b User
		db := x.q().Where("age > ?", 22)
		x.tx(db.Session(session).First(&a), &a)
		x.tx(db.Session(session).Last(&b), &b)
	}, reads: 2},
	{name: "first/FirstOrInit existing", run: func(x *run) {
		u := User{Name: "user 3"}
		x.tx(x.q().Where("name = ?", "user 3").Attrs(User{Age: 5}).FirstOrInit(&u), &u)
	}},
	{name: "first/FirstOrInit missing", run: func(x *run) {
		var u User
		x.tx(x.q().Where(User{Name: "nobody"}).Attrs(User{Age: 5}).Assign("secret", "s").FirstOrInit(&u), &u)
	}},
	{name: "first/FirstOrCreate existing", run: func(x *run) {
		var u User
		x.tx(x.q().Where(User{Name: "user 3"}).FirstOrCreate(&u), &u)
	}},
}
