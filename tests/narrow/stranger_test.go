package narrow_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// setups are the ways in which MariaDB may lock and count.
func setups(t *testing.T, run func(t *testing.T, s *stage)) {
	for _, isolation := range []string{"REPEATABLE-READ", "READ-COMMITTED"} {
		for _, index := range []bool{true, false} {
			for _, found := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, index %v, clientFoundRows %v", isolation, index, found), func(t *testing.T) {
					s := newStage(t, "mariadb", fmt.Sprintf("&tx_isolation='%s'&clientFoundRows=%v", isolation, found))
					if index {
						must(t, s.bare.Exec("CREATE INDEX by_shop ON items (shop_id)").Error)
					}
					must(t, s.bare.Exec("ALTER TABLE items ADD stamp datetime NOT NULL DEFAULT '2001-02-03' ON UPDATE current_timestamp(), "+
						"ADD half int AS (qty DIV 2) VIRTUAL").Error)
					run(t, s)
				})
			}
		}
	}
}

// byShop are UPDATEs of shop 1's items, by its tracked column.
var byShop = map[string]func(tx *gorm.DB) error{
	"another column":     func(tx *gorm.DB) error { return tx.Model(&Item{}).Where("shop_id = ?", 1).Update("qty", 7).Error },
	"with an expression": exec("UPDATE items SET qty = 7 + 0 * id WHERE shop_id = 1 AND name <> ?", "zz"),
	"the tracked column": func(tx *gorm.DB) error { return tx.Model(&Item{}).Where("shop_id = ?", 1).Update("shop_id", 2).Error },
	"another tracked column": func(tx *gorm.DB) error {
		return tx.Model(&Item{}).Where("shop_id = ?", 1).Update("name", "zz").Error
	},
	"a soft delete":          func(tx *gorm.DB) error { return tx.Where("shop_id = ?", 1).Delete(&Item{}).Error },
	"in the condition":       exec("UPDATE items SET qty = 7 WHERE shop_id = 1 AND qty < 8"),
	"by what it sets itself": exec("UPDATE items SET qty = 7 WHERE shop_id = 1 AND stamp < '2020-01-01'"),
	"by what is generated":   exec("UPDATE items SET qty = 7 WHERE shop_id = 1 AND half <> 3"),
	"to what it was":         exec("UPDATE items SET shop_id = 1, qty = 7 WHERE shop_id = 1"),
}

// A: reads what it is about to change of shop 1, and finds items 1 and 2, some of which it will not change; stops.
//
//	B: inserts item 9 into shop 1, commits.
//	C: stores item 9.
//
// A: changes them all, and commits. MySQL has counted one row or two, as many as were found, or none that it tells apart.
//
// At REPEATABLE READ B waits for A.
//
// Falls if: A believes the number of rows, or asks for the condition again where its own change hides the rows from it.
func TestStrangers(t *testing.T) {
	setups(t, func(t *testing.T, s *stage) {
		for name, update := range byShop {
			t.Run(name, func(t *testing.T) {
				for _, like := range []string{"none", "item 1", "items 1 and 2"} {
					t.Run(like+" as after it", func(t *testing.T) { s.stranger(t, like, update) })
				}
			})
		}
	})
}

func (s *stage) stranger(t *testing.T, like string, update func(tx *gorm.DB) error) {
	s.seed(t)
	switch like {
	case "item 1":
		must(t, s.bare.Exec("UPDATE items SET qty = 7, name = 'zz', stamp = '2001-02-03' WHERE id = 1").Error)
	case "items 1 and 2":
		must(t, s.bare.Exec("UPDATE items SET qty = 7, name = 'zz', stamp = '2001-02-03' WHERE id < 3").Error)
	}
	must(t, s.writer.Exec("UPDATE items SET qty = qty").Error) // all is dropped
	s.knows(t)
	asked := []read{named("row 9"), named("shop 1"), named("shop 2"), named("row 1")}
	s.stopped, s.goOn = make(chan struct{}), make(chan struct{})
	s.stop.Store(true)
	a, b := make(chan error, 1), make(chan error, 1)
	go func() { a <- s.writer.Transaction(update) }()
	var stopped bool
	select {
	case <-s.stopped:
		stopped = true
	case err := <-a: // its text shows that it is by the table
		must(t, err)
		s.stop.Store(false)
	}
	go func() { b <- s.reader.Create(&Item{ID: 9, ShopID: ptr(int64(1)), Name: "x"}).Error }()
	for done := false; !done; {
		select {
		case err := <-b:
			must(t, err)
			for _, r := range asked {
				r.warm(t, s.reader)
			}
			b, done = nil, true
		case <-time.After(often):
			done = s.waiting(t)
		}
	}
	if stopped {
		close(s.goOn)
		must(t, <-a)
	}
	if b != nil {
		must(t, <-b)
	}
	for _, r := range asked {
		s.fresh(t, r)
	}
}

// What such an UPDATE does not touch is kept, where nobody comes in between.
func TestNoStrangers(t *testing.T) {
	coarse := map[string]bool{"in the condition": true, "by what it sets itself": true, "by what is generated": true}
	setups(t, func(t *testing.T, s *stage) {
		for name, update := range byShop {
			t.Run(name, func(t *testing.T) {
				s.seed(t)
				must(t, s.writer.Exec("UPDATE items SET qty = qty").Error)
				s.knows(t)
				touched, other := named("shop 1"), named("shop 3")
				s.warmAll(t, touched, other)
				must(t, s.writer.Transaction(update))
				s.fresh(t, touched)
				if _, seen := other.answer(t, s.reader); (seen.Outcome == observe.Hit) == coarse[name] {
					t.Errorf("shop 3: %v (%s)", seen.Outcome, seen.Reason)
				}
			})
		}
	})
}

// Asking again is not to be felt. It neither waits for those who have come after the UPDATE:
//
//	A (READ COMMITTED): changes the items of shop 1; stops.
//	B: inserts item 9 into shop 1, and stays.
//	A: goes on, commits.
//
// Nor does it fix what a transaction sees, at REPEATABLE READ:
//
//	A: changes the items of shop 3.
//	B: changes item 5, commits.
//	A: sees it.
func TestAskingAgainIsNotFelt(t *testing.T) {
	t.Run("no wait", func(t *testing.T) {
		for _, how := range []string{"by the DSN", "by the transaction"} {
			t.Run(how, func(t *testing.T) {
				params, opts := "&innodb_lock_wait_timeout=2", &sql.TxOptions{Isolation: sql.LevelReadCommitted}
				if how == "by the DSN" {
					params, opts = params+"&tx_isolation='READ-COMMITTED'", nil
				}
				s := newStage(t, "mariadb", params)
				must(t, s.bare.Exec("CREATE INDEX by_shop ON items (shop_id)").Error)
				s.knows(t)
				kept := named("shop 3")
				kept.warm(t, s.reader)
				other := s.bare.Begin()
				defer other.Rollback()
				ran := false
				s.ran = func(query string) {
					if strings.HasPrefix(query, "UPDATE `items` SET `qty`=") && !ran {
						ran = true
						must(t, other.Exec("INSERT INTO items (id, shop_id) VALUES (9, 1)").Error)
					}
				}
				must(t, s.writer.Transaction(func(tx *gorm.DB) error {
					return tx.Model(&Item{}).Where("shop_id = ?", 1).Update("qty", 7).Error
				}, opts))
				if _, seen := kept.answer(t, s.reader); !ran || seen.Outcome != observe.Hit {
					t.Errorf("ran %v; shop 3: %v (%s)", ran, seen.Outcome, seen.Reason)
				}
			})
		}
	})
	t.Run("no snapshot", func(t *testing.T) {
		s := newStage(t, "mariadb", "")
		must(t, s.bare.Exec("CREATE INDEX by_shop ON items (shop_id)").Error)
		s.knows(t)
		must(t, s.writer.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Model(&Item{}).Where("shop_id = ?", 3).Update("qty", 7).Error)
			must(t, s.bare.Exec("UPDATE items SET qty = 55 WHERE id = 5").Error)
			var got Item
			if must(t, tx.First(&got, 5).Error); got.Qty != 55 {
				t.Errorf("the transaction sees %d, and would see 55 without the plugin", got.Qty)
			}
			return nil
		}))
	})
}
