package soak_test

import (
	"errors"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// Few, so that they are read often between two writes.
const (
	rows   = 50
	owners = 10
)

type (
	// Page is a row that is read by its key, its owner and its words.
	Page struct {
		ID    uint
		Owner uint
		Title string
		Views int
	}
	// Event is a row that comes and goes.
	Event struct {
		ID     uint
		PageID uint
		Note   string
	}
)

func seed(plain *gorm.DB) error {
	if err := plain.AutoMigrate(&Page{}, &Event{}); err != nil {
		return err
	}
	pages := make([]Page, rows)
	for i := range pages {
		pages[i] = Page{Owner: uint(i) % owners, Title: "the title of a page, and a few words more"}
	}
	return plain.Create(&pages).Error
}

// queries are the reads, through the cache or not.
var queries = []func(db *gorm.DB, id uint) (any, error){
	func(db *gorm.DB, id uint) (any, error) {
		var p Page
		return p, db.First(&p, id).Error
	},
	func(db *gorm.DB, id uint) (any, error) {
		var all []Page
		err := db.Where("owner = ?", id%owners).Order("id").Find(&all).Error
		return all, err
	},
	func(db *gorm.DB, id uint) (any, error) {
		var n int64
		err := db.Model(&Event{}).Where("page_id = ?", id).Count(&n).Error
		return n, err
	},
	func(db *gorm.DB, id uint) (any, error) {
		var all []struct {
			Title string
			N     int
		}
		err := db.Raw("SELECT p.title, count(e.id) AS n FROM pages p LEFT JOIN events e ON e.page_id = p.id WHERE p.owner = ? GROUP BY p.id, p.title ORDER BY p.id", id%owners).Scan(&all).Error
		return all, err
	},
}

var errUndo = errors.New("undo")

// writes are statements that commit by themselves, and transactions that commit or do not.
var writes = []func(db *gorm.DB, id uint) error{
	func(db *gorm.DB, id uint) error {
		return db.Model(&Page{ID: id}).Update("views", gorm.Expr("views + 1")).Error
	},
	func(db *gorm.DB, id uint) error { return db.Create(&Event{PageID: id, Note: "seen"}).Error },
	func(db *gorm.DB, id uint) error { return db.Where("page_id = ?", id).Delete(&Event{}).Error },
	func(db *gorm.DB, id uint) error { return db.Exec("UPDATE pages SET views = 0 WHERE id = ?", id).Error },
	func(db *gorm.DB, id uint) error {
		return db.Transaction(func(tx *gorm.DB) error {
			var p Page
			err := tx.Clauses(fromcache.Region(gormcache.DefaultRegion)).First(&p, id).Error
			return errors.Join(err, tx.Model(&p).Update("title", "another title").Error,
				tx.Create(&Event{PageID: id, Note: "renamed"}).Error)
		})
	},
	func(db *gorm.DB, id uint) error {
		err := db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Model(&Page{ID: id}).Update("title", "never").Error, errUndo)
		})
		if errors.Is(err, errUndo) {
			return nil
		}
		return err
	},
}
