package catalog_test

import (
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
)

func TestPostgres(t *testing.T) {
	db := openPostgres(t)
	db.exec(t,
		"CREATE SCHEMA other",
		"CREATE TABLE users (id int primary key, name text, updated_at timestamptz)",
		"CREATE TABLE orders (id int primary key, user_id int REFERENCES users ON DELETE CASCADE)",
		"CREATE TABLE other.items (id int, order_id int REFERENCES orders ON UPDATE SET NULL)",
		"CREATE TABLE notes (id int, user_id int REFERENCES users)",
		"CREATE TABLE twice (id int)", "CREATE VIEW other.twice AS SELECT 1",
		"CREATE TABLE audit (what text)", "CREATE TABLE ruled (id int)",
		"CREATE VIEW adults AS SELECT * FROM users WHERE name > 'a'",
		"CREATE VIEW names AS SELECT a.name FROM adults a JOIN orders o ON o.user_id = a.id",
		"CREATE VIEW recent AS SELECT * FROM users WHERE updated_at > now()",
		"CREATE MATERIALIZED VIEW frozen AS SELECT * FROM users",
		"CREATE TEMP TABLE scratch (id int)",
		"CREATE SEQUENCE numbers",
		"CREATE TABLE logs (id int, day int) PARTITION BY RANGE (day)",
		"CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10)",
		"CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id)",
		"CREATE TABLE logs_2_a PARTITION OF logs_2 DEFAULT",
		"CREATE TABLE animals (id int)", "CREATE TABLE cats (lives int) INHERITS (animals)",
		"CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO audit VALUES ('x')",
		"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$",
		"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'DELETE' THEN INSERT INTO audit VALUES (OLD.id::text); END IF; RETURN NULL; END $$",
		"CREATE FUNCTION dynamic() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'delete from ' || TG_ARGV[0]; RETURN NULL; END $$",
		"CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
		"CREATE TRIGGER note AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note()",
		"CREATE TRIGGER dyn AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION dynamic('audit')",
		"CREATE TRIGGER off AFTER INSERT ON cats FOR EACH ROW EXECUTE FUNCTION dynamic('audit')",
		"ALTER TABLE cats DISABLE TRIGGER off",
		"CREATE TABLE texts (a text, b tsvector)",
		"CREATE TRIGGER ts BEFORE INSERT ON texts FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(b, 'pg_catalog.english', a)",
		`CREATE TABLE "Weird ""Name" (id int)`,
	)
	c := db.load(t)
	kinds(t, c, map[string]catalog.Kind{
		"users": catalog.Table, "items": catalog.Table, "logs": catalog.Table, "logs_2_a": catalog.Table, "cats": catalog.Table,
		"adults": catalog.View, "frozen": catalog.View, "scratch": catalog.View, "numbers": catalog.View, "twice": catalog.View,
		`weird "name`: catalog.Table, "pg_class": catalog.Unknown, "tables": catalog.Unknown,
	})
	hierarchy := []string{"logs", "logs_1", "logs_2", "logs_2_a"}
	affected(t, c, map[string][]string{
		"users":  {"audit", "items", "orders", "users"},
		"orders": {"audit", "items", "orders"},
		"items":  {"items"},
		"notes":  {"?dyn"},
		"ruled":  {"?r"},
		"logs":   hierarchy, "logs_1": hierarchy, "logs_2_a": hierarchy,
		"animals": {"animals", "cats"}, "cats": {"animals", "cats"},
		"texts":  {"texts"},
		"adults": {"adults", "audit", "items", "orders", "users"},
	})
	tables(t, c, map[string][]string{
		"adults": {"users"}, "names": {"orders", "users"}, "recent": nil, "frozen": nil, "scratch": nil, "logs": {"logs"},
	})
}

func TestPostgresForeignPartition(t *testing.T) {
	db := openPostgres(t)
	if _, err := db.Exec("CREATE EXTENSION file_fdw"); err != nil {
		t.Skip("no file_fdw here: ", err)
	}
	db.exec(t, "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
		"CREATE TABLE logs (id int) PARTITION BY RANGE (id)",
		"CREATE FOREIGN TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (9) SERVER files OPTIONS (filename '/dev/null')")
	kinds(t, db.load(t), map[string]catalog.Kind{"logs": catalog.View, "logs_1": catalog.View})
}
