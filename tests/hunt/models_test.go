//go:build linux

package hunt_test

import (
	"gorm.io/gorm"
)

type (
	// Cell is a row with a version. Items are in it; labels are added to it.
	Cell struct {
		ID      uint
		Version uint64
		Items   []Item
		Labels  []Label `gorm:"many2many:cell_labels"`
	}
	// Account is a row with a version, whose balance moves to others and back.
	Account struct {
		ID      uint
		Balance int64
		Version uint64
	}
	// Item is in a cell, and moves to others.
	Item struct {
		ID      uint
		CellID  uint `gorm:"index"`
		Cell    *Cell
		Version uint64
	}
	// Label is only ever inserted, together with the row that adds it to a cell.
	Label struct {
		ID uint
	}
	// Note is only ever inserted.
	Note struct {
		ID      uint
		Process int
	}
)

// balance is what each account begins with.
const balance = 1000

// slowly makes a COMMIT that touched a cell take up to 15 ms on the server, whoever waits for it.
const slowly = `
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(random() * 0.015); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON cells DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle();`

func schema(plain *gorm.DB, slow bool) error {
	if err := plain.AutoMigrate(&Cell{}, &Account{}, &Item{}, &Label{}, &Note{}); err != nil {
		return err
	}
	for i := range cells {
		if err := plain.Create(&Cell{ID: uint(i + 1), Version: 1}).Error; err != nil {
			return err
		}
	}
	for i := range accounts {
		if err := plain.Create(&Account{ID: uint(i + 1), Balance: balance, Version: 1}).Error; err != nil {
			return err
		}
	}
	for i := range items {
		if err := plain.Create(&Item{ID: uint(i + 1), CellID: uint(i%cells + 1), Version: 1}).Error; err != nil {
			return err
		}
	}
	if slow {
		return plain.Exec(slowly).Error
	}
	return nil
}
