package forms_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var session = &gorm.Session{}

// clauseForms are the clauses of a SELECT, sessions, and sources other than a model's table.
var clauseForms = []form{
	{name: "clause/limit and offset", run: func(x *run) {
		var us []User
		x.tx(x.q().Order("id").Limit(2).Offset(3).Find(&us), &us)
	}},
	{name: "clause/order by clause", run: func(x *run) {
		var us []User
		x.tx(x.q().Order(clause.OrderByColumn{Column: clause.Column{Name: "age"}, Desc: true}).Order("name").Find(&us), &us)
	}},
	{name: "clause/distinct", run: func(x *run) {
		var us []User
		x.tx(x.q().Distinct("active", "company_id").Order("active, company_id").Find(&us), &us)
	}},
	{name: "clause/group and having", run: func(x *run) {
		var s []Summary
		x.tx(x.q().Model(&User{}).Select("active, count(*) AS n, max(age) AS oldest, avg(age) AS mean").Group("active").
			Having("count(*) > ?", 1).Order("active").Find(&s), &s)
	}},
	{name: "clause/select columns", run: func(x *run) {
		var us []User
		x.tx(x.q().Select("id", "name").Order("id").Find(&us), &us)
	}},
	{name: "clause/select slice", run: func(x *run) {
		us := []User{{Age: 99}, {Age: 98}, {Age: 97}}
		x.tx(x.q().Select([]string{"id", "nick"}).Order("id").Limit(2).Find(&us), &us)
	}},
	{name: "clause/select expression", run: func(x *run) {
		var ms []map[string]any
		x.tx(x.q().Model(&User{}).Select("name, age * ? AS doubled, CASE WHEN active THEN 'yes' ELSE 'no' END AS word", 2).Order("id").Find(&ms), &ms)
	}},
	{name: "clause/select expression into model", run: func(x *run) {
		var us []User
		x.tx(x.q().Select("id, upper(name) AS name, age + 1 AS age").Order("id").Find(&us), &us)
	}},
	{name: "clause/omit", run: func(x *run) {
		var us []User
		x.tx(x.q().Omit("secret", "Nick", "created_at").Order("id").Find(&us), &us)
	}},
	{name: "clause/same column twice", run: func(x *run) {
		var us []User
		x.tx(x.q().Select("id, name, name, 'x' AS name").Order("id").Find(&us), &us)
	}},
	{name: "clause/column that is no field", run: func(x *run) {
		var us []User
		x.tx(x.q().Select("users.*, 1 AS no_field").Order("id").Find(&us), &us)
	}},
	{name: "clause/or and not", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("age < ?", 22).Or("age > ?", 25).Not("name = ?", "user 9").Order("id").Find(&us), &us)
	}},
	{name: "clause/grouped conditions", run: func(x *run) {
		var us []User
		x.tx(x.q().Where(x.DB.Where("age < ?", 23).Or("active")).Not(map[string]any{"name": []string{"user 2", "user 4"}}).Order("id").Find(&us), &us)
	}},
	{name: "clause/IN of tuples", run: func(x *run) {
		var s []Seat
		x.tx(x.q().Where(`("row", number) IN ?`, [][]any{{"A", 1}, {"B", 1}}).Order("row").Find(&s), &s)
	}, on: []string{pg}},
	{name: "clause/nil condition", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("company_id = ?", nil).Or(map[string]any{"company_id": nil}).Order("id").Find(&us), &us)
	}},
	{name: "clause/unscoped", run: func(x *run) {
		var us []User
		x.tx(x.q().Unscoped().Order("id").Find(&us), &us)
	}},
	{name: "clause/deleted row", run: func(x *run) {
		var u User
		x.tx(x.q().Unscoped().First(&u, 7), &u)
	}},
	{name: "clause/table with alias", run: func(x *run) {
		var us []User
		x.tx(x.q().Table("users AS u").Where("u.age > ?", 22).Where("u.deleted_at IS NULL").Unscoped().Order("u.id").Find(&us), &us)
	}},
	{name: "clause/subquery in where", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("age > (?)", x.DB.Model(&User{}).Select("avg(age)")).Order("id").Find(&us), &us)
	}},
	{name: "clause/subquery with scope in where", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("id IN (?)", x.q().Model(&Order{}).Select("user_id").Where("total > ?", 300)).Order("id").Find(&us), &us)
	}, subs: 1},
	{name: "clause/subquery as table", run: func(x *run) {
		var out []struct {
			Age int
			N   int
		}
		x.tx(x.q().Table("(?) as u", x.DB.Model(&User{}).Select("age, id")).Select("age, count(id) AS n").Group("age").Order("age").Find(&out), &out)
	}},
	{name: "clause/exists", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("EXISTS (?)", x.DB.Table("orders").Select("1").Where("orders.user_id = users.id AND status = ?", Status("paid"))).Order("id").Find(&us), &us)
	}},
	{name: "clause/scopes", run: func(x *run) {
		var us []User
		adult := func(db *gorm.DB) *gorm.DB { return db.Where("age > ?", 23) }
		page := func(db *gorm.DB) *gorm.DB { return db.Limit(2).Order("id") }
		x.tx(x.q().Scopes(adult, page).Find(&us), &us)
	}},
	{name: "clause/session with QueryFields", run: func(x *run) {
		var us []User
		x.tx(x.q().Session(&gorm.Session{QueryFields: true}).Order("id").Find(&us), &us)
	}},
	{name: "clause/session with PrepareStmt", run: func(x *run) {
		var us []User
		x.tx(x.DB.Session(&gorm.Session{PrepareStmt: true}).Clauses(x.scope()).Where("age > ?", 22).Order("id").Find(&us), &us)
	}},
	{name: "clause/session skipping hooks", run: func(x *run) {
		var us []User
		x.tx(x.q().Session(&gorm.Session{SkipHooks: true}).Order("id").Find(&us), &us)
	}},
	{name: "clause/session AllowGlobalUpdate and new context", run: func(x *run) {
		var u User
		x.tx(x.q().Session(&gorm.Session{AllowGlobalUpdate: true, Context: x.ctx}).First(&u), &u)
	}},
	{name: "clause/shared handle", run: func(x *run) {
		db := x.q().Where("active = ?", true).Session(session)
		var us []User
		var n int64
		x.tx(db.Order("id").Find(&us), &us)
		x.tx(db.Model(&User{}).Count(&n), &n)
	}, reads: 2},
	{name: "clause/WithContext after the scope", run: func(x *run) {
		var us []User
		x.tx(x.q().WithContext(x.ctx).Order("id").Find(&us), &us)
	}},
	// Text only: GORM writes the new names into the driver's own slice, which a prepared statement of
	// SQLite's (mattn, from 1.14.46 on) keeps: whoever asks the same without the cache gets them too.
	{name: "clause/MapColumns", textOnly: true, run: func(x *run) {
		var us []User
		x.tx(x.q().MapColumns(map[string]string{"name": "secret", "secret": "name", "age": "nothing"}).Order("id").Find(&us), &us)
	}},
	{name: "clause/MapColumns into maps", textOnly: true, run: func(x *run) {
		var ms []map[string]any
		x.tx(x.q().Model(&User{}).Select("id, name").MapColumns(map[string]string{"name": "n"}).Order("id").Find(&ms), &ms)
	}},
	{name: "clause/named constraint", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("name = @name OR nick = @name", map[string]any{"name": "nick3"}).Order("id").Find(&us), &us)
	}},
	{name: "clause/union of subqueries", run: func(x *run) {
		var names []string
		a, b := x.DB.Model(&User{}).Select("name"), x.DB.Model(&Company{}).Select("name")
		x.tx(x.q().Raw("SELECT name FROM (? UNION ?) AS u ORDER BY name", a, b).Scan(&names), &names)
	}, on: []string{pg, my}},
}
