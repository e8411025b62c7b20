package forms_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// left is a form that is left to the database for a reason.
func left(reason observe.Reason, name string, run func(x *run), on ...string) form {
	return form{name: "bypass/" + name, run: run, bypass: reason, on: on}
}

// bypassForms must not be answered from the cache.
var bypassForms = []form{
	left(observe.Locking, "FOR UPDATE", func(x *run) {
		var us []User
		x.tx(x.q().Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(&us), &us)
	}),
	left(observe.Locking, "FOR SHARE", func(x *run) {
		var u User
		x.tx(x.q().Clauses(clause.Locking{Strength: "SHARE"}).First(&u, 2), &u)
	}, lite, pg),
	left(observe.Locking, "LOCK IN SHARE MODE", func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users ORDER BY id LOCK IN SHARE MODE").Scan(&us), &us)
	}, my),
	left(observe.Locking, "raw FOR UPDATE", func(x *run) {
		var us []User
		x.tx(x.q().Raw("SELECT * FROM users ORDER BY id FOR UPDATE").Scan(&us), &us)
	}, pg, my),
	left(observe.Volatile, "random order", func(x *run) {
		var n []int
		x.tx(x.q().Model(&User{}).Select("1").Order("random()").Find(&n), &n)
	}, lite, pg),
	left(observe.Volatile, "rand", func(x *run) {
		var n []int
		x.tx(x.q().Model(&User{}).Select("1").Order("rand()").Find(&n), &n)
	}, my),
	left(observe.Volatile, "now", func(x *run) {
		var us []User
		x.tx(x.q().Where("created_at < CURRENT_TIMESTAMP").Order("id").Find(&us), &us)
	}),
	left(observe.Volatile, "date of now", func(x *run) {
		var us []User
		x.tx(x.q().Where("created_at < datetime('now')").Order("id").Find(&us), &us)
	}, lite),
	left(observe.Tables, "unknown function", func(x *run) {
		var us []User
		x.tx(x.q().Where("no_such_function(id) = 1").Find(&us), &us)
	}),
	left(observe.DryRun, "DryRun", func(x *run) {
		var us []User
		tx := x.q().Session(&gorm.Session{DryRun: true}).Where("age > ?", 22).Find(&us)
		x.tx(tx, &us)
		x.see("SQL", tx.Statement.SQL.String())
		x.see("arguments", tx.Statement.Vars)
	}),
	left(observe.DryRun, "ToSQL", func(x *run) {
		x.see("SQL", x.DB.ToSQL(func(tx *gorm.DB) *gorm.DB {
			var u User
			return tx.Clauses(x.scope()).Where("name = ?", "it's").First(&u)
		}))
	}),
	left(observe.DryRun, "DryRun of rows", func(x *run) {
		rows, err := x.q().Session(&gorm.Session{DryRun: true}).Model(&User{}).Rows()
		x.see("rows are nil", rows == nil)
		x.see("error", err)
	}),
	left(observe.Transaction, "transaction", func(x *run) {
		x.see("error", x.DB.Transaction(func(tx *gorm.DB) error {
			var us []User
			x.tx(tx.Clauses(x.scope()).Order("id").Find(&us), &us)
			return tx.Error
		}))
	}),
	left(observe.Transaction, "rows in a transaction", func(x *run) {
		tx := x.DB.Begin()
		rows, err := tx.Clauses(x.scope()).Model(&User{}).Select("id, name").Order("id").Rows()
		x.rows(rows, err, nil)
		x.see("error", tx.Rollback().Error)
	}),
	left(observe.TooLarge, "too many rows", func(x *run) {
		var us []User
		x.tx(x.DB.Clauses(x.region("few_rows")).Order("id").Find(&us), &us)
	}),
	left(observe.TooLarge, "too many rows into maps", func(x *run) {
		var ms []map[string]any
		x.tx(x.DB.Clauses(x.region("few_rows")).Table("users").Order("id").Find(&ms), &ms)
	}),
	left(observe.TooLarge, "too many rows, one wanted", func(x *run) {
		var n int
		x.tx(x.DB.Clauses(x.region("few_rows")).Model(&User{}).Select("age").Order("id").Scan(&n), &n)
	}),
	left(observe.TooLarge, "too many bytes", func(x *run) {
		var ks []Kinds
		x.tx(x.DB.Clauses(x.region("small")).Order("id").Find(&ks), &ks)
	}),
	left(observe.TooLarge, "one row of too many bytes", func(x *run) {
		var k Kinds
		x.tx(x.DB.Clauses(x.region("small")).First(&k), &k)
	}),
	{name: "few rows are not too many", run: func(x *run) {
		var us []User
		x.tx(x.DB.Clauses(x.region("few_rows")).Where("id < 4").Order("id").Find(&us), &us)
	}},
	left(observe.NotSelect, "writing raw query", func(x *run) {
		var ids []uint
		x.tx(x.q().Raw("UPDATE seats SET taken = taken WHERE 1 = 0 RETURNING number").Scan(&ids), &ids)
	}, lite, pg),
	left(observe.NotSelect, "show", func(x *run) {
		var out []map[string]any
		x.tx(x.q().Raw("SHOW TABLES LIKE 'users'").Scan(&out), &out)
	}, my),
}
