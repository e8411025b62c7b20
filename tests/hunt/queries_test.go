//go:build linux

package hunt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/relation"
)

// queries.
const (
	queryCell = iota
	queryCells
	queryAccounts
	queryCount
	queryJoin
	queryItem
	queryItems
	queryItemsOf
	queryNotesOf
	querySome
	queryInside
	queryAround
	queryLabels
	queryAssociated
	queries
)

var queryNames = [queries]string{
	"one cell", "all cells", "all accounts", "count of notes", "join",
	"one item", "all items", "items of a cell", "count of a process's notes",
	"a list of items", "two cells and their items", "items and their cells", "two cells and their labels", "items associated with a cell",
}

// weights of the queries, in percent.
var weights = [queries]int{14, 7, 8, 4, 6, 7, 4, 6, 4, 8, 12, 8, 6, 6}

func pick(r *rand.Rand) int {
	n := r.IntN(100)
	for q, w := range weights {
		if n -= w; n < 0 {
			return q
		}
	}
	return queryCell
}

// scopes make the queries read through the cache: the rows, what they preload, or both.
var scopes = func() (s [queries][]clause.Expression) {
	for q := range s {
		s[q] = []clause.Expression{fromcache.Region("default")}
	}
	s[queryInside] = append(s[queryInside], relation.Cache("Items", "default"))
	s[queryAround] = append(s[queryAround], relation.Cache("Cell", "default"))
	s[queryLabels] = []clause.Expression{relation.Cache("Labels", "default")}
	s[queryAssociated] = []clause.Expression{relation.Cache("Items", "default")}
	return s
}()

// seen is what a read says of one slot.
type seen struct {
	slot  int
	value uint64
}

var (
	// errTorn is the error of an answer whose parts do not fit together.
	errTorn = errors.New("the answer is torn")
	// errTwice is its case of an item that is in two places. The parts of an answer are looked at in one
	// moment, but what tells that is the marks.
	errTwice = fmt.Errorf("%w: an item is in two cells", errTorn)
)

// ask runs a query and tells what it saw: lookups by primary key, by lists of them and by a foreign key,
// whole tables, and relations. The error of an answer that does not fit together is errTorn.
func ask(db *gorm.DB, query int, id uint) ([]seen, error) {
	switch query {
	case queryCell:
		var c Cell
		err := db.First(&c, id).Error
		return []seen{c.seen()}, err
	case queryCells:
		return askCells(db.Order("id"))
	case queryAccounts:
		return askAccounts(db)
	case queryCount:
		var n int64
		err := db.Model(&Note{}).Count(&n).Error
		return []seen{{slotNotes, uint64(n)}}, err
	case queryItem:
		var i Item
		err := db.First(&i, id).Error
		return []seen{i.seen()}, err
	case queryNotesOf:
		var n int64
		process := int(id) % processes
		err := db.Model(&Note{}).Where("process = ?", process).Count(&n).Error
		return []seen{{slotNotesOf + process, uint64(n)}}, err
	case queryItems, queryItemsOf, querySome, queryAround, queryAssociated:
		return askItems(db, query, id)
	case queryInside:
		return askCells(db.Preload("Items").Order("id").Where("id IN ?", two(id)))
	case queryLabels:
		return askLabels(db, id)
	}
	var row struct{ Cell, Account uint64 }
	err := db.Table("cells").Select("cells.version AS cell, accounts.version AS account").
		Joins("JOIN accounts ON accounts.id = cells.id").Where("cells.id = ?", id).Scan(&row).Error
	return []seen{{slotCells + int(id) - 1, row.Cell}, {slotAccounts + int(id) - 1, row.Account}}, err
}

// two are a cell and the next one.
func two(id uint) []uint { return []uint{id, id%cells + 1} }

// some are three items, which other lists share.
func some(id uint) []uint {
	return []uint{id, id%items + 1, (id+2)%items + 1}
}

// wholeCells are those of which a query's answer has all items.
func wholeCells(query int, id uint) []uint {
	switch query {
	case queryItemsOf, queryAssociated:
		return []uint{id}
	case queryInside:
		return two(id)
	}
	return nil
}

func (c Cell) seen() seen { return seen{slotCells + int(c.ID) - 1, c.Version} }

func (i Item) seen() seen {
	return seen{slotItems + int(i.ID) - 1, i.Version*places + uint64(i.CellID)}
}

// askCells reads some cells, with what is in them if that is preloaded.
func askCells(db *gorm.DB) (got []seen, err error) {
	var some []Cell
	err = db.Find(&some).Error
	in := map[uint]bool{}
	for _, c := range some {
		got = append(got, c.seen())
		for _, i := range c.Items {
			got = append(got, i.seen())
			if in[i.ID] && err == nil {
				err = errTwice
			}
			in[i.ID] = true
		}
	}
	return got, err
}

// askItems reads items. They are always all there: who replaces one does it in a transaction.
func askItems(db *gorm.DB, query int, id uint) (got []seen, err error) {
	var found []Item
	want := 0
	switch query {
	case queryItems:
		want = items
	case queryItemsOf:
		db = db.Where("cell_id = ?", id)
	case querySome:
		want = len(some(id))
		db = db.Where("id IN ?", some(id))
	case queryAround:
		want = 2
		db = db.Preload("Cell").Where("id IN ?", some(id)[:want])
	}
	if query == queryAssociated {
		err = db.Model(&Cell{ID: id}).Association("Items").Find(&found)
	} else {
		err = db.Order("id").Find(&found).Error
	}
	if err == nil && want > 0 && len(found) != want {
		err = fmt.Errorf("%w: %d of %d items", errTorn, len(found), want)
	}
	for _, i := range found {
		got = append(got, i.seen())
		switch {
		case query != queryAround:
		case i.Cell != nil:
			got = append(got, i.Cell.seen())
		case err == nil:
			err = fmt.Errorf("%w: no cell %d", errTorn, i.CellID)
		}
	}
	return got, err
}

// askLabels reads a relation by a join table.
func askLabels(db *gorm.DB, id uint) (got []seen, err error) {
	var both []Cell
	err = db.Preload("Labels").Order("id").Find(&both, two(id)).Error
	for _, c := range both {
		got = append(got, c.seen(), seen{slotLabels + int(c.ID) - 1, uint64(len(c.Labels))})
	}
	return got, err
}

// askAccounts reads all accounts, whose sum every transfer keeps.
func askAccounts(db *gorm.DB) ([]seen, error) {
	var all []Account
	err := db.Order("id").Find(&all).Error
	var got []seen
	sum := int64(0)
	for _, a := range all {
		got = append(got, seen{slotAccounts + int(a.ID) - 1, a.Version})
		sum += a.Balance
	}
	if err == nil && sum != balance*accounts {
		err = fmt.Errorf("%w: the sum of all accounts is %d", errTorn, sum)
	}
	return got, err
}
