package catalog_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
)

func TestMariaDB(t *testing.T) {
	db := openMariaDB(t)
	db.exec(t,
		"CREATE TABLE users (id int primary key, name varchar(20))",
		"CREATE TABLE orders (id int primary key, user_id int, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)",
		"CREATE TABLE items (id int, order_id int, FOREIGN KEY (order_id) REFERENCES orders (id) ON UPDATE SET NULL)",
		"CREATE TABLE notes (id int, user_id int, FOREIGN KEY (user_id) REFERENCES users (id))",
		"CREATE TABLE audit (what varchar(20))", "CREATE TABLE totals (n int)", "CREATE TABLE free (id int)",
		"CREATE TABLE versioned (id int) WITH SYSTEM VERSIONING",
		"CREATE SEQUENCE numbers",
		"CREATE VIEW adults AS SELECT * FROM users WHERE name > 'a'",
		"CREATE VIEW names AS SELECT a.name FROM adults a JOIN orders o ON o.user_id = a.id",
		"CREATE VIEW recent AS SELECT * FROM users WHERE name > now()",
		"CREATE TABLE m1 (id int) ENGINE=MyISAM", "CREATE TABLE m (id int) ENGINE=MERGE UNION=(m1)",
		"CREATE PROCEDURE p() INSERT INTO audit VALUES ('x')",
		"CREATE TRIGGER a AFTER INSERT ON orders FOR EACH ROW BEGIN IF NEW.id > 1 THEN INSERT INTO audit VALUES ('it''s'); END IF; SET @x = 1; END",
		"CREATE TRIGGER b BEFORE INSERT ON audit FOR EACH ROW UPDATE totals SET n = n + 1",
		"CREATE TRIGGER c BEFORE INSERT ON free FOR EACH ROW CALL p()",
		"CREATE TRIGGER d BEFORE UPDATE ON notes FOR EACH ROW SET NEW.id = NEW.id + 1",
	)
	c := db.load(t)
	kinds(t, c, map[string]catalog.Kind{
		"users": catalog.Table, "versioned": catalog.Table, "m1": catalog.Table, "adults": catalog.View, "m": catalog.View,
		"numbers": catalog.View, "proc": catalog.Unknown, "nothing": catalog.Unknown,
	})
	affected(t, c, map[string][]string{
		"users":  {"audit", "items", "orders", "totals", "users"},
		"items":  {"items"},
		"notes":  {"notes"},
		"audit":  {"audit", "totals"},
		"free":   {"audit", "free", "totals"},
		"m":      {"?m"},
		"adults": {"adults", "audit", "items", "orders", "totals", "users"},
	})
	tables(t, c, map[string][]string{
		"adults": {"users"}, "names": {"orders", "users"}, "recent": nil, "m": nil,
	})
}
