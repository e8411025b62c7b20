package forms_test

import (
	"gorm.io/gorm"
)

// joinForms are Joins of relations and of raw SQL.
var joinForms = []form{
	{name: "joins/belongs to", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/has one by value", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Account").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/two", run: func(x *run) {
		var us []*User
		x.tx(x.q().Joins("Company").Joins("Manager").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/nested", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company.Country").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/nested of itself", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Manager.Company").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/inner", run: func(x *run) {
		var us []User
		x.tx(x.q().InnerJoins("Company").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/conditions", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company", x.DB.Where(&Company{Name: "Fjord"})).Order("users.id").Find(&us), &us)
	}},
	{name: "joins/selected columns", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company", x.DB.Select("id", "name")).Joins("Manager", x.DB.Omit("secret")).Order("users.id").Find(&us), &us)
	}},
	{name: "joins/condition with a scope of its own", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company", x.q().Where(map[string]any{"name": []string{"Fjord", "Nowhere"}})).Order("users.id").Find(&us), &us)
	}},
	{name: "joins/missing row into struct", run: func(x *run) {
		u := User{Company: &Company{Name: "old"}, Account: Account{Number: "old"}}
		x.tx(x.q().Joins("Company").Joins("Account").Where("users.id = ?", 6).Find(&u), &u)
	}},
	{name: "joins/first", run: func(x *run) {
		var u User
		x.tx(x.q().Joins("Company").First(&u, "users.id = ?", 2), &u)
	}},
	{name: "joins/raw SQL", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("JOIN orders ON orders.user_id = users.id AND orders.status = ?", "paid").Order("users.id").Find(&us), &us)
	}},
	{name: "joins/raw SQL with subquery", run: func(x *run) {
		var us []User
		sub := x.DB.Model(&Order{}).Select("user_id, sum(total) AS total").Group("user_id")
		x.tx(x.q().Joins("JOIN (?) q ON users.id = q.user_id", sub).Where("q.total > ?", 300).Order("users.id").Find(&us), &us)
	}},
	{name: "joins/into DTO", run: func(x *run) {
		var out []struct {
			Name    string
			Company *string
			Total   *Cents
		}
		x.tx(x.q().Model(&User{}).Select("users.name, companies.name AS company, max(orders.total) AS total").
			Joins("LEFT JOIN companies ON companies.id = users.company_id").Joins("LEFT JOIN orders ON orders.user_id = users.id").
			Group("users.name, companies.name").Order("users.name").Scan(&out), &out)
	}},
	{name: "joins/where on the relation", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company").Where(`? = ?`, gorm.Expr("users.company_id"), 1).Order("users.id").Find(&us), &us)
	}},
	{name: "joins/aliases", run: func(x *run) {
		var us []User
		x.tx(x.q().Table("users AS m").Unscoped().Select("m.*").Joins("JOIN users AS e ON e.manager_id = m.id").Group("m.id").Order("m.id").Find(&us), &us)
	}, on: []string{lite, pg, my}},
	{name: "joins/ScanRows", run: func(x *run) {
		db := x.q().Joins("Company").Order("users.id")
		rows, err := db.Model(&User{}).Rows()
		x.see("error", err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var u User
			x.see("ScanRows", x.DB.Joins("Company").Model(&User{}).ScanRows(rows, &u))
			x.see("user", u)
		}
	}},
	{name: "joins/with preload", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Company").Preload("Orders", byID).Order("users.id").Find(&us), &us)
	}, also: 1},
	{name: "joins/preload below a join", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Manager").Preload("Manager.Orders", byID).Order("users.id").Find(&us), &us)
	}, also: 1},
}

func byID(db *gorm.DB) *gorm.DB { return db.Order("id") }
