package plugin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

var (
	returning    = []string{"sqlite", "postgres", "mariadb"} // of INSERT and DELETE
	returningAll = []string{"sqlite", "postgres"}            // of UPDATE too
)

// TestWritePaths goes through every form of write.
func TestWritePaths(t *testing.T) {
	walkAll(t, []path{
		{name: "CreateInBatches", touches: users, run: func(w *walk) error {
			return w.db.CreateInBatches([]User{{ID: 100, Name: "a"}, {ID: 101, Name: "b"}, {ID: 102, Name: "c"}}, 2).Error
		}},
		{name: "CreateInBatches, the second fails", touches: users, rolls: true, implied: true, run: func(w *walk) error {
			if w.db.CreateInBatches([]User{{ID: 100, Name: "a"}, {ID: 1, Name: "b"}}, 1).Error == nil {
				w.t.Error("a duplicate key is accepted")
			}
			return nil
		}},
		{name: "Create from a map", touches: users, run: func(w *walk) error {
			return w.db.Model(&User{}).Create(map[string]any{"id": 100, "name": "m"}).Error
		}},
		{name: "Save that updates", touches: users, run: func(w *walk) error {
			return w.db.Save(&User{ID: 1, Name: "saved"}).Error
		}},
		{name: "Save that creates", touches: users, run: func(w *walk) error {
			return w.db.Save(&User{ID: 100, Name: "saved"}).Error
		}},
		{name: "upsert", touches: users, run: func(w *walk) error {
			return w.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&User{ID: 1, Name: "up"}).Error
		}},
		{name: "soft delete", touches: users, run: func(w *walk) error { return w.db.Delete(&User{}, 3).Error }},
		{name: "Unscoped delete", touches: users, run: func(w *walk) error { return w.db.Unscoped().Delete(&User{}, 3).Error }},
		{name: "UpdateColumn", touches: users, run: func(w *walk) error {
			return w.db.Model(&User{ID: 1}).UpdateColumn("age", gorm.Expr("age + 1")).Error
		}},
		{name: "Updates with a condition", touches: users, run: func(w *walk) error {
			return w.db.Model(&User{}).Where("age > ?", 35).Updates(map[string]any{"age": 1}).Error
		}},
		{name: "update by a subquery", touches: users, run: func(w *walk) error {
			return w.db.Model(&User{}).Where("id IN (?)", w.db.Model(&Order{}).Select("user_id")).Update("age", 7).Error
		}},
		{name: "Updates with Returning", touches: users, only: returningAll, run: func(w *walk) error {
			var changed []User
			return w.db.Model(&changed).Clauses(clause.Returning{}).Where("id = 1").Update("name", "r").Error
		}},
		{name: "Delete with Returning", touches: []string{"tags", "user_tags"}, run: func(w *walk) error {
			must(w.t, w.db.Exec("DELETE FROM user_tags WHERE tag_id = 2").Error)
			var gone []Tag
			return w.db.Clauses(clause.Returning{}).Where("id = 2").Delete(&gone).Error
		}},
		{name: "FirstOrCreate that creates", touches: users, run: func(w *walk) error {
			return w.db.Where(User{Name: "first"}).Attrs(User{ID: 100}).FirstOrCreate(&User{}).Error
		}},
		{name: "FirstOrCreate that finds", touches: users, rolls: true, run: func(w *walk) error {
			// What it wants is still there behind the cache's back: all names are the same by now.
			return w.db.Where(User{Name: "behind"}).FirstOrCreate(&User{}).Error
		}},
		{name: "FirstOrCreate with Assign", touches: users, run: func(w *walk) error {
			return w.db.Where(User{ID: 1}).Assign(User{Age: 9}).FirstOrCreate(&User{}).Error
		}},
		{name: "Exec outside a transaction", touches: users, run: func(w *walk) error {
			return w.db.Exec("UPDATE users SET name = ? WHERE id = ?", "x", 1).Error
		}},
		{name: "Exec inside a transaction", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error, w.both(tx))
			})
		}},
		{name: "SET of a variable for triggers", touches: users, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("SET @actor = 7").Error, rename(tx, 1, "x"), w.both(tx))
			})
		}},
		{name: "Exec that quotes, comments and qualifies", touches: []string{"orders"}, run: func(w *walk) error {
			q := map[string]string{"sqlite": `"main"."orders"`, "postgres": `"public"."orders"`, "mariadb": "`orders`"}[w.Kind]
			return w.db.Exec("/* islands */ UPDATE " + q + " -- tags\n SET name = 'UPDATE islands'").Error
		}},
		{name: "INSERT … SELECT", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Exec("INSERT INTO orders (id, name) SELECT id + 100, name FROM users").Error
		}},
		{name: "Exec of DELETE without a WHERE", touches: []string{"orders"}, run: func(w *walk) error {
			return w.db.Exec("DELETE FROM orders").Error
		}},
		{name: "Raw RETURNING, Scan", touches: users, only: returning, run: func(w *walk) error {
			var id uint
			return w.db.Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Scan(&id).Error
		}},
		{name: "Raw RETURNING, Find", touches: users, only: returningAll, run: func(w *walk) error {
			var got []User
			return w.db.Raw("UPDATE users SET name = 'x' WHERE id < 3 RETURNING *").Find(&got).Error
		}},
		{name: "Raw RETURNING, Rows", touches: users, run: func(w *walk) error {
			rows, err := w.db.Raw("INSERT INTO users (id, name) VALUES (100, 'x'), (101, 'y') RETURNING id").Rows()
			must(w.t, err)
			n := 0
			for rows.Next() {
				n++
			}
			if n != 2 {
				w.t.Errorf("%d rows were returned", n)
			}
			return errors.Join(rows.Err(), rows.Close())
		}},
		{name: "Raw RETURNING in a transaction", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				var id uint
				err := tx.Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Scan(&id).Error
				return errors.Join(err, w.both(tx))
			})
		}},
		{name: "Raw RETURNING in a transaction, Row", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				var id uint
				err := tx.Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Row().Scan(&id)
				return errors.Join(err, w.both(tx))
			})
		}},
		{name: "a write in a WITH", touches: []string{"orders", "tags"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Exec("WITH x AS (UPDATE orders SET name = 'x' RETURNING id) UPDATE tags SET name = 'x' WHERE id IN (SELECT id FROM x)").Error
		}},
		{name: "UPDATE of two tables", touches: []string{"orders", "tags"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE orders, tags SET orders.name = 'x', tags.name = 'x' WHERE orders.id = tags.id").Error
		}},
		{name: "UPDATE of one of two tables", touches: []string{"orders"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE orders o JOIN tags ON o.id = tags.id SET o.name = tags.name").Error
		}},
		{name: "UPDATE of one of two tables, by a column that only one has", touches: users, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE orders JOIN users ON orders.user_id = users.id SET age = 7").Error
		}},
		{name: "the same in a transaction", touches: users, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("UPDATE orders JOIN users ON orders.user_id = users.id SET age = 7").Error, w.both(tx))
			})
		}},
		{name: "UPDATE of a parent, joined with its child", touches: []string{"parents", "children"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE parents JOIN children ON children.parent_id = parents.id SET parents.name = children.name").Error
		}},
		{name: "UPDATE of a child, joined with its parent", touches: []string{"children"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE parents p, children c SET c.name = p.name WHERE c.parent_id = p.id").Error
		}},
		{name: "DELETE from one of two tables", touches: []string{"orders"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("DELETE o FROM orders o JOIN users u ON o.user_id = u.id").Error
		}},
		{name: "DELETE … USING", touches: []string{"orders"}, only: []string{"mariadb"}, run: func(w *walk) error {
			return w.db.Exec("DELETE FROM o USING orders o JOIN users ON o.user_id = users.id").Error
		}},
		{name: "DELETE … USING of one table", touches: []string{"orders"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Exec("DELETE FROM orders USING users WHERE orders.user_id = users.id").Error
		}},
		{name: "MERGE", touches: []string{"orders"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Exec("MERGE INTO orders o USING users u ON o.user_id = u.id WHEN MATCHED THEN UPDATE SET name = u.name").Error
		}},
		{name: "a WITH before a joined UPDATE", touches: []string{"orders"}, run: func(w *walk) error {
			q := "WITH u AS (SELECT * FROM users) UPDATE orders SET name = u.name FROM u WHERE u.id = orders.user_id"
			if w.Kind == "mariadb" { // has none before UPDATE
				q = "UPDATE orders o JOIN (SELECT * FROM users) u ON u.id = o.user_id SET o.name = u.name"
			}
			return w.db.Exec(q).Error
		}},
		{name: "UPDATE … FROM", touches: []string{"orders"}, only: returningAll, run: func(w *walk) error {
			return w.db.Exec("UPDATE orders SET name = users.name FROM users WHERE users.id = orders.user_id").Error
		}},
		{name: "two statements in one text", touches: []string{"orders", "tags"}, only: []string{"sqlite"}, run: func(w *walk) error {
			return w.db.Exec("UPDATE orders SET name = 'x'; UPDATE tags SET name = 'x'").Error
		}},
		{name: "DDL", touches: users, all: true, run: func(w *walk) error {
			defer w.plain.Exec("DROP TABLE laters")
			return w.db.Exec("CREATE TABLE laters (id int)").Error
		}},
		{name: "DDL in a transaction", touches: users, all: true, run: func(w *walk) error {
			defer w.plain.Exec("DROP TABLE laters")
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, tx.Exec("CREATE TABLE laters (id int)").Error)
				must(w.t, rename(tx, 1, "x"))
				w.inside(tx)
				return nil
			})
		}},
		{name: "AutoMigrate and Migrator", touches: users, all: true, run: func(w *walk) error {
			type Later struct{ ID uint }
			must(w.t, w.db.AutoMigrate(&Later{}))
			for _, x := range watched {
				dropped(w.t, w.other, x.table, direct(w.t, w.plain, x.table), true)
			}
			return w.db.Migrator().DropTable(&Later{})
		}},
		{name: "DDL in a transaction that rolls back", touches: users, rolls: true, only: []string{"sqlite", "postgres"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, tx.Exec("CREATE TABLE laters (id int)").Error)
				return errors.Join(rename(tx, 1, "x"), errWanted)
			})
		}},
		{name: "TRUNCATE", touches: []string{"islands"}, only: []string{"postgres", "mariadb"}, run: func(w *walk) error {
			return w.db.Exec("TRUNCATE islands").Error
		}},
		{name: "TRUNCATE of two tables", touches: []string{"islands", "audits"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Exec("TRUNCATE TABLE islands, ONLY audits RESTART IDENTITY RESTRICT").Error
		}},
		{name: "TRUNCATE in a transaction", touches: []string{"islands"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Exec("TRUNCATE islands").Error, w.both(tx)) })
		}},
		{name: "TRUNCATE in a transaction that rolls back", touches: []string{"islands"}, rolls: true, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Exec("TRUNCATE islands").Error, errWanted) })
		}},
		{name: "TRUNCATE CASCADE", touches: []string{"tags", "user_tags"}, only: []string{"postgres"}, run: func(w *walk) error {
			return w.db.Exec("TRUNCATE tags CASCADE").Error // the foreign key has no cascade of its own
		}},
		{name: "TRUNCATE behind writes", touches: append([]string{"islands"}, users...), all: true, only: []string{"mariadb"}, run: func(w *walk) error {
			err := w.db.Transaction(func(tx *gorm.DB) error { // TRUNCATE commits what came before it, and no ROLLBACK takes that back
				return errors.Join(rename(tx, 1, "x"), tx.Exec("TRUNCATE islands").Error, tx.Exec("UPDATE orders SET name = 'x'").Error, errWanted)
			})
			if rows := direct(w.t, w.plain, "users"); !strings.Contains(fmt.Sprint(rows), "x") {
				w.t.Errorf("the database has taken it back: %v", rows)
			}
			return err
		}},
		{name: "what changes no row", touches: users, rolls: true, run: func(w *walk) error {
			for _, q := range map[string][]string{
				"sqlite":   {"ANALYZE", "PRAGMA optimize"},
				"postgres": {"ANALYZE users", "VACUUM users", "COMMENT ON TABLE users IS 'x'", "CLUSTER users USING users_pkey"},
				"mariadb":  {"ANALYZE TABLE users", "OPTIMIZE TABLE users", "CHECK TABLE users", "FLUSH TABLES", "LOCK TABLES users READ", "UNLOCK TABLES"},
			}[w.Kind] {
				must(w.t, w.db.Exec(q).Error)
			}
			return nil
		}},
		{name: "DryRun", touches: users, rolls: true, run: func(w *walk) error {
			return rename(w.db.Session(&gorm.Session{DryRun: true}), 1, "x")
		}},
		{name: "ToSQL", touches: users, rolls: true, run: func(w *walk) error {
			w.db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&User{ID: 1}).Update("name", "x") })
			return nil
		}},
		{name: "invalidate.Tables in a transaction that commits", touches: users, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				must(w.t, invalidate.Tables(w.t.Context(), tx, "users"))
				w.outside()
				return nil
			})
		}},
		{name: "invalidate.Tables in a transaction that rolls back", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(invalidate.Tables(w.t.Context(), tx, "users"), errWanted)
			})
		}},
		{name: "invalidate.Model in an inner transaction rolled back", touches: users, rolls: true, run: func(w *walk) error {
			return w.db.Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error {
					return errors.Join(invalidate.Model(w.t.Context(), tx, &User{}), errWanted)
				})
				return nil
			})
		}},
	})
}
