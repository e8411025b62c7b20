package relation_test

import (
	"fmt"

	"gorm.io/gorm"
)

// The models have a relation of every kind.
type (
	// User is the parent.
	User struct {
		ID        uint `gorm:"primaryKey;autoIncrement:false"`
		Name      string
		CompanyID *uint
		Company   *Company // belongs to
		ManagerID *uint
		Manager   *User     // belongs to itself
		Team      []User    `gorm:"foreignKey:ManagerID"` // has many of itself
		Profile   Profile   // has one
		Orders    []Order   // has many
		Languages []Lang    `gorm:"many2many:user_langs"`
		Friends   []*User   `gorm:"many2many:user_friends"`
		Pictures  []Picture `gorm:"polymorphic:Owner"`
		Home      Home      `gorm:"embedded;embeddedPrefix:home_"`
		Account   Account   `gorm:"foreignKey:Holder;references:Name;constraint:-"` // has one, by a text
	}
	// Home is embedded, and has a relation of its own.
	Home struct {
		CityID *uint
		City   *City
	}
	// Company is where users work.
	Company struct {
		ID     uint `gorm:"primaryKey;autoIncrement:false"`
		Name   string
		CityID *uint
		City   *City
	}
	// City is two steps away from users.
	City struct {
		ID   uint `gorm:"primaryKey;autoIncrement:false"`
		Name string
	}
	// Profile belongs to one user.
	Profile struct {
		ID     uint `gorm:"primaryKey;autoIncrement:false"`
		UserID *uint
		Bio    *string
	}
	// Order is deleted softly.
	Order struct {
		ID        uint `gorm:"primaryKey;autoIncrement:false"`
		UserID    *uint
		Amount    int
		DeletedAt gorm.DeletedAt `gorm:"index"`
		Items     []Item         `gorm:"constraint:OnDelete:CASCADE"`
		Seen      int            `gorm:"-"`
	}
	// Item goes with its order.
	Item struct {
		ID      uint `gorm:"primaryKey;autoIncrement:false"`
		OrderID *uint
		Name    string
	}
	// Lang is spoken by users.
	Lang struct {
		ID   uint `gorm:"primaryKey;autoIncrement:false"`
		Name string
	}
	// Picture is of a user or a company.
	Picture struct {
		ID        uint `gorm:"primaryKey;autoIncrement:false"`
		OwnerID   *uint
		OwnerType *string `gorm:"size:20"`
		Name      string
	}
	// Account refers to a user by name.
	Account struct {
		ID     uint    `gorm:"primaryKey;autoIncrement:false"`
		Holder *string `gorm:"size:40"`
		Sum    int
	}
)

// AfterFind proves that hooks run on what comes from the cache.
func (o *Order) AfterFind(*gorm.DB) error {
	o.Seen = o.Amount + 1
	return nil
}

func migrate(db *gorm.DB) error {
	return db.AutoMigrate(&City{}, &Company{}, &User{}, &Profile{}, &Order{}, &Item{}, &Lang{}, &Picture{}, &Account{})
}

func ptr[T any](v T) *T { return &v }

// seed makes n users. Every third has no children at all.
func seed(db *gorm.DB, n int) error {
	create := func(v any) {
		if db.Error == nil {
			db.Error = db.Session(&gorm.Session{NewDB: true}).Omit("Languages.*", "Friends.*").Create(v).Error
		}
	}
	for i := uint(1); i <= 3; i++ {
		create(&City{ID: i, Name: fmt.Sprint("city ", i)})
		create(&Lang{ID: i, Name: fmt.Sprint("lang ", 9-i)})
	}
	for i := uint(1); i <= 4; i++ {
		create(&Company{ID: i, Name: fmt.Sprint("company ", i), CityID: ptr(i%3 + 1)})
		create(&Picture{ID: 1000 + i, OwnerID: ptr(i), OwnerType: ptr("companies"), Name: "logo"})
	}
	for id := uint(1); id <= uint(n); id++ {
		u := User{ID: id, Name: fmt.Sprint("user-", id)}
		if id > 1 {
			u.ManagerID = ptr(id / 2)
		}
		if id%3 != 0 {
			u.CompanyID, u.Home.CityID = ptr(id%4+1), ptr(id%3+1)
			u.Languages = []Lang{{ID: id%3 + 1}, {ID: (id+1)%3 + 1}}
		}
		create(&u)
		if id%3 == 0 {
			continue
		}
		create(&Profile{ID: id + 50, UserID: &id, Bio: ptr(fmt.Sprint("bio ", id))})
		create(&Account{ID: id, Holder: ptr(u.Name), Sum: int(id)})
		for k := range id % 4 {
			oid := id*10 + 9 - k
			create(&Order{ID: oid, UserID: &id, Amount: int(oid * 37 % 11)})
			create(&Item{ID: oid, OrderID: &oid, Name: fmt.Sprint("item ", oid)})
			create(&Picture{ID: oid, OwnerID: &id, OwnerType: ptr("users"), Name: fmt.Sprint("picture ", oid)})
		}
		if id > 3 {
			db.Error = db.Session(&gorm.Session{NewDB: true}).Exec("INSERT INTO user_friends (user_id, friend_id) VALUES (?, ?), (?, ?)", id, id-1, id, id-3).Error
		}
	}
	return db.Error
}
