package plugin_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A view is declared, and what it reads through another view moves to another table.
//
//	outer (declared: users) → inner → users         then: inner → islands
//
// Falls if: the declaration takes the place of what the catalog shows, or the catalog is that of before.
func TestADeclaredViewWhoseInnerViewMoves(t *testing.T) {
	for _, kind := range servers.Kinds {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, elsewhere %v", kind, elsewhere), func(t *testing.T) {
				d := newDatabase(t, kind)
				ddl := func(db *gorm.DB, statements ...string) {
					for _, s := range statements {
						must(t, db.Exec(s).Error)
					}
				}
				ddl(d.plain, "CREATE VIEW inner_names AS SELECT id, name FROM users", "CREATE VIEW outer_names AS SELECT id, name FROM inner_names")
				db := d.Open(t)
				use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Views = map[string][]string{"outer_names": {"users"}} })
				warm(t, db, "outer_names")
				must(t, db.Exec("UPDATE users SET name = 'moved' WHERE id = 1").Error)
				reading(t, db, "outer_names", direct(t, d.plain, "outer_names"), miss)
				by := db
				if elsewhere {
					by = d.plain
				}
				if kind == "postgres" {
					ddl(by, "CREATE OR REPLACE VIEW inner_names AS SELECT id, name FROM islands")
				} else {
					ddl(by, "DROP VIEW inner_names", "CREATE VIEW inner_names AS SELECT id, name FROM islands")
				}
				if elsewhere {
					must(t, invalidate.All(t.Context(), db))
				}
				warm(t, db, "outer_names")
				for _, write := range []string{"UPDATE islands SET name = 'sunk' WHERE id = 1", "INSERT INTO islands (id, name) VALUES (77, 'new')", "DELETE FROM islands WHERE id = 77"} {
					must(t, db.Exec(write).Error)
					reading(t, db, "outer_names", direct(t, d.plain, "outer_names"), miss)
					reading(t, db, "outer_names", direct(t, d.plain, "outer_names"), hit)
				}
			})
		}
	}
}

// SQLite finds a function also where its name is quoted, and keeps the text of a view as it was written.
//
// Falls if: a quoted name is taken for that of a function which nothing is known of, and a declaration for what is.
func TestNoDeclarationOverrulesAQuotedFunction(t *testing.T) {
	d := newDatabase(t, "sqlite")
	views := map[string][]string{}
	for i, call := range []string{`"strftime"('%f', 'now')`, "[julianday]()", "`random`()", `"unixepoch"('subsec')`, "strftime('%f', 'subsec')"} {
		name := fmt.Sprintf("ticks%d", i)
		must(t, d.plain.Exec("CREATE VIEW "+name+" AS SELECT id, name, "+call+" AS at FROM users").Error)
		views[name] = []string{"users"}
	}
	must(t, d.plain.Exec(`CREATE VIEW still AS SELECT id, "upper"(name) AS name, "strftime"('%f', name, 'subsec') AS at FROM users`).Error)
	db := d.Open(t)
	use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Views = views })
	for name := range views {
		for range 3 {
			if _, seen := cached(t, db, name); seen.Outcome != bypass || seen.Reason != "volatile" {
				t.Errorf("%s: %v (%s %s)", name, seen.Outcome, seen.Reason, seen.Detail)
			}
		}
	}
	warm(t, db, "still")
}
