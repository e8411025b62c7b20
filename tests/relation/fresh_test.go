package relation_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// write is a change through the plugin.
type write struct {
	name string
	run  func(db *gorm.DB) error
}

var writes = []write{
	{"create a child", func(db *gorm.DB) error { return db.Create(&Order{ID: 900, UserID: ptr(uint(1)), Amount: 3}).Error }},
	{"create the first child", func(db *gorm.DB) error { return db.Create(&Order{ID: 901, UserID: ptr(uint(3)), Amount: 3}).Error }},
	{"create children", func(db *gorm.DB) error {
		return db.Create([]Order{{ID: 910, UserID: ptr(uint(2))}, {ID: 911, UserID: ptr(uint(4))}, {ID: 912}}).Error
	}},
	{"update a child", func(db *gorm.DB) error { return db.Model(&Order{ID: 900}).Update("amount", 77).Error }},
	{"save a child", func(db *gorm.DB) error {
		return db.Save(&Order{ID: 900, UserID: ptr(uint(1)), Amount: 78}).Error
	}},
	{"move a child", func(db *gorm.DB) error { return db.Model(&Order{ID: 900}).Update("user_id", 2).Error }},
	{"move a child by a struct", func(db *gorm.DB) error {
		return db.Model(&Order{ID: 900}).Updates(Order{UserID: ptr(uint(3))}).Error
	}},
	{"move children by a condition", func(db *gorm.DB) error {
		return db.Model(&Order{}).Where("user_id = ?", 2).Update("user_id", 1).Error
	}},
	{"move by an expression", func(db *gorm.DB) error {
		return db.Model(&Order{ID: 900}).Update("user_id", gorm.Expr("user_id + 1")).Error
	}},
	{"make an orphan", func(db *gorm.DB) error { return db.Model(&Order{ID: 910}).Update("user_id", nil).Error }},
	{"raw SQL", func(db *gorm.DB) error { return db.Exec("UPDATE orders SET amount = amount + 1").Error }},
	{"upsert a child", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Order{ID: 911, UserID: ptr(uint(7)), Amount: 1}).Error
	}},
	{"delete softly", func(db *gorm.DB) error { return db.Delete(&Order{ID: 911}).Error }},
	{"bring back", func(db *gorm.DB) error {
		return db.Unscoped().Model(&Order{ID: 911}).Update("deleted_at", nil).Error
	}},
	{"delete with a cascade", func(db *gorm.DB) error { return db.Unscoped().Delete(&Order{ID: 79}).Error }},
	{"delete by a condition", func(db *gorm.DB) error { return db.Where("amount > ?", 70).Delete(&Order{}).Error }},
	{"update a grandchild", func(db *gorm.DB) error { return db.Model(&Item{ID: 78}).Update("name", "changed").Error }},
	{"move a grandchild", func(db *gorm.DB) error { return db.Model(&Item{ID: 78}).Update("order_id", 77).Error }},
	{"update a one", func(db *gorm.DB) error { return db.Model(&Profile{ID: 51}).Update("bio", "changed").Error }},
	{"move a one", func(db *gorm.DB) error { return db.Model(&Profile{ID: 51}).Update("user_id", 3).Error }},
	{"delete a one", func(db *gorm.DB) error { return db.Delete(&Profile{ID: 52}).Error }},
	{"update what it belongs to", func(db *gorm.DB) error { return db.Model(&Company{ID: 2}).Update("name", "changed").Error }},
	{"belong to another", func(db *gorm.DB) error { return db.Model(&User{ID: 1}).Update("company_id", 4).Error }},
	{"belong to a new one", func(db *gorm.DB) error {
		return db.Model(&User{ID: 2}).Association("Company").Replace(&Company{ID: 90, Name: "new"})
	}},
	{"move two steps away", func(db *gorm.DB) error { return db.Model(&Company{ID: 3}).Update("city_id", 1).Error }},
	{"update a manager", func(db *gorm.DB) error { return db.Model(&User{ID: 2}).Update("name", "chief").Error }},
	{"change the team", func(db *gorm.DB) error { return db.Model(&User{ID: 5}).Update("manager_id", 1).Error }},
	{"rename what accounts refer to", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Account{ID: 4}).Update("holder", "user-5").Error; err != nil {
				return err
			}
			return tx.Model(&Account{ID: 5}).Update("holder", "user-4").Error
		})
	}},
	{"append to a join table", func(db *gorm.DB) error {
		return db.Model(&User{ID: 3}).Association("Languages").Append(&Lang{ID: 1, Name: "lang 8"}, &Lang{ID: 60, Name: "new"})
	}},
	{"replace in a join table", func(db *gorm.DB) error {
		return db.Model(&User{ID: 1}).Association("Languages").Replace(&Lang{ID: 3, Name: "lang 6"})
	}},
	{"delete from a join table", func(db *gorm.DB) error {
		return db.Model(&User{ID: 2}).Association("Languages").Delete(&Lang{ID: 1}, &Lang{ID: 3})
	}},
	{"clear a join table", func(db *gorm.DB) error { return db.Model(&User{ID: 4}).Association("Languages").Clear() }},
	{"update the far end", func(db *gorm.DB) error { return db.Model(&Lang{ID: 2}).Update("name", "changed").Error }},
	{"friends", func(db *gorm.DB) error { return db.Model(&User{ID: 6}).Association("Friends").Clear() }},
	{"append many", func(db *gorm.DB) error {
		return db.Model(&User{ID: 5}).Association("Orders").Append(&Order{ID: 920, Amount: 2})
	}},
	{"replace many", func(db *gorm.DB) error {
		return db.Model(&User{ID: 7}).Association("Orders").Replace(&Order{ID: 920, UserID: ptr(uint(5)), Amount: 2})
	}},
	{"clear many", func(db *gorm.DB) error { return db.Model(&User{ID: 7}).Association("Orders").Clear() }},
	{"update a picture", func(db *gorm.DB) error { return db.Model(&Picture{ID: 58}).Update("name", "changed").Error }},
	{"give a picture to a company", func(db *gorm.DB) error {
		return db.Model(&Picture{ID: 58}).Updates(map[string]any{"owner_type": "companies"}).Error
	}},
	{"save with associations", func(db *gorm.DB) error {
		return db.Session(&gorm.Session{FullSaveAssociations: true}).
			Updates(&User{ID: 8, Name: "saved", Profile: Profile{ID: 58, Bio: ptr("new")}, Pictures: []Picture{{ID: 800, Name: "new"}}}).Error
	}},
	{"rolled back", func(db *gorm.DB) error {
		_ = db.Transaction(func(tx *gorm.DB) error {
			must := tx.Model(&Order{ID: 51}).Update("amount", 1234)
			return fmt.Errorf("no: %w", must.Error)
		})
		return nil
	}},
	{"in a transaction", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Order{ID: 58}).Update("user_id", 8).Error; err != nil {
				return err
			}
			return tx.Delete(&Order{ID: 59}).Error
		})
	}},
	{"delete with associations", func(db *gorm.DB) error {
		return db.Unscoped().Select("Orders", "Profile", "Languages", "Friends").Delete(&User{ID: 8}).Error
	}},
}

var everything = []string{"Orders", "Orders.Items", "Profile", "Account", "Company", "Company.City", "Manager", "Team", "Languages", "Friends", "Pictures", "Home.City"}

func read(t *testing.T, db *gorm.DB) []User {
	t.Helper()
	var users []User
	for _, name := range everything {
		switch name {
		case "Languages", "Friends":
			db = db.Preload(name, func(db *gorm.DB) *gorm.DB { return db.Order("id") })
		default:
			db = db.Preload(name)
		}
	}
	must(t, db.Order("users.id").Find(&users).Error)
	return users
}

// After every write all relations are what the database has, of one handle's parents and of another's.
func TestRelationsAreFreshAfterWrites(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 8)
			for _, write := range writes {
				t.Run(write.name, func(t *testing.T) {
					read(t, w.scoped(fromcache.Key(1), everything...))
					w.take()
					equal(t, "before", read(t, w.scoped(fromcache.Key(1), everything...)), read(t, w.plain))
					none(t, w.take(), false)
					must(t, write.run(w.db))
					equal(t, "after", read(t, w.scoped(fromcache.Key(1), everything...)), read(t, w.plain))
					w.take()
					equal(t, "again", read(t, w.scoped(fromcache.Key(1), everything...)), read(t, w.plain))
					none(t, w.take(), false)
				})
			}
		})
	}
}

// amounts are those of the orders that are preloaded, by their users.
func amounts(t *testing.T, db *gorm.DB) map[uint][]int {
	t.Helper()
	var users []User
	must(t, db.Preload("Orders", func(db *gorm.DB) *gorm.DB { return db.Order("id") }).Find(&users, "id <= ?", 8).Error)
	m := map[uint][]int{}
	for _, u := range users {
		for _, o := range u.Orders {
			m[u.ID] = append(m[u.ID], o.Amount)
		}
	}
	return m
}

// A write drops the parents that it touches. That the others are kept shows in a row that was changed behind the
// cache's back.
func TestWritesKeepOtherParents(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, kind, 8)
			cached := func() map[uint][]int { return amounts(t, w.db.Clauses(relation.Cache("Orders", "default"))) }
			if got := cached(); len(got[1]) != 1 || len(got[2]) != 2 || len(got[7]) != 3 {
				t.Fatalf("orders %v", got)
			}
			must(t, w.plain.Exec("UPDATE orders SET amount = 1000").Error)
			want := func(fresh ...uint) {
				t.Helper()
				for id, list := range cached() {
					for _, amount := range list {
						expected := false
						for _, f := range fresh {
							expected = expected || f == id
						}
						if (amount >= 1000) != expected {
							t.Errorf("user %d has an order of %d", id, amount)
						}
					}
				}
			}
			want()
			must(t, w.db.Model(&Order{ID: 19}).Update("amount", 2000).Error)
			want(1)
			must(t, w.db.Model(&Order{ID: 29}).Update("user_id", 5).Error)
			want(1, 2, 5)
			must(t, w.db.Create(&Order{ID: 700, UserID: ptr(uint(3)), Amount: 3000}).Error)
			want(1, 2, 3, 5)
			must(t, invalidate.Relation(t.Context(), w.db, &User{ID: 7}, "Orders"))
			want(1, 2, 3, 5, 7)
		})
	}
}
