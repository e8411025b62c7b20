//go:build linux

package hunt_test

import (
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The writes to rows that have a foreign key: by primary key and by that key, inserts and deletes too.

// note inserts one.
func (w *writer) note(db *gorm.DB) ([]claim, error) {
	by := w.rand.IntN(processes)
	err := db.Create(&Note{Process: by}).Error
	return []claim{{slot: slotNotes}, {slot: slotNotesOf + by}}, err
}

// label adds one to a cell.
func (w *writer) label(tx *gorm.DB) ([]claim, error) {
	id := w.row(cells)
	err := tx.Model(&Cell{ID: id}).Association("Labels").Append(&Label{})
	return []claim{{slot: slotLabels + int(id) - 1}}, err
}

func claimOf(i Item) claim { return claim{slotItems + int(i.ID) - 1, i.seen().value} }

// lock finds an item and locks it. None is found where another process replaces it just now; then there
// is nothing to commit.
func (w *writer) lock(tx *gorm.DB) (i Item, err error) {
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&i, w.row(items)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = errRollback
	}
	return i, err
}

// move puts an item into another cell, or leaves it where it is.
func (w *writer) move(tx *gorm.DB) ([]claim, error) {
	i, err := w.lock(tx)
	if err != nil {
		return nil, err
	}
	i.CellID, i.Version = w.row(cells), i.Version+1
	err = tx.Model(&Item{ID: i.ID}).Updates(map[string]any{"cell_id": i.CellID, "version": i.Version}).Error
	return []claim{claimOf(i)}, err
}

// moveAlone does so by one statement outside a transaction.
func (w *writer) moveAlone(db *gorm.DB) ([]claim, error) {
	i := Item{ID: w.row(items), CellID: w.row(cells)}
	if w.plan.MariaDB { // which has no RETURNING here: what the version is nobody knows
		return nil, db.Exec("UPDATE items SET cell_id = ?, version = version + 1 WHERE id = ?", i.CellID, i.ID).Error
	}
	err := db.Raw("UPDATE items SET cell_id = ?, version = version + 1 WHERE id = ? RETURNING version", i.CellID, i.ID).Scan(&i.Version).Error
	if i.Version == 0 {
		return nil, err
	}
	return []claim{claimOf(i)}, err
}

// replace deletes an item and inserts it anew, in another cell perhaps.
func (w *writer) replace(tx *gorm.DB) ([]claim, error) {
	i, err := w.lock(tx)
	if err != nil {
		return nil, err
	}
	i.CellID, i.Version = w.row(cells), i.Version+1
	return []claim{claimOf(i)}, errors.Join(tx.Delete(&Item{ID: i.ID}).Error, tx.Create(&i).Error)
}

// bumpItems gives all items of a cell their next versions, by one statement that names no row.
func (w *writer) bumpItems(tx *gorm.DB) (claims []claim, err error) {
	cell := w.row(cells)
	var some []Item
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(&some, "cell_id = ?", cell).Error; err != nil {
		return nil, err
	}
	for _, i := range some {
		i.Version++
		claims = append(claims, claimOf(i))
	}
	err = tx.Exec("UPDATE items SET version = version + 1 WHERE cell_id = ?", cell).Error
	// An item that has come in meanwhile is locked out of turn: two that do this at once may block each other.
	if deadlocked(err) {
		err = errRollback
	}
	return claims, err
}

// spoilItem writes what nobody must ever see.
func spoilItem(tx *gorm.DB, id, cell uint) error {
	return tx.Model(&Item{ID: id}).Updates(map[string]any{"cell_id": cell, "version": gorm.Expr("version + ?", uint64(dirty))}).Error
}
