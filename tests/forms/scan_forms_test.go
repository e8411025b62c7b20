package forms_test

import (
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// scanInto is a form that scans one query into a destination of type T.
func scanInto[T any](name, selects string) form {
	return form{name: "scan/" + name, run: func(x *run) {
		var dest T
		x.tx(x.q().Model(&User{}).Select(selects).Where("id IN ?", []int{1, 2, 3}).Order("id").Scan(&dest), &dest)
	}}
}

// pluck is a form that plucks a column of kinds as T.
func pluck[T any](name, column string) form {
	return form{name: "pluck/" + name, run: func(x *run) {
		dest := make([]T, 1, 2)
		tx := x.q().Model(&Kinds{}).Where("id < 4").Order("id").Pluck(column, &dest)
		if tx.Error != nil { // what a failed scan leaves behind comes from GORM's pools
			x.tx(tx)
			return
		}
		x.tx(tx, &dest)
	}}
}

// count is a form that counts.
func count(name string, query func(db *gorm.DB) *gorm.DB) form {
	return form{name: "count/" + name, run: func(x *run) {
		n := int64(-1)
		x.tx(query(x.q()).Count(&n), &n)
	}}
}

// scanForms are Scan, Pluck and Count.
var scanForms = []form{
	scanInto[DTO]("DTO", "id, name, address_city"),
	scanInto[*DTO]("DTO pointer", "id, name, address_city"),
	scanInto[[]DTO]("DTOs", "id, name, address_city"),
	scanInto[[]*DTO]("DTO pointers", "id, name, address_city"),
	scanInto[[3]DTO]("DTO array", "id, name, address_city"),
	scanInto[User]("model", "*"),
	scanInto[[]User]("models", "*"),
	scanInto[map[string]any]("map", "*"),
	scanInto[[]map[string]any]("maps", "id, name, nick, born, active, company_id"),
	scanInto[int]("int", "age"),
	scanInto[int8]("int8", "age"),
	scanInto[uint64]("uint64", "age"),
	scanInto[float64]("float64", "age"),
	scanInto[string]("string", "name"),
	scanInto[bool]("bool", "active"),
	scanInto[time.Time]("time", "born"),
	scanInto[*time.Time]("time pointer", "born"),
	scanInto[sql.NullString]("NullString", "nick"),
	scanInto[sql.NullInt64]("NullInt64", "company_id"),
	scanInto[sql.NullTime]("NullTime", "deleted_at"),
	scanInto[sql.Null[string]]("Null[string]", "nick"),
	scanInto[[]string]("strings", "name"),
	failing(scanInto[[]*string]("string pointers", "nick")),
	scanInto[[]int64]("int64s", "age"),
	scanInto[[]sql.NullString]("NullStrings", "nick"),
	scanInto[[]time.Time]("times", "born"),
	failing(scanInto[[]*time.Time]("time pointers", "deleted_at")),
	failing(scanInto[[]byte]("bytes", "name")),
	scanInto[[]any]("anys", "age"),
	failing(scanInto[string]("string from two columns", "name, age")),
	failing(scanInto[int]("int from NULL", "company_id + NULL")),
	scanInto[Status]("named string", "name"),
	scanInto[[]Cents]("named ints", "age"),
	scanInto[struct {
		Name string
		Extra
	}]("embedded", "name, extra_points AS points, extra_note AS note"),
	{name: "scan/aggregate", run: func(x *run) {
		var out struct {
			Sum, Max int
			Mean     float64
			None     *int
		}
		x.tx(x.q().Model(&User{}).Select("sum(age) AS sum, max(age) AS max, avg(age) AS mean, max(company_id + NULL) AS none").Scan(&out), &out)
	}},
	{name: "scan/nothing", run: func(x *run) {
		n, s := 7, "old"
		x.tx(x.q().Model(&User{}).Select("age").Where("id = 99").Scan(&n), &n)
		x.tx(x.q().Model(&User{}).Select("name").Where("id = 98").Scan(&s), &s)
	}, reads: 2},
	{name: "scan/table", run: func(x *run) {
		var ds []DTO
		x.tx(x.q().Table("users").Order("id").Scan(&ds), &ds)
	}},
	{name: "scan/error", run: func(x *run) {
		var ds []DTO
		x.tx(x.q().Table("users").Select("no_such_column").Scan(&ds), &ds)
	}, outcomes: missTwice},

	pluck[string]("strings", "s"),
	failing(pluck[*string]("string pointers", "ps")),
	pluck[sql.NullString]("NullStrings", "ns"),
	pluck[int64]("int64s", "i64"),
	pluck[int8]("int8s", "i8"),
	failing(pluck[int]("NULLs into ints", "pi")),
	failing(pluck[*int64]("int64 pointers", "pi")),
	pluck[uint64]("uint64s", "u64"),
	pluck[float32]("float32s", "f32"),
	pluck[float64]("float64s", "f64"),
	pluck[bool]("bools", "b"),
	pluck[time.Time]("times", "t"),
	failing(pluck[*time.Time]("time pointers", "pt")),
	pluck[[]byte]("bytes", "bytes"),
	pluck[Status]("named strings", "status"),
	pluck[Cents]("named ints", "cents"),
	pluck[UUID]("scanners", "uuid"),
	pluck[*UUID]("scanner pointers", "p_uuid"),
	pluck[Words]("scanners that see the driver's type", "words"),
	pluck[any]("anys", "f64"),
	{name: "pluck/expression", run: func(x *run) {
		var s []string
		x.tx(x.q().Model(&User{}).Select("upper(name) AS u").Order("id").Pluck("u", &s), &s)
	}},
	{name: "pluck/distinct", run: func(x *run) {
		var ages []bool
		x.tx(x.q().Model(&User{}).Distinct().Order("active").Pluck("active", &ages), &ages)
	}},
	{name: "pluck/nothing", run: func(x *run) {
		ages := []int{1, 2}
		x.tx(x.q().Model(&User{}).Where("id > 100").Pluck("age", &ages), &ages)
	}},

	count("all", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}) }),
	count("where", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Where("age > ?", 22) }),
	count("column", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Select("nick") }),
	count("distinct", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Distinct("active") }),
	count("grouped", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Group("active") }),
	count("grouped by two", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Group("active").Group("company_id") }),
	count("table", func(db *gorm.DB) *gorm.DB { return db.Table("kinds") }),
	count("with limit and order", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Order("age").Limit(2) }),
	count("nothing", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Where("id = 99") }),
	count("joined", func(db *gorm.DB) *gorm.DB { return db.Model(&User{}).Joins("Company") }),
	count("subquery", func(db *gorm.DB) *gorm.DB {
		return db.Table("(?) AS o", db.Session(&gorm.Session{NewDB: true}).Model(&Order{}).Select("user_id").Group("user_id"))
	}),
	{name: "count/after Find with one handle", run: func(x *run) {
		var us []User
		var n int64
		tx := x.q().Model(&User{}).Where("age > ?", 22).Order("id").Find(&us)
		x.tx(tx, &us)
		x.tx(tx.Offset(-1).Limit(-1).Count(&n), &n)
	}, reads: 2},
}
