package catalog_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
)

func TestSQLite(t *testing.T) {
	db := openSQLite(t)
	db.exec(t,
		"CREATE TABLE Users (id integer primary key, name text)",
		"CREATE TABLE orders (id integer primary key, user_id integer REFERENCES users(id) ON DELETE CASCADE)",
		"CREATE TABLE items (id integer primary key, order_id integer REFERENCES orders ON UPDATE SET NULL)",
		"CREATE TABLE notes (id integer primary key, user_id integer REFERENCES users(id))",
		"CREATE TABLE self (id integer primary key, parent integer REFERENCES self(id) ON DELETE CASCADE)",
		"CREATE TABLE audit (id integer primary key autoincrement, what text)",
		"CREATE TABLE totals (n integer)",
		"CREATE VIEW adults AS SELECT * FROM users",
		"CREATE VIEW names(n) AS SELECT name FROM adults JOIN orders",
		"CREATE VIEW today AS SELECT * FROM users WHERE name > date('now')",
		"CREATE TRIGGER a AFTER INSERT ON notes BEGIN INSERT INTO audit(what) VALUES ('x'); END",
		"CREATE TRIGGER b AFTER INSERT ON audit BEGIN UPDATE totals SET n = n + 1; END",
		"CREATE TRIGGER c INSTEAD OF INSERT ON adults BEGIN INSERT INTO users(name) VALUES (NEW.name); END",
		"CREATE TRIGGER d AFTER DELETE ON totals BEGIN SELECT load_extension('x'); END",
		"CREATE VIRTUAL TABLE spots USING rtree(id, a, b)",
		"CREATE TEMP TABLE scratch (id integer)",
		`CREATE TABLE "we""ird.Name" (id integer)`,
	)
	c := db.load(t)
	kinds(t, c, map[string]catalog.Kind{
		"users": catalog.Table, "orders": catalog.Table, "audit": catalog.Table, "adults": catalog.View,
		"names": catalog.View, "spots": catalog.View, "spots_node": catalog.View, "scratch": catalog.View,
		"name": catalog.Table, "sqlite_master": catalog.Unknown, "sqlite_sequence": catalog.Unknown, "nothing": catalog.Unknown,
	})
	affected(t, c, map[string][]string{
		"users":  {"items", "orders", "users"},
		"orders": {"items", "orders"},
		"items":  {"items"},
		"self":   {"self"},
		"notes":  {"?load_extension"},
		"totals": {"?load_extension"},
		"adults": {"adults", "items", "orders", "users"},
		"names":  {"names"},
	})
	calls(t, c, map[string][]string{"my_fn": nil, "eval": {"?eval"}})
	db.exec(t, "DROP TRIGGER d")
	c = db.load(t)
	affected(t, c, map[string][]string{"notes": {"audit", "notes", "totals"}})
	tables(t, c, map[string][]string{
		"adults": {"users"}, "names": {"orders", "users"}, "today": nil, "users": {"users"}, "spots": nil, "nothing": nil,
	})
}

func TestSQLiteAttached(t *testing.T) {
	db := openSQLite(t)
	db.exec(t, `ATTACH ':memory:' AS "o'th""er"`,
		`CREATE TABLE "o'th""er".far (id integer primary key)`,
		`CREATE TABLE "o'th""er".farther (id integer REFERENCES far ON DELETE CASCADE)`,
		"CREATE TABLE near (id integer)", `CREATE VIEW "o'th""er".near AS SELECT 1`)
	c := db.load(t)
	kinds(t, c, map[string]catalog.Kind{"far": catalog.Table, "near": catalog.View})
	affected(t, c, map[string][]string{"far": {"far", "farther"}})
}
