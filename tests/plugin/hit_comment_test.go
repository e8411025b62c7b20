package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// reuse are ways in which one handle serves several statements, each with what it says of them.
var reuse = map[string]func(db *gorm.DB) string{
	"find, then count": func(db *gorm.DB) string {
		var users []User
		var n int64
		tx := db.Model(&User{}).Where("id > ?", 1)
		err := tx.Order("id").Find(&users).Error
		return fmt.Sprint(users, n, err, tx.Count(&n).Error, n)
	},
	"count, then find": func(db *gorm.DB) string {
		var users []User
		var n int64
		tx := db.Model(&User{}).Where("id > ?", 1)
		err := tx.Count(&n).Error
		return fmt.Sprint(err, n, tx.Order("id").Find(&users).Error, users)
	},
	"in batches": func(db *gorm.DB) string {
		var users, all []User
		err := db.Where("id > ?", 0).FindInBatches(&users, 1, func(*gorm.DB, int) error { all = append(all, users...); return nil }).Error
		return fmt.Sprint(all, err)
	},
	"first or init": func(db *gorm.DB) string {
		var u User
		err := db.Where(User{Name: "nobody"}).Attrs(User{Age: 7}).FirstOrInit(&u).Error
		return fmt.Sprint(u, err)
	},
	"to SQL after find": func(db *gorm.DB) string {
		var users []User
		tx := db.Where("id > ?", 1).Order("id")
		err := tx.Find(&users).Error
		return fmt.Sprint(users, err, tx.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&User{}).Where("age > 1").Find(&[]User{}) }), tx.Statement.SQL.String())
	},
	"a query that was run as a subquery": func(db *gorm.DB) string {
		var users, again []User
		sub := db.Model(&User{}).Select("id").Where("id > ?", 1)
		err := sub.Find(&users).Error
		return fmt.Sprint(users, err, db.Where("id IN (?)", sub).Order("id").Find(&again).Error, again)
	},
	"a raw query as a subquery": func(db *gorm.DB) string {
		var n, m int64
		sub := db.Raw("SELECT id FROM users WHERE id > ?", 1)
		err := sub.Scan(&n).Error
		return fmt.Sprint(n > 0, err, db.Table("(?) AS x", db.Raw("SELECT id FROM users WHERE id > ?", 1)).Count(&m).Error, m)
	},
	"nested preloads": func(db *gorm.DB) string {
		var users []User
		err := db.Preload("Orders", func(tx *gorm.DB) *gorm.DB { return tx.Order("id") }).Preload(clause.Associations).Order("id").Find(&users).Error
		text, _ := json.Marshal(users)
		return fmt.Sprint(string(text), err)
	},
	"an association": func(db *gorm.DB) string {
		var tags []Tag
		err := db.Model(&User{ID: 1}).Association("Tags").Find(&tags)
		return fmt.Sprint(len(tags), err, db.Model(&User{ID: 1}).Association("Tags").Count())
	},
	"rows": func(db *gorm.DB) string {
		tx := db.Model(&User{}).Order("id")
		rows, err := tx.Rows()
		if err != nil {
			return err.Error()
		}
		var all []User
		for rows.Next() {
			var u User
			err = errors.Join(err, tx.ScanRows(rows, &u))
			all = append(all, u)
		}
		return fmt.Sprint(all, err, rows.Close(), rows.Err())
	},
	"row, pluck and scan": func(db *gorm.DB) string {
		var name string
		var names []string
		var one struct{ ID, Age int }
		err := db.Model(&User{}).Where("id = ?", 1).Select("name").Row().Scan(&name)
		return fmt.Sprint(name, err, db.Model(&User{}).Order("id").Pluck("name", &names).Error, names, db.Model(&User{}).Where("id = ?", 2).Scan(&one).Error, one)
	},
	"a session of one that has run": func(db *gorm.DB) string {
		var a, b []User
		tx := db.Where("id > ?", 1).Order("id").Find(&a)
		again := tx.Session(&gorm.Session{}).Where("id < ?", 3).Find(&b)
		return fmt.Sprint(a, b, tx.Error, again.Error)
	},
	"generics": func(db *gorm.DB) string {
		users, err := gorm.G[User](db).Where("id > ?", 1).Order("id").Find(context.Background())
		n, err2 := gorm.G[User](db).Where("id > ?", 1).Count(context.Background(), "*")
		u, err3 := gorm.G[User](db).Where("id = ?", 1).First(context.Background())
		return fmt.Sprint(users, n, u, err, err2, err3)
	},
	"joins": func(db *gorm.DB) string {
		var got []struct{ Name string }
		err := db.Model(&User{}).Select("users.name").Joins("LEFT JOIN orders ON orders.user_id = users.id").Order("users.id").Scan(&got).Error
		return fmt.Sprint(got, err)
	},
	"a list of keys, growing": func(db *gorm.DB) (said string) {
		for _, ids := range [][]int{{1}, {1, 2}, {3, 2, 1}, {9}, {9, 1}, {9, 8}} {
			var users []User
			err := db.Where("id IN ?", ids).Order("id").Find(&users).Error
			said += fmt.Sprint(users, err)
		}
		return said
	},
	"dry": func(db *gorm.DB) string {
		tx := db.Session(&gorm.Session{DryRun: true}).Where("id = ?", 1).Find(&[]User{})
		return fmt.Sprint(tx.Statement.SQL.String(), tx.Statement.Vars, tx.Error)
	},
	"a query from a callback, with the statement at hand": func(db *gorm.DB) string {
		var users []User
		tx := db.Set("test:again", true).Order("id").Find(&users)
		again, _ := tx.Get("test:answer")
		return fmt.Sprint(users, tx.Error, again)
	},
}

// What the log is told of a hit is for the log: no statement that is sent says so, whatever a program does with its
// handles, and all answers are those that it gets without the plugin.
//
// Falls if: the comment stays in a statement's text.
func TestNoStatementSaysThatItWasAHit(t *testing.T) {
	for _, kind := range servers.Kinds {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, PrepareStmt %v", kind, prepare), func(t *testing.T) {
				d := newDatabase(t, kind)
				must(t, d.plain.Exec("INSERT INTO orders (id, user_id, name) VALUES (70, 1, 'x'), (71, 2, 'y')").Error)
				ran := &lab.Lines{}
				db := d.OpenTapped(t, &tap.Tap{Ran: ran.Add}, &gorm.Config{PrepareStmt: prepare})
				again := func(tx *gorm.DB) {
					if again, _ := tx.Get("test:again"); again != true {
						return
					}
					var users []User
					err := tx.Session(&gorm.Session{}).Set("test:again", false).Find(&users).Error
					tx.Statement.Settings.Store("test:answer", fmt.Sprint(users, err))
				}
				plain := d.Open(t)
				for _, db := range []*gorm.DB{plain, db} {
					must(t, db.Callback().Query().After("gorm:query").Register("test:again", again))
				}
				use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Models = map[string]fromcache.Policy{"*": {Region: "default"}} })
				for name, form := range reuse {
					want := form(plain)
					for i := range 4 {
						for how, handle := range map[string]*gorm.DB{"policy": db, "scope": db.Clauses(fromcache.Region("second")).Session(&gorm.Session{})} {
							if got := form(handle); got != want {
								t.Errorf("%s, %s, %d:\n got %s\nwant %s", name, how, i, got, want)
							}
						}
					}
				}
				for _, line := range ran.Take() {
					if strings.Contains(line, "gormcache:") {
						t.Errorf("sent: %s", line)
					}
				}
			})
		}
	}
}
