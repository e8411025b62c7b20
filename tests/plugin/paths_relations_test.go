package plugin_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestRelationPaths goes through writes that reach more tables than the statement names.
func TestRelationPaths(t *testing.T) {
	ann := func() *User { return &User{ID: 1, Name: "ann"} }
	walkAll(t, []path{
		{name: "create with associations", touches: []string{"users", "orders", "tags", "user_tags"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				err := tx.Create(&User{ID: 100, Name: "x", Orders: []Order{{ID: 100, Name: "o"}}, Tags: []Tag{{ID: 100, Name: "t"}}}).Error
				return errors.Join(err, w.both(tx))
			})
		}},
		{name: "create with associations, rollback", touches: []string{"users", "orders", "tags", "user_tags"}, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				err := tx.Create(&User{ID: 100, Name: "x", Orders: []Order{{ID: 100, Name: "o"}}, Tags: []Tag{{ID: 100, Name: "t"}}}).Error
				return errors.Join(err, w.both(tx), errWanted)
			})
		}},
		{name: "has many, Append", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Orders").Append(&Order{ID: 100, Name: "o"})
		}},
		{name: "has many, Replace", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Orders").Replace(&Order{ID: 100, Name: "o"})
		}},
		{name: "has many, Delete", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Orders").Delete(&Order{ID: 1})
		}},
		{name: "has many, Clear", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Orders").Clear()
		}},
		{name: "has many, Unscoped Clear", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Orders").Unscoped().Clear()
		}},
		{name: "many to many, Append", touches: []string{"user_tags", "tags"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Tags").Append(&Tag{ID: 100, Name: "t"})
		}},
		{name: "many to many, Replace", touches: []string{"user_tags", "tags"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Tags").Replace(&Tag{ID: 100, Name: "t"})
		}},
		{name: "many to many, Delete", touches: []string{"user_tags"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Tags").Delete(&Tag{ID: 1})
		}},
		{name: "many to many, Clear", touches: []string{"user_tags"}, run: func(w *walk) error {
			return w.db.Model(ann()).Association("Tags").Clear()
		}},
		{name: "many to many, Clear in a transaction rolled back", touches: []string{"user_tags"}, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Model(ann()).Association("Tags").Clear(), w.both(tx), errWanted)
			})
		}},
		{name: "Delete with Select of associations", touches: []string{"users", "orders", "user_tags"}, run: func(w *walk) error {
			return w.db.Select("Orders", "Tags").Delete(ann()).Error
		}},
		{name: "Delete with Select of all associations, Unscoped", touches: []string{"users", "orders", "user_tags"}, run: func(w *walk) error {
			return w.db.Unscoped().Select(clause.Associations).Delete(ann()).Error
		}},
		{name: "FullSaveAssociations", touches: []string{"users", "orders"}, run: func(w *walk) error {
			u := ann()
			u.Orders = []Order{{ID: 1, Name: "full"}}
			return w.db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(u).Error
		}},
		{name: "a hook that writes", touches: []string{"hookeds", "audits"}, run: func(w *walk) error {
			return w.db.Create(&Hooked{ID: 100, Name: "h"}).Error
		}},
		{name: "a hook that writes, rollback", touches: []string{"hookeds", "audits"}, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&Hooked{ID: 100, Name: "h"}).Error, w.both(tx), errWanted)
			})
		}},
		{name: "a hook whose own write fails", touches: []string{"hookeds", "audits"}, rolls: true, implied: true, run: func(w *walk) error {
			must(w.t, w.plain.Exec("INSERT INTO audits (id, name) VALUES (100, 'in the way')").Error)
			if w.db.Create(&Hooked{ID: 100, Name: "h"}).Error == nil {
				w.t.Error("the hook's error is lost")
			}
			return nil
		}},
		{name: "a cascade in the database", touches: []string{"parents", "children"}, run: func(w *walk) error {
			return w.db.Delete(&Parent{}, 1).Error
		}},
		{name: "a cascade in the database, raw, in a transaction", touches: []string{"parents", "children"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("DELETE FROM parents WHERE id = 1").Error, w.both(tx))
			})
		}},
		{name: "a trigger", touches: []string{"watcheds", "audits"}, run: func(w *walk) error {
			return w.db.Create(&Watched{ID: 100, Name: "w"}).Error
		}},
		{name: "a trigger, rollback", touches: []string{"watcheds", "audits"}, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&Watched{ID: 100, Name: "w"}).Error, w.both(tx), errWanted)
			})
		}},
		{name: "G, Create", touches: users, run: func(w *walk) error {
			return gorm.G[User](w.db).Create(w.t.Context(), &User{ID: 100, Name: "g"})
		}},
		{name: "G, Update", touches: users, run: func(w *walk) error {
			_, err := gorm.G[User](w.db).Where("id = ?", 1).Update(w.t.Context(), "name", "g")
			return err
		}},
		{name: "G, Delete", touches: users, run: func(w *walk) error {
			_, err := gorm.G[User](w.db).Where("id = ?", 3).Delete(w.t.Context())
			return err
		}},
		{name: "G, Exec", touches: users, run: func(w *walk) error {
			return gorm.G[User](w.db).Exec(w.t.Context(), "UPDATE users SET name = ? WHERE id = ?", "g", 1)
		}},
		{name: "G in a transaction rolled back", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				_, err := gorm.G[User](tx).Where("id = ?", 1).Update(w.t.Context(), "name", "g")
				return errors.Join(err, w.both(tx), errWanted)
			})
		}},
	})
}
