package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
	gormmysql "gorm.io/driver/mysql"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// describe tells a layout as "direct: id! | id! integer, name text", where ! stands for a default.
func describe(l *catalog.Layout) string {
	if l == nil {
		return "none"
	}
	var b strings.Builder
	if l.Direct {
		b.WriteString("direct: ")
	}
	for _, k := range l.Key {
		b.WriteString(k.Name + " ")
	}
	b.WriteString("|")
	for i, c := range l.Columns {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s %v", c.Name, c.Kind)
		if c.Default {
			b.WriteString("!")
		}
	}
	return b.String()
}

// layouts checks what is known of each table.
func layouts(t *testing.T, c *catalog.Catalog, want map[string]string) {
	t.Helper()
	for table, l := range want {
		if got := describe(c.Layout(table)); got != l {
			t.Errorf("%s is laid out\n%s, want\n%s", table, got, l)
		}
	}
}

// direct checks which tables a write changes as it says.
func direct(t *testing.T, c *catalog.Catalog, want map[string]bool) {
	t.Helper()
	for table, d := range want {
		if l := c.Layout(table); l == nil {
			t.Errorf("%s has no layout", table)
		} else if l.Direct != d {
			t.Errorf("writes to %s are direct: %v, want %v", table, l.Direct, d)
		}
	}
}

func TestLayoutSQLite(t *testing.T) {
	db := openSQLite(t)
	db.exec(t,
		`CREATE TABLE users (id INTEGER PRIMARY KEY, Name VARCHAR(10) NOT NULL, email text COLLATE nocase DEFAULT 'x', age "unsigned big int",
			price real, note, ok boolean, at datetime, doc blob, len int AS (length(name)), lens int AS (length(name)) STORED)`,
		`CREATE TABLE pair (b int, a text, "we""ird" int, PRIMARY KEY (a, b)) WITHOUT ROWID`,
		`CREATE TABLE bare (a int)`,
		`CREATE TABLE real_key (id real PRIMARY KEY, a int)`,
		`CREATE TABLE half (id int, at real, PRIMARY KEY (id, at))`,
		`CREATE TABLE folded (ä int, Ä int, b int, PRIMARY KEY (ä, b))`,
		`CREATE TABLE odd (id int PRIMARY KEY, a text COLLATE "rtrim", b text collate [nocase])`,
		`CREATE TABLE strictly (id INT PRIMARY KEY, a ANY, b TEXT) STRICT`,
		`CREATE VIRTUAL TABLE v USING rtree(a, b, c)`, `CREATE TEMP TABLE tmp (id int primary key)`, `CREATE VIEW w AS SELECT 1 AS a`,
		`ATTACH ':memory:' AS other`,
		`CREATE TABLE twice (id int primary key)`, `CREATE TABLE other.Twice (id int primary key)`,
		`CREATE TABLE unlike (id int primary key)`, `CREATE TABLE other.unlike (id int primary key, a int)`,
		`CREATE TABLE other.alone (id int primary key)`)
	c := db.load(t)
	layouts(t, c, map[string]string{
		"users":    "direct: id | age integer, email text!, id integer!, name text!",
		"pair":     "direct: a b | a text!, b integer!, we\"ird integer",
		"bare":     "direct: | a integer",
		"real_key": "direct: | a integer",
		"half":     "direct: | id integer",
		"folded":   "direct: | b integer",
		"odd":      "direct: id | a text, b text, id integer",
		"strictly": "direct: id | b text, id integer!",
		"twice":    "direct: id | id integer",
		"alone":    "direct: id | id integer",
		"unlike":   "none", "v": "none", "v_node": "none", "tmp": "none", "w": "none", "nothing": "none",
	})
	users := c.Layout("users")
	if col, ok := users.Column("NAME"); !ok || col.Quoted != `"Name"` {
		t.Errorf("name is %+v", col)
	}
	if col, ok := c.Layout("pair").Column(`we"ird`); !ok || col.Quoted != `"we""ird"` {
		t.Errorf(`we"ird is %+v`, col)
	}
	for name, has := range map[string]bool{"ID": true, "price": true, "len": true, "rowid": false} {
		if users.Has(name) != has {
			t.Errorf("users has %s: %v", name, !has)
		}
	}
}

func TestDirectSQLite(t *testing.T) {
	db := openSQLite(t)
	db.exec(t,
		`CREATE TABLE log (id integer primary key)`,
		`CREATE TABLE plain (id integer primary key)`,
		`CREATE TABLE tree (id integer primary key, up int REFERENCES tree (id) ON DELETE CASCADE)`,
		`CREATE TABLE kept (id integer primary key, up int REFERENCES kept (id))`,
		`CREATE TABLE a (id integer primary key, b int REFERENCES b (id) ON UPDATE CASCADE)`,
		`CREATE TABLE b (id integer primary key, a int REFERENCES a (id) ON DELETE SET NULL)`,
		`CREATE TABLE parent (id integer primary key)`,
		`CREATE TABLE child (id integer primary key, up int REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE to_tree (id integer primary key)`,
		`CREATE TABLE of_tree (id integer primary key, up int REFERENCES tree (id) ON DELETE CASCADE)`,
		`CREATE TRIGGER tt AFTER DELETE ON to_tree BEGIN DELETE FROM tree; END`,
		`CREATE TABLE conflict1 (id integer primary key ON /* or not */ CONFLICT REPLACE)`,
		`CREATE TABLE conflict2 (id integer primary key, a int, UNIQUE (a) ON CONFLICT IGNORE)`)
	want := map[string]bool{"log": true, "plain": true, "tree": false, "kept": true, "a": false, "b": false, "parent": true, "child": true,
		"to_tree": true, "of_tree": true, "conflict1": false, "conflict2": false}
	for i, trigger := range []struct {
		head, body string
		direct     bool
	}{
		{"AFTER UPDATE", "INSERT INTO log VALUES (NULL)", true},
		{"\n\tafter\nDELETE", "INSERT INTO log VALUES (NULL)", true},
		{"AFTER INSERT", "UPDATE %s SET a = 1", false},
		{"AFTER INSERT", "DELETE FROM back", false},
		{"AFTER INSERT", "SELECT eval('')", false},
		{"BEFORE UPDATE", "INSERT INTO log VALUES (NULL)", false},
		{"UPDATE OF a", "INSERT INTO log VALUES (NULL)", false},
		{"/* AFTER */ BEFORE UPDATE", "SELECT 1", false},
		{"INSERT", "SELECT RAISE(IGNORE)", false},
	} {
		table, name := fmt.Sprintf("t%d", i), []string{`"a AFTER ""b"`, "[x ]", "`a b`", "'it''s'", "plain_name"}[i%5]
		body := strings.ReplaceAll(trigger.body, "%s", table)
		db.exec(t, fmt.Sprintf("CREATE TABLE %s (id integer primary key, a int)", table),
			fmt.Sprintf("CREATE TRIGGER %s%s %s ON %s BEGIN %s; END", name[:len(name)-1], fmt.Sprint(i)+name[len(name)-1:], trigger.head, table, body))
		want[table] = trigger.direct
	}
	db.exec(t, `CREATE TABLE back (id int)`, `CREATE TRIGGER back AFTER DELETE ON back BEGIN UPDATE t3 SET a = 2; END`,
		`CREATE TABLE temps (id int)`, `CREATE TEMP TRIGGER temps BEFORE DELETE ON main.temps BEGIN SELECT 1; END`)
	want["back"], want["temps"] = false, false
	direct(t, db.load(t), want)
}

// TestCollationSQLite: a collation of the program's may find anything equal.
func TestCollationSQLite(t *testing.T) {
	db := openSQLite(t)
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(c any) error {
		for _, name := range []string{"phone", "nocase phone"} {
			if err := c.(*sqlite3.SQLiteConn).RegisterCollation(name, func(_, _ string) int { return 0 }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	db.exec(t, `CREATE TABLE mine (id int PRIMARY KEY, a text COLLATE phone)`,
		`CREATE TABLE mine2 (id int PRIMARY KEY, a text COLLATE/**/"nocase phone", b text COLLATE nocase)`,
		`CREATE TABLE mine3 (a text COLLATE nocase COLLATE "nocase phone", PRIMARY KEY (a))`,
		`CREATE TABLE theirs (id int PRIMARY KEY, a text collate
			'binary')`)
	layouts(t, db.load(t), map[string]string{
		"mine":   "direct: id | id integer",
		"mine2":  "direct: id | id integer",
		"mine3":  "direct: |",
		"theirs": "direct: id | a text, id integer",
	})
}

func TestLayoutPostgres(t *testing.T) {
	db := openPostgres(t)
	db.exec(t,
		`CREATE TYPE mood AS ENUM ('a', 'b')`, `CREATE DOMAIN positive AS int CHECK (VALUE > 0)`, `CREATE SCHEMA other`,
		`CREATE COLLATION shifty (provider = icu, locale = 'und-u-ka-shifted-ks-level1', deterministic = false)`,
		`CREATE TABLE users (id bigserial PRIMARY KEY, "Name" varchar(10) NOT NULL, code char(3), short smallint DEFAULT 3, n int GENERATED ALWAYS AS IDENTITY,
			bio text COLLATE "C", any_text text COLLATE shifty, key uuid DEFAULT gen_random_uuid(), m mood, p positive, f float8, d numeric, ok bool,
			at timestamptz, j jsonb, tags text[], ident name, c "char", len int GENERATED ALWAYS AS (length(bio)) STORED)`,
		`ALTER TABLE users DROP COLUMN f`,
		`CREATE TABLE pair (c int, b int, a text, PRIMARY KEY (a, b) INCLUDE (c))`,
		`CREATE TABLE bare (a int)`, `CREATE UNLOGGED TABLE quick (a int PRIMARY KEY)`, `CREATE TABLE empty ()`,
		`CREATE TABLE half (id int, at date, PRIMARY KEY (id, at))`,
		`CREATE TABLE folded (a int, "A" int, b int, PRIMARY KEY (a, b))`,
		`CREATE TABLE twice (id int primary key)`, `CREATE TABLE other.twice (id int primary key)`,
		`CREATE TABLE "Cased" (id int primary key)`, `CREATE TABLE cased (id int primary key)`,
		`CREATE TABLE unlike (id int primary key)`, `CREATE TABLE other.unlike (id bigint primary key)`,
		`CREATE TABLE swapped (a int, b int, primary key (a, b))`, `CREATE TABLE other.swapped (a int, b int, primary key (b, a))`,
		`CREATE TABLE mixed (id int primary key)`, `CREATE VIEW other.mixed AS SELECT 1 AS id`,
		`CREATE TEMP TABLE tmp (id int primary key)`, `CREATE VIEW w AS SELECT 1 AS a`, `CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a`)
	c := db.load(t)
	layouts(t, c, map[string]string{
		"users":   "direct: id | bio text, code text, id integer!, key uuid!, n integer!, name text!, short integer!",
		"pair":    "direct: a b | a text!, b integer!, c integer",
		"bare":    "direct: | a integer",
		"quick":   "direct: a | a integer!",
		"half":    "direct: | id integer!",
		"folded":  "direct: | b integer!",
		"twice":   "direct: id | id integer!",
		"cased":   "direct: id | id integer!",
		"unlike":  "none",
		"swapped": "none",
		"mixed":   "none", "empty": "none", "tmp": "none", "w": "none", "mv": "none", "users_id_seq": "none",
	})
	if col, ok := c.Layout("users").Column("name"); !ok || col.Quoted != `"Name"` {
		t.Errorf("name is %+v", col)
	}
	if !c.Layout("users").Has("tags") || c.Layout("users").Has("ctid") {
		t.Error("users has no tags, or a ctid")
	}
}

func TestDirectPostgres(t *testing.T) {
	db := openPostgres(t)
	db.exec(t,
		`CREATE TABLE log (id int)`,
		`CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NEW; END'`,
		`CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE self SET a = 1; RETURN NULL; END'`,
		`CREATE FUNCTION wild() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END'`,
		`CREATE TABLE defaults (id int)`, `CREATE FUNCTION five() RETURNS int LANGUAGE sql AS 'DELETE FROM defaults; SELECT 5'`,
		`CREATE TABLE plain (id int PRIMARY KEY)`,
		`CREATE TABLE after1 (id int)`, `CREATE TRIGGER t AFTER UPDATE ON after1 FOR EACH ROW EXECUTE FUNCTION logs()`,
		`CREATE TABLE deferred (id int)`, `CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION logs()`,
		`CREATE TABLE before1 (id int)`, `CREATE TRIGGER t BEFORE UPDATE ON before1 FOR EACH ROW EXECUTE FUNCTION logs()`,
		`CREATE TABLE before2 (id int)`, `CREATE TRIGGER t BEFORE DELETE ON before2 FOR EACH STATEMENT EXECUTE FUNCTION nothing()`,
		`CREATE TABLE before3 (id int)`, `CREATE TRIGGER t BEFORE UPDATE ON before3 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
		`CREATE TABLE disabled (id int)`, `CREATE TRIGGER t BEFORE UPDATE ON disabled FOR EACH ROW EXECUTE FUNCTION logs()`,
		`ALTER TABLE disabled DISABLE TRIGGER t`,
		`CREATE TABLE self (id int, a int)`, `CREATE TRIGGER t AFTER INSERT ON self FOR EACH ROW EXECUTE FUNCTION again()`,
		`CREATE TABLE unsure (id int)`, `CREATE TRIGGER t AFTER INSERT ON unsure FOR EACH ROW EXECUTE FUNCTION wild('')`,
		`ALTER TABLE defaults ALTER id SET DEFAULT five()`,
		`CREATE TABLE ruled (id int)`, `CREATE RULE r AS ON DELETE TO ruled DO INSTEAD NOTHING`,
		`CREATE TABLE parts (id int) PARTITION BY RANGE (id)`, `CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9)`,
		`CREATE TABLE no_parts (id int) PARTITION BY RANGE (id)`,
		`CREATE TABLE elder (id int)`, `CREATE TABLE heir (a int) INHERITS (elder)`,
		`CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE)`,
		`CREATE TABLE kept (id int PRIMARY KEY, up int REFERENCES kept)`,
		`CREATE TABLE a (id int PRIMARY KEY, b int)`, `CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE SET NULL)`,
		`ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON UPDATE CASCADE`,
		`CREATE TABLE parent (id int PRIMARY KEY)`, `CREATE TABLE child (id int PRIMARY KEY, up int REFERENCES parent ON UPDATE CASCADE ON DELETE CASCADE)`,
		`CREATE TABLE guarded (id int PRIMARY KEY)`, `ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`, `CREATE POLICY p ON guarded USING (id > 0)`)
	direct(t, db.load(t), map[string]bool{"log": true, "plain": true, "after1": true, "deferred": true, "before1": false, "before2": false,
		"before3": false, "disabled": true, "self": false, "unsure": false, "defaults": false, "ruled": false, "parts": false, "part": false,
		"no_parts": false, "elder": false, "heir": false, "tree": false, "kept": true, "a": false, "b": false, "parent": true, "child": true, "guarded": true})
}

func TestLayoutMariaDB(t *testing.T) {
	db := openMariaDB(t)
	db.exec(t,
		"CREATE TABLE users (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, `Na``me` varchar(10) NOT NULL, code char(3), tiny tinyint DEFAULT 3, ok bool, nil int DEFAULT NULL, "+
			"word varchar(9) DEFAULT 'NULL', bio text COLLATE utf8mb4_bin, lt text COLLATE utf8mb4_lithuanian_ci, rom varchar(9) COLLATE utf8mb4_roman_ci, bin varbinary(9), e enum('a'), s set('a'), no varchar(0), "+
			"u uuid, f double, d decimal, y year, b bit(3), j json, at datetime DEFAULT current_timestamp ON UPDATE current_timestamp, doc blob, "+
			"medium mediumint unsigned zerofill, swe varchar(3) CHARACTER SET swe7, len int AS (length(code)) VIRTUAL, lens int AS (tiny + 1) PERSISTENT)",
		"CREATE TABLE pair (b int, a varchar(9), PRIMARY KEY (a, b), UNIQUE KEY (b))",
		"CREATE TABLE uniq (b int NOT NULL UNIQUE)",
		"CREATE TABLE prefixed (a text, PRIMARY KEY (a(3)))",
		"CREATE TABLE half (id int, at date, PRIMARY KEY (id, at))",
		"CREATE TABLE twice (id int primary key)", "CREATE TABLE Twice (id int primary key)",
		"CREATE TABLE unlike (id int primary key)", "CREATE TABLE Unlike (id int unsigned primary key)",
		"CREATE SEQUENCE seq", "CREATE VIEW w AS SELECT 1 AS a", "CREATE TEMPORARY TABLE tmp (id int primary key)")
	c := db.load(t)
	layouts(t, c, map[string]string{
		"users":    "direct: id | bio text, code text, id integer!, j text, medium integer, na`me text!, nil integer, ok integer, tiny integer!, u uuid, word text!",
		"pair":     "direct: a b | a text!, b integer!",
		"uniq":     "direct: | b integer!",
		"prefixed": "direct: a | a text!",
		"half":     "direct: | id integer!",
		"twice":    "direct: id | id integer!",
		"unlike":   "none", "seq": "none", "w": "none", "tmp": "none",
	})
	if col, ok := c.Layout("users").Column("na`me"); !ok || col.Quoted != "`Na``me`" {
		t.Errorf("name is %+v", col)
	}
}

func TestDirectMariaDB(t *testing.T) {
	db := openMariaDB(t)
	db.exec(t,
		"CREATE TABLE log (id int)",
		"CREATE TABLE plain (id int PRIMARY KEY)",
		"CREATE TABLE after1 (id int)", "CREATE TRIGGER t1 AFTER UPDATE ON after1 FOR EACH ROW INSERT INTO log VALUES (1)",
		"CREATE TABLE before1 (id int)", "CREATE TRIGGER t2 BEFORE INSERT ON before1 FOR EACH ROW SET NEW.id = 3",
		"CREATE TABLE calling (id int)", "CREATE PROCEDURE p() BEGIN PREPARE s FROM 'select 1'; END", "CREATE TRIGGER t3 AFTER DELETE ON calling FOR EACH ROW CALL p()",
		"CREATE TABLE tree (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE)",
		"CREATE TABLE kept (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES kept (id))",
		"CREATE TABLE a (id int PRIMARY KEY, b int)",
		"CREATE TABLE b (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES a (id) ON DELETE CASCADE)",
		"ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id) ON UPDATE CASCADE",
		"CREATE TABLE parent (id int PRIMARY KEY)",
		"CREATE TABLE child (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE)",
		"CREATE TABLE versioned (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
		"CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3",
		"CREATE TABLE isam (id int PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE aria (id int PRIMARY KEY) ENGINE=Aria", "CREATE TABLE mem (id int PRIMARY KEY) ENGINE=MEMORY")
	direct(t, db.load(t), map[string]bool{"log": true, "plain": true, "after1": true, "before1": false, "calling": false, "tree": false, "kept": true,
		"a": false, "b": false, "parent": true, "child": true, "versioned": false, "parts": false, "isam": false, "aria": false, "mem": false})
}

// TestPrivilegesMariaDB: what the user may not see is not taken for what is not there.
func TestPrivilegesMariaDB(t *testing.T) {
	root := servers.MariaDB(t)
	db := open(t, root.Dialector())
	schema := fmt.Sprintf("%s", values(db, "SELECT database()")[0])
	db.exec(t,
		"CREATE TABLE plain (id int PRIMARY KEY, a int)", "CREATE TABLE other (id int PRIMARY KEY, b int)",
		"CREATE TABLE pair (a int, b int, c int, PRIMARY KEY (a, b))", "CREATE TABLE parent (id int PRIMARY KEY)",
		"CREATE TABLE child (id int PRIMARY KEY, up int, FOREIGN KEY (up) REFERENCES parent (id) ON DELETE CASCADE)",
		"CREATE TRIGGER x BEFORE UPDATE ON other FOR EACH ROW SET NEW.b = 3")
	for name, c := range map[string]struct {
		grants []string
		want   map[string]string
	}{
		"all": {[]string{"ALL ON *.*"}, map[string]string{"plain": "direct: id | a integer, id integer!", "other": "id | b integer, id integer!",
			"child": "direct: id | id integer!, up integer"}},
		"schema": {[]string{"SELECT, INSERT, TRIGGER ON `" + strings.ReplaceAll(schema, "_", `\_`) + "`.*"}, map[string]string{
			"plain": "direct: id | a integer, id integer!", "other": "id | b integer, id integer!", "child": "direct: id | id integer!, up integer"}},
		"blind": {[]string{"SELECT, INSERT, UPDATE, DELETE ON `" + schema + "`.*"}, map[string]string{
			"plain": "id | a integer, id integer!", "other": "id | b integer, id integer!", "child": "id | id integer!, up integer"}},
		"tables": {[]string{"SELECT, TRIGGER ON plain", "SELECT ON other", "SELECT, DELETE, TRIGGER ON child"}, map[string]string{
			"plain": "direct: id | a integer, id integer!", "other": "id | b integer, id integer!", "child": "id | id integer!, up integer", "parent": "none"}},
		"columns": {[]string{"SELECT (a, c) ON pair", "TRIGGER ON pair", "SELECT (id) ON plain", "UPDATE (id) ON plain"}, map[string]string{
			"pair": "| a integer!, c integer", "plain": "id | id integer!"}},
	} {
		t.Run(name, func(t *testing.T) {
			db.exec(t, "DROP USER IF EXISTS 'narrow'@'127.0.0.1'", "CREATE USER 'narrow'@'127.0.0.1'")
			for _, g := range c.grants {
				db.exec(t, "GRANT "+g+" TO 'narrow'@'127.0.0.1'")
			}
			user := open(t, gormmysql.Open("narrow"+strings.TrimPrefix(root.DSN, "root")))
			layouts(t, user.load(t), c.want)
		})
	}
}
