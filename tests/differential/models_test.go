package differential_test

import (
	"time"

	"gorm.io/gorm"
)

// The family has every kind of relation. Its tables are made by the program, which decides on the
// foreign keys.
type (
	company struct {
		ID     uint
		Name   string `gorm:"size:64"`
		Rating *float64
		People []person
		Memos  []memo `gorm:"polymorphic:Owner"`
	}
	person struct {
		ID        uint
		CreatedAt time.Time
		UpdatedAt time.Time
		DeletedAt gorm.DeletedAt
		Name      string `gorm:"size:64"`
		Age       int64
		Nick      *string `gorm:"size:64"`
		Born      time.Time
		Photo     []byte
		Balance   string `gorm:"type:decimal(10,2);default:0"`
		Active    bool
		CompanyID *uint
		Company   *company
		ManagerID *uint
		Manager   *person
		Reports   []person `gorm:"foreignKey:ManagerID"`
		Pet       *pet
		Labels    []label   `gorm:"many2many:person_labels"`
		Friends   []*person `gorm:"many2many:friendships"`
		Memos     []memo    `gorm:"polymorphic:Owner"`
	}
	pet struct {
		ID       uint
		PersonID *uint
		Person   *person
		Name     string `gorm:"size:64"`
		Memos    []memo `gorm:"polymorphic:Owner;polymorphicValue:animal"`
	}
	label struct {
		Code   string   `gorm:"primaryKey;size:8"`
		Name   string   `gorm:"size:64"`
		People []person `gorm:"many2many:person_labels"`
	}
	memo struct {
		ID        uint
		OwnerID   uint
		OwnerType string `gorm:"size:64"`
		Text      string `gorm:"size:64"`
		At        *time.Time
	}
	seat struct {
		Row      string `gorm:"primaryKey;size:8"`
		Number   int64  `gorm:"primaryKey;autoIncrement:false"`
		PersonID *uint
		Person   *person
		Taken    bool
	}
)
