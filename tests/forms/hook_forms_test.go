package forms_test

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// nothingRead are the outcomes of a form that ends before the cache is asked.
var nothingRead = []observe.Outcome{0, 0}

var counted int64

// hookForms are hooks, contexts and callbacks around a read.
var hookForms = []form{
	{name: "hook/AfterFind that fails", run: func(x *run) {
		var us []User
		x.tx(x.q().WithContext(context.WithValue(x.ctx, failKey{}, true)).Order("id").Find(&us), &us)
	}},
	{name: "hook/AfterFind on values that ran it before", run: func(x *run) {
		u := User{Found: 41}
		x.tx(x.q().Where("id = ?", 3).Find(&u), &u)
	}},
	{name: "hook/not for DTOs", run: func(x *run) {
		var ds []DTO
		x.tx(x.q().Model(&User{}).Find(&ds))
	}},
	{name: "hook/for joined parents only", run: func(x *run) {
		var us []User
		x.tx(x.q().Joins("Manager").Where("users.id = 2").Find(&us), &us)
	}},
	{name: "hook/settings and instance values", run: func(x *run) {
		var us []User
		tx := x.q().Set("given", 7).InstanceSet("instance", 8).Order("id").Limit(1).Find(&us)
		given, ok := tx.Get("given")
		x.see("given", []any{given, ok})
		given, ok = tx.InstanceGet("instance")
		x.see("instance", []any{given, ok})
		x.tx(tx, &us)
	}},
	{name: "hook/the statement afterwards", run: func(x *run) {
		var us []User
		tx := x.q().Where("age > ?", 22).Order("id").Find(&us)
		x.see("SQL", tx.Statement.SQL.String())
		x.see("arguments", fmt.Sprint(tx.Statement.Vars))
		x.see("table", tx.Statement.Table)
		x.see("same destination", tx.Statement.Dest == any(&us))
		x.see("explained", tx.Dialector.Explain(tx.Statement.SQL.String(), tx.Statement.Vars...))
	}},
	{name: "hook/error before the query", run: func(x *run) {
		var us []User
		tx := x.q()
		_ = tx.AddError(errHook)
		x.tx(tx.Find(&us), &us)
	}, outcomes: nothingRead},
	{name: "hook/AfterFind that queries", run: func(x *run) {
		var os []Asking
		x.tx(x.q().Order("id").Limit(3).Find(&os), &os)
	}, also: 3},
	{name: "hook/single connection", run: func(x *run) {
		x.see("error", x.DB.Connection(func(tx *gorm.DB) error {
			var us []User
			x.tx(tx.Clauses(x.scope()).Where("age > ?", 22).Order("id").Find(&us), &us)
			return nil
		}))
	}},
	{name: "hook/unknown relation", run: func(x *run) {
		var us []User
		x.tx(x.q().Preload("Nothing").Find(&us), &us)
	}},
	{name: "hook/no model", run: func(x *run) {
		x.see("error", x.q().Count(&counted).Error) // the text holds its address
	}, outcomes: nothingRead},
	{name: "hook/session in a hook's handle", run: func(x *run) {
		var us []User
		x.tx(x.q().Session(&gorm.Session{Initialized: true}).Order("id").Limit(2).Find(&us), &us)
	}},
}
