package forms_test

import (
	"gorm.io/gorm"
)

// findForms are Find into every sort of destination.
var findForms = []form{
	{name: "find/slice", run: func(x *run) {
		var us []User
		x.tx(x.q().Order("id").Find(&us), &us)
	}},
	{name: "find/slice by Scopes", run: func(x *run) {
		var us []User
		clause := x.scope()
		x.tx(x.DB.Scopes(func(db *gorm.DB) *gorm.DB { return db.Clauses(clause) }).Order("id").Find(&us), &us)
	}},
	{name: "find/slice of pointers", run: func(x *run) {
		var us []*User
		x.tx(x.q().Order("id").Find(&us), &us)
	}},
	{name: "find/slice with conditions inline", run: func(x *run) {
		var us []User
		x.tx(x.q().Order("id").Find(&us, "age > ? AND active = ?", 22, true), &us)
	}},
	{name: "find/slice with capacity and elements", run: func(x *run) {
		us := make([]User, 2, 20)
		us[0].Name, us[0].Found, us[1].Nick = "old", 5, ptr("old")
		all := us[:20]
		x.tx(x.q().Order("id").Find(&us), &us, &all)
	}},
	{name: "find/slice of pointers with elements", run: func(x *run) {
		old := &User{Name: "old", Nick: ptr("old")}
		us := []*User{old, nil, old}
		x.tx(x.q().Order("id").Limit(2).Find(&us), &us, old)
	}},
	{name: "find/pointer to slice pointer", run: func(x *run) {
		us := &[]User{}
		x.tx(x.q().Order("id").Find(&us), us)
	}},
	{name: "find/array", run: func(x *run) {
		var us [3]User
		us[2].Name = "old"
		x.tx(x.q().Order("id").Limit(2).Find(&us), &us)
	}},
	{name: "find/array of pointers", run: func(x *run) {
		var us [6]*User
		x.tx(x.q().Order("id").Find(&us), &us)
	}},
	{name: "find/struct", run: func(x *run) {
		var u User
		x.tx(x.q().Order("id DESC").Find(&u), &u)
	}},
	{name: "find/pointer to nil struct pointer", run: func(x *run) {
		var u *User
		x.tx(x.q().Where("id = ?", 3).Find(&u), &u)
	}},
	{name: "find/struct prefilled keeps its fields on NULL", run: func(x *run) {
		u := User{Nick: ptr("kept?"), CompanyID: ptr(uint(99)), Extra: &Extra{Points: 5}, Found: 3}
		u.Address.Zip = ptr("kept?")
		x.tx(x.q().Where("id = ?", 6).Find(&u), &u)
	}},
	{name: "find/kinds prefilled", run: func(x *run) {
		ks := make([]Kinds, 4)
		for i := range ks {
			ks[i] = kinds()[0]
			ks[i].ID = 0
		}
		k := kinds()[0]
		k.ID = 0
		x.tx(x.q().Where("id = ?", 4).Find(&k), &k)
		x.tx(x.q().Order("id DESC").Find(&ks), &ks)
	}, reads: 2},
	{name: "find/primary key in the destination", run: func(x *run) {
		var u User
		u.ID = 4
		x.tx(x.q().Find(&u), &u)
	}},
	{name: "find/primary keys inline", run: func(x *run) {
		var us []User
		x.tx(x.q().Order("id").Find(&us, []uint{2, 5, 99}), &us)
	}},
	{name: "find/empty slice", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("age > ?", 1000).Find(&us), &us)
	}},
	{name: "find/empty into elements", run: func(x *run) {
		us := []User{{Name: "old"}}
		x.tx(x.q().Where("age > ?", 1000).Find(&us), &us)
	}},
	{name: "find/empty into struct", run: func(x *run) {
		u := User{Name: "old"}
		x.tx(x.q().Where("age > ?", 1000).Find(&u), &u)
	}},
	{name: "find/empty IN", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("id IN ?", []int{}).Find(&us), &us)
	}},
	{name: "find/empty not stored where NegativeTTL is negative", run: func(x *run) {
		var us []User
		x.tx(x.DB.Clauses(x.region("no_empty")).Where("age > ?", 1000).Find(&us), &us)
	}, outcomes: missTwice},
	{name: "find/model into map", run: func(x *run) {
		m := map[string]any{"old": 1}
		x.tx(x.q().Model(&User{}).Where("id = ?", 3).Find(&m), &m)
	}},
	{name: "find/model into nil map pointer", run: func(x *run) {
		var m map[string]any
		x.tx(x.q().Model(&User{}).Where("id = ?", 2).Find(&m), &m)
	}},
	{name: "find/model into maps", run: func(x *run) {
		ms := []map[string]any{{"old": 1}}
		x.tx(x.q().Model(&User{}).Order("id").Find(&ms), &ms)
	}},
	{name: "find/table into maps", run: func(x *run) {
		var ms []map[string]any
		x.tx(x.q().Table("kinds").Order("id").Find(&ms), &ms)
	}},
	{name: "find/DTO", run: func(x *run) {
		var ds []DTO
		x.tx(x.q().Model(&User{}).Order("id").Find(&ds), &ds)
	}},
	{name: "find/interface holding a pointer", run: func(x *run) {
		var dest any = &[]User{}
		x.tx(x.q().Order("id").Find(dest), dest)
	}},
	{name: "find/unknown column", run: func(x *run) {
		var us []User
		x.tx(x.q().Where("no_such_column = 1").Find(&us), &us)
	}, outcomes: missTwice},
	{name: "find/value that does not fit", run: func(x *run) {
		var ds []struct {
			ID   uint
			Name int
		}
		tx := x.q().Model(&User{}).Order("id").Find(&ds)
		x.tx(tx)
	}, fails: true},
	{name: "find/nil destination", run: func(x *run) {
		tx := x.q().Find(nil)
		x.tx(tx)
	}, outcomes: nothingRead},
}
