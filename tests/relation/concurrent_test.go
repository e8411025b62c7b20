package relation_test

import (
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/relation"
)

// Whoever has committed sees it in all lists that have the parent, whatever others write and read meanwhile.
func TestWhatIsCommittedIsSeen(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 8)
			must(t, w.db.Create([]Order{{ID: 601, UserID: ptr(uint(1))}, {ID: 602, UserID: ptr(uint(2))}, {ID: 603, UserID: ptr(uint(3))}}).Error)
			var wg sync.WaitGroup
			for id := uint(1); id <= 3; id++ {
				wg.Go(func() { mover(t, w, 600+id) })
			}
			wg.Wait()
		})
	}
}

// mover moves one order between users, and looks for it after each commit.
func mover(t *testing.T, w *world, order uint) {
	for n := range 60 {
		home := (order+uint(n)*3)%8 + 1
		change := map[string]any{"user_id": home, "amount": n}
		if err := w.db.Model(&Order{ID: order}).Updates(change).Error; err != nil {
			t.Error(err)
			return
		}
		var users []User
		list := []uint{home, home%8 + 1, 8, 1}[n%3:]
		if n%3 > 0 {
			list = append(list, home)
		}
		db := w.db.Clauses(fromcache.Region("default"), relation.Cache("Orders", "default"))
		if err := db.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).Order("id").Find(&users, list).Error; err != nil {
			t.Error(err)
			return
		}
		for _, u := range users {
			found := false
			for _, o := range u.Orders {
				if o.ID == order {
					found = o.Amount == n
				}
			}
			if found != (u.ID == home) {
				t.Errorf("step %d: order %d of user %d: among the orders of user %d: %v", n, order, home, u.ID, found)
			}
		}
	}
}
