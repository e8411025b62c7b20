package shop

import "time"

// Company is who users work for.
type Company struct {
	ID   uint
	Name string
	City string
}

// User orders things.
type User struct {
	ID        uint
	CompanyID uint `gorm:"index"`
	Name      string
	Email     string
	Age       int
	CreatedAt time.Time
	Orders    []Order
}

// Order is what a user has bought. Cents, since money is not a float.
type Order struct {
	ID        uint
	UserID    uint `gorm:"index"`
	Item      string
	Cents     int64
	CreatedAt time.Time
}

// Revenue is a row of a report.
type Revenue struct {
	Company string
	Orders  int64
	Cents   int64
}
