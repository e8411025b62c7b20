package forms_test

import (
	"database/sql"
	"math"

	"gorm.io/gorm"
)

// kindForms read columns of every kind.
var kindForms = []form{
	{name: "kinds/models", run: func(x *run) {
		var ks []Kinds
		x.tx(x.q().Order("id").Find(&ks), &ks)
	}},
	{name: "kinds/model pointers", run: func(x *run) {
		var ks []*Kinds
		x.tx(x.q().Order("id DESC").Find(&ks), &ks)
	}},
	{name: "kinds/one after the other into one struct", run: func(x *run) {
		var k Kinds
		for _, id := range []int{1, 2, 3, 4} {
			k.ID = 0
			x.tx(x.q().Where("id = ?", id).Take(&k))
			x.see("kinds", k)
		}
	}, reads: 4},
	{name: "kinds/joined rows and raw scan", run: func(x *run) {
		var ks []Kinds
		x.tx(x.q().Raw("SELECT k.* FROM kinds k JOIN users u ON u.id = k.id ORDER BY k.id").Scan(&ks), &ks)
	}},
	{name: "kinds/permissions", run: func(x *run) {
		var ks []Kinds
		x.tx(x.q().Select("id", "ReadOnly", "WriteMe", "NoRead", "odd_name").Order("id").Find(&ks), &ks)
	}},
	{name: "kinds/serializers alone", run: func(x *run) {
		var ks []Kinds
		x.tx(x.q().Select("json", "list", "gob", "unix").Order("id").Find(&ks), &ks)
	}},
	{name: "kinds/DTO of other types", run: func(x *run) {
		var out []struct {
			ID  string
			I8  float64
			U32 *int64
			F64 string
			S   []byte
			T   string
			B   *string
		}
		x.tx(x.q().Model(&Kinds{}).Select("id, i8, u32, f64, s, t, b").Order("id").Scan(&out), &out)
	}},
	{name: "kinds/DTO too narrow", run: func(x *run) {
		var out []struct{ I64 int8 }
		x.tx(x.q().Model(&Kinds{}).Select("i64").Order("id").Scan(&out))
	}, fails: true},
	{name: "kinds/no model", run: func(x *run) {
		var out []struct {
			ID    uint
			Words Words
			UUID  *UUID
			PT    any `gorm:"-"`
		}
		x.tx(x.q().Table("kinds").Order("id").Find(&out), &out)
	}},
	{name: "kinds/NaN and infinity", run: func(x *run) {
		var out []struct {
			ID int
			DP *float64
			R  *float32
		}
		x.tx(x.q().Raw("SELECT id, dp, r FROM odd ORDER BY id").Scan(&out))
		for _, o := range out { // NaN is not equal to itself
			if o.DP != nil {
				x.see("bits", []any{o.ID, math.Float64bits(*o.DP), math.Float32bits(*o.R)})
			}
		}
	}, on: []string{pg}},
}

// oddRows are forms on the table of the dialect's own types.
func oddRows(on string, forms ...form) []form {
	all := []form{
		{name: on + "/rows", run: func(x *run) {
			rows, err := x.q().Table("odd").Order("id").Rows()
			x.rows(rows, err, nil)
		}},
		{name: on + "/maps", run: func(x *run) {
			var ms []map[string]any
			tx := byOddID(x).Find(&ms)
			if tx.Error != nil { // infinite times and the like
				x.tx(tx)
				return
			}
			x.tx(tx, &ms)
		}, fails: true},
		{name: on + "/maps of the plain row", run: func(x *run) {
			var ms []map[string]any
			x.tx(byOddID(x).Where("id IN ?", []int{1, 3}).Find(&ms), &ms)
		}},
		{name: on + "/map", run: func(x *run) {
			m := map[string]any{}
			x.tx(x.q().Table("odd").Where("id = ?", 1).Take(&m), &m)
		}},
		{name: on + "/strings of each column", run: func(x *run) {
			for _, c := range oddColumns[on] {
				var dest []sql.NullString
				x.tx(byOddID(x).Pluck(c, &dest), &dest)
			}
		}, reads: len(oddColumns[on])},
		{name: on + "/count of expressions", run: func(x *run) {
			rows, err := x.q().Table("odd").Select("count(id), min(id), max(id), sum(id), avg(id)").Rows()
			x.rows(rows, err, nil)
		}},
	}
	all = append(all, forms...)
	for i := range all {
		all[i].on = []string{on}
	}
	return all
}

var oddColumns = map[string][]string{
	lite: {"d", "b", "t", "day", "stamp", "txt", "bare", "weird", "bl", "big", "r", "twice", "stored"},
	pg: {"n", "nn", "u", "j", "jb", "by", "d", "t", "ttz", "iv", "ip", "cd", "mac", "ia", "ta", "r", "dp", "m", "b", "vb", "c", "vc",
		"x", "pt", "rg", "si", "mo", "twice", "tz", "ts"},
	my: {"bu", "iu", "ti", "bt", "e", "st", "y", "j", "d", "dt", "ts", "da", "t", "f", "db", "bl", "tx", "vb", "bi", "c", "vc", "mi", "twice", "kept"},
}

func byOddID(x *run) *gorm.DB { return x.q().Table("odd").Order("id") }
