package forms_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// relationForms read relations. The scope covers the parents only: what a hit preloads comes from the
// database, and the number of statements it runs proves it.
var relationForms = []form{
	{name: "preload/has many", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Orders", byID).Order("id").Find(&us), &us)
	}, also: 1},
	{name: "preload/has one, belongs to", run: func(x *run) {
		var us []*User
		x.tx(x.q().Preload("Account").Preload("Company").Order("id").Find(&us), &us)
	}, also: 2},
	{name: "preload/many to many", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Languages", func(db *gorm.DB) *gorm.DB { return db.Order("code") }).Order("id").Find(&us), &us)
	}, also: 2},
	{name: "preload/nested", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Orders", byID).Preload("Orders.Items", byID).Order("id").Find(&us), &us)
	}, also: 2},
	{name: "preload/conditions", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Orders", "total > ?", 200).Order("id").Find(&us), &us)
	}, also: 1},
	{name: "preload/all associations", run: func(x *run) {
		var u User
		x.tx(x.q().Preload(clause.Associations).First(&u, 6), &u)
	}, also: 4},
	{name: "preload/of First", run: func(x *run) {
		var u User
		x.tx(x.q().Preload("Orders", byID).Where("age > ?", 21).First(&u), &u)
	}, also: 1},
	{name: "preload/no parents", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Orders").Find(&us, "id = 99"), &us)
	}},
	{name: "preload/scope in the preload alone", run: func(x *run) {
		// There the child query is the one that is cached.
		var us []User
		x.tx(x.DB.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Clauses(x.scope()).Order("id") }).Order("id").Find(&us), &us)
	}, also: 1},
	{name: "preload/scope in both", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Clauses(x.scope()).Order("id") }).Order("id").Find(&us), &us)
	}, reads: 2},
	{name: "batches/slice", run: func(x *run) {
		var us []User
		var batches [][]User
		tx := x.q().FindInBatches(&us, 2, func(tx *gorm.DB, n int) error {
			batches = append(batches, append([]User(nil), us...))
			x.see("batch", n)
			x.see("rows of batch", tx.RowsAffected)
			return endless(n)
		})
		x.tx(tx, &us, &batches)
	}, reads: 4},
	{name: "batches/stopped by an error", run: func(x *run) {
		var us []*User
		x.tx(x.q().Where("age > ?", 21).FindInBatches(&us, 2, func(*gorm.DB, int) error { return errHook }))
	}},
	{name: "batches/with limit", run: func(x *run) {
		var us []User
		n := 0
		x.tx(x.q().Limit(3).FindInBatches(&us, 2, func(_ *gorm.DB, i int) error { n += len(us); return endless(i) }), &n)
	}, reads: 2},
	{name: "association/find has many", run: func(x *run) {
		var os []Order
		u := User{Model: gorm.Model{ID: 2}}
		x.see("error", x.q().Model(&u).Order("id").Association("Orders").Find(&os))
		x.see("orders", os)
	}},
	{name: "association/find with conditions", run: func(x *run) {
		var os []Order
		u := User{Model: gorm.Model{ID: 2}}
		x.see("error", x.q().Model(&u).Association("Orders").Find(&os, "status = ?", "open"))
		x.see("orders", os)
	}},
	{name: "association/find many to many", run: func(x *run) {
		var ls []Language
		u := User{Model: gorm.Model{ID: 2}}
		x.see("error", x.q().Model(&u).Order("code").Association("Languages").Find(&ls))
		x.see("languages", ls)
	}},
	{name: "association/find belongs to", run: func(x *run) {
		var c Company
		u := User{Model: gorm.Model{ID: 2}, CompanyID: ptr(uint(2))}
		x.see("error", x.q().Model(&u).Association("Company").Find(&c))
		x.see("company", c)
	}},
	{name: "association/find none", run: func(x *run) {
		var os []Order
		u := User{Model: gorm.Model{ID: 6}}
		x.see("error", x.q().Model(&u).Association("Orders").Find(&os))
		x.see("orders", os)
	}},
	{name: "association/count", run: func(x *run) {
		a := x.q().Model(&User{Model: gorm.Model{ID: 2}}).Association("Orders")
		x.see("count", a.Count())
		x.see("error", a.Error)
	}},
	{name: "association/count many to many", run: func(x *run) {
		a := x.q().Model(&User{Model: gorm.Model{ID: 2}}).Association("Languages")
		x.see("count", a.Count())
		x.see("error", a.Error)
	}},
}

// endless ends batches that would go on for ever, as they do where each gets the answer of the first.
func endless(batch int) error {
	if batch > 9 {
		return errHook
	}
	return nil
}
