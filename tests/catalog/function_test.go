package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gormmysql "gorm.io/driver/mysql"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// calls checks what calling each function may write, "?x" as in affected.
func calls(t *testing.T, c *catalog.Catalog, want map[string][]string) {
	t.Helper()
	for name, writes := range want {
		tables, unknown := c.Calls([]string{name}, nil)
		if unknown != "" {
			tables = []string{"?" + unknown}
		}
		if !slices.Equal(tables, writes) {
			t.Errorf("%s() writes %v, want %v", name, tables, writes)
		}
	}
}

// counts executes the statement and checks whether it changes the rows of table n, which the catalog
// says: what is tested is so what the database does.
func counts(t *testing.T, db database, table string, statements ...string) {
	t.Helper()
	var before, after int
	count := func(n *int) {
		if err := db.QueryRowContext(context.Background(), "SELECT count(*) FROM "+table).Scan(n); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range statements {
		count(&before)
		db.exec(t, s)
		if count(&after); after == before {
			t.Errorf("%s: writes nothing to %s", s, table)
		}
		info := sqltext.Parse(db.dialect, s)
		c := db.load(t)
		written, unknown := c.Affected(info.Writes, nil)
		more, unknown2 := c.Calls(info.Calls, nil)
		if unknown+unknown2 == "" && !slices.Contains(slices.Concat(written, more), table) {
			t.Errorf("%s: the catalog knows of %v and %v, not of %s", s, written, more, table)
		}
	}
}

// postgresFunctions write to audit in every way.
var postgresFunctions = []string{
	"CREATE SCHEMA s",
	"CREATE TABLE audit (what text)", "CREATE TABLE totals (n int)", "INSERT INTO totals VALUES (0)",
	"CREATE FUNCTION bump() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE totals SET n = n + 1; INSERT INTO audit VALUES ('bump'); RETURN 1; END $$",
	"CREATE FUNCTION note(a int) RETURNS int LANGUAGE sql AS $$ INSERT INTO audit VALUES ('note'); SELECT $1 $$",
	`CREATE FUNCTION s."Deep"(a int DEFAULT 1) RETURNS int LANGUAGE sql AS $$ SELECT public.note(a) $$`,
	"CREATE FUNCTION stable() RETURNS int LANGUAGE sql STABLE AS $$ SELECT note(2) $$",
	"CREATE FUNCTION immutable(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN note(a); END $$",
	"CREATE FUNCTION arg(a int DEFAULT note(3)) RETURNS int LANGUAGE sql AS $$ SELECT a $$",
	"CREATE FUNCTION many() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
	"CREATE FUNCTION many(a int) RETURNS int LANGUAGE sql AS $$ SELECT note(a) $$",
	"CREATE PROCEDURE proc(INOUT a int) LANGUAGE plpgsql AS $$ BEGIN PERFORM note(a); END $$",
	"CREATE FUNCTION through() RETURNS int LANGUAGE plpgsql AS $$ DECLARE x int := 1; BEGIN CALL proc(x); RETURN x; END $$",
	"CREATE FUNCTION dynamic() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'insert into audit values (1)'; RETURN 1; END $$",
	"CREATE FUNCTION block() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN DO $$ BEGIN INSERT INTO audit VALUES (1); END $$; RETURN 1; END $f$",
	"CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS $$ SELECT note(a) + b $$",
	"CREATE AGGREGATE noting(int) (SFUNC = add, STYPE = int, INITCOND = '0')",
	"CREATE FUNCTION pg_temp.passing() RETURNS int LANGUAGE sql AS $$ SELECT note(1) $$",
}

func TestPostgresCalls(t *testing.T) {
	db := openPostgres(t)
	db.exec(t, postgresFunctions...)
	db.exec(t,
		"CREATE FUNCTION builtin(a text) RETURNS text LANGUAGE internal IMMUTABLE AS 'upper'",
		"CREATE FUNCTION inner_c(a text) RETURNS text LANGUAGE internal AS 'upper'",
		"CREATE FUNCTION harmless(a text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN upper(a) || pg_catalog.txid_current(); END $$",
		"CREATE FUNCTION asking() RETURNS int LANGUAGE plpgsql STABLE AS $$ DECLARE n int; BEGIN EXECUTE 'select count(*) from audit' INTO n; RETURN n; END $$",
		"CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
		"CREATE FUNCTION forever() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN forever(); END $$",
		"CREATE TYPE span AS RANGE (SUBTYPE = time)",
	)
	calls(t, db.load(t), map[string][]string{
		"bump": {"audit", "totals"}, "note": {"audit"}, "public.note": {"audit"}, "s.deep": {"audit"}, "stable": {"audit"},
		"immutable": {"audit"}, "arg": {"audit"}, "many": {"audit"}, "proc": {"audit"}, "through": {"audit"},
		"noting": {"audit"}, "pg_temp.passing": {"audit"}, "dynamic": {"?dynamic"}, "block": {"?block"}, "ends": {"?ends"},
		"builtin": nil, "inner_c": {"?inner_c"}, "harmless": nil, "asking": nil, "forever": nil, "span": nil,
		"pg_stat_get_activity": nil, "nothing": nil,
	})
	counts(t, db, "audit", "SELECT bump()", "SELECT note(1)", `SELECT s."Deep"()`, "SELECT stable()", "SELECT immutable(1)",
		"SELECT arg()", "SELECT many(1)", "SELECT through()", "SELECT noting(g) FROM generate_series(1, 2) g",
		"SELECT pg_temp.passing()", "SELECT dynamic()", "SELECT block()", "SELECT * FROM note(1)",
		"WITH x AS (SELECT note(1)) SELECT * FROM x", "UPDATE totals SET n = note(1) WHERE note(2) = 2 OR true")
}

// TestPostgresStable: what the catalog relies on when it takes a declaration at its word.
func TestPostgresStable(t *testing.T) {
	db := openPostgres(t)
	db.exec(t, "CREATE TABLE audit (what text)",
		"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN INSERT INTO audit VALUES ('x'); RETURN 1; END $$",
		"CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN EXECUTE 'INSERT INTO audit VALUES (1)'; RETURN 1; END $$")
	for _, s := range []string{"SELECT f()", "SELECT g()"} {
		if _, err := db.ExecContext(context.Background(), s); err == nil {
			t.Errorf("%s: a STABLE function writes", s)
		}
	}
}

// TestPostgresAtomic: bodies that the database keeps parsed.
func TestPostgresAtomic(t *testing.T) {
	db := openPostgres(t)
	db.exec(t, "CREATE TABLE audit (what text)", "CREATE TABLE t (id int)",
		"CREATE FUNCTION note(a int) RETURNS int LANGUAGE sql AS $$ INSERT INTO audit VALUES ('note'); SELECT $1 $$")
	if _, err := db.Exec("CREATE FUNCTION atom() RETURNS int BEGIN ATOMIC INSERT INTO audit VALUES (1); SELECT 1; END"); err != nil {
		t.Skip("no BEGIN ATOMIC here: ", err)
	}
	db.exec(t, "CREATE FUNCTION reads() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM audit; END",
		"CREATE FUNCTION ret() RETURNS int RETURN note(1) + 1",
		"CREATE FUNCTION sly(a text DEFAULT 'BEGIN ATOMIC') RETURNS int BEGIN ATOMIC INSERT INTO audit VALUES (a); SELECT 1; END",
		"CREATE FUNCTION nested() RETURNS int BEGIN ATOMIC SELECT note(1); END",
		"CREATE FUNCTION nil() RETURNS void LANGUAGE sql AS ''")
	calls(t, db.load(t), map[string][]string{
		"atom": {"audit"}, "reads": nil, "ret": {"audit"}, "sly": {"?sly"}, "nested": {"audit"}, "nil": nil,
	})
	counts(t, db, "audit", "SELECT atom()", "SELECT ret()", "SELECT sly()", "SELECT nested()")
}

// TestPostgresExpressions: what a table's own expressions call.
func TestPostgresExpressions(t *testing.T) {
	db := openPostgres(t)
	db.exec(t, postgresFunctions[:10]...)
	db.exec(t,
		"CREATE FUNCTION ok(a int) RETURNS bool LANGUAGE sql AS $$ SELECT note(a) IS NOT NULL $$",
		"CREATE TABLE plain (id int)",
		"CREATE TABLE defaults (id int, a int DEFAULT note(1))",
		"CREATE TABLE generated (id int, a int GENERATED ALWAYS AS (immutable(id)) STORED)",
		"CREATE TABLE checked (id int CHECK (ok(id)))",
		"CREATE TABLE indexed (id int)", "CREATE INDEX ON indexed (immutable(id))",
		"CREATE TABLE partly (id int)", "CREATE INDEX ON partly (id) WHERE immutable(id) = 1",
		"CREATE TABLE parts (id int) PARTITION BY LIST (immutable(id))", "CREATE TABLE parts_1 PARTITION OF parts DEFAULT",
		"CREATE DOMAIN positive AS int CHECK (ok(VALUE))", "CREATE TABLE domains (id positive)",
		"CREATE TABLE fired (id int)",
		"CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM note(1); RETURN NULL; END $$",
		"CREATE TRIGGER fire AFTER INSERT ON fired FOR EACH ROW EXECUTE FUNCTION fire()",
		"CREATE TABLE whens (id int)",
		"CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
		"CREATE TRIGGER fire BEFORE INSERT ON whens FOR EACH ROW WHEN (ok(NEW.id)) EXECUTE FUNCTION keep()",
		"CREATE VIEW viewed AS SELECT id, note(id) FROM plain", "CREATE VIEW above AS SELECT * FROM viewed",
		"CREATE MATERIALIZED VIEW frozen AS SELECT note(id) FROM plain",
		"INSERT INTO plain VALUES (1)",
	)
	c := db.load(t)
	for _, name := range []string{"defaults", "generated", "checked", "indexed", "partly", "domains", "fired", "whens", "frozen"} {
		affected(t, c, map[string][]string{name: slices.Sorted(slices.Values([]string{"audit", name}))})
	}
	affected(t, c, map[string][]string{"plain": {"plain"}, "parts": {"audit", "parts", "parts_1"}, "parts_1": {"audit", "parts", "parts_1"}})
	counts(t, db, "audit", "INSERT INTO defaults (id) VALUES (1)", "INSERT INTO generated (id) VALUES (1)",
		"INSERT INTO checked VALUES (1)", "INSERT INTO indexed VALUES (1)", "INSERT INTO partly VALUES (1)", "INSERT INTO parts VALUES (1)",
		"INSERT INTO domains VALUES (1)", "INSERT INTO fired VALUES (1)", "INSERT INTO whens VALUES (1)",
		"REFRESH MATERIALIZED VIEW frozen")
}

func TestMariaDBCalls(t *testing.T) {
	db := openMariaDB(t)
	db.exec(t,
		"CREATE TABLE audit (what varchar(20))", "CREATE TABLE totals (n int)", "CREATE TABLE plain (id int)",
		"CREATE TABLE fired (id int)", "INSERT INTO totals VALUES (0)", "INSERT INTO plain VALUES (1)",
		"CREATE FUNCTION bump() RETURNS int BEGIN UPDATE totals SET n = n + 1; INSERT INTO audit VALUES ('bump'); RETURN 1; END",
		"CREATE FUNCTION Note(a int) RETURNS int READS SQL DATA BEGIN INSERT INTO audit VALUES ('note'); RETURN a; END",
		"CREATE FUNCTION nested() RETURNS int RETURN `note`(1) + 1",
		"CREATE PROCEDURE proc(a int) INSERT INTO audit VALUES (a)",
		"CREATE FUNCTION through() RETURNS int BEGIN CALL proc(1); RETURN 1; END",
		"CREATE PROCEDURE bare() INSERT INTO audit VALUES ('bare')",
		"CREATE FUNCTION barely() RETURNS int BEGIN CALL bare; RETURN 1; END",
		"CREATE FUNCTION emptied() RETURNS int BEGIN DELETE audit FROM audit JOIN totals; RETURN 1; END",
		"CREATE FUNCTION harmless(a int) RETURNS int RETURN abs(a) + (SELECT count(*) FROM audit)",
		"CREATE PROCEDURE ends() BEGIN COMMIT; END",
		"CREATE PROCEDURE dynamic() BEGIN EXECUTE IMMEDIATE 'insert into audit values (1)'; END",
		"CREATE VIEW viewed AS SELECT note(id) FROM plain", "CREATE VIEW above AS SELECT * FROM viewed",
		"CREATE TRIGGER a AFTER INSERT ON fired FOR EACH ROW SET @x = note(1)",
		"SET sql_mode = 'ANSI_QUOTES'",
		`CREATE FUNCTION ansi() RETURNS int RETURN "note"(1)`,
		"SET sql_mode = ORACLE",
		"CREATE PACKAGE pack AS FUNCTION f RETURN int; END",
		"CREATE PACKAGE BODY pack AS FUNCTION f RETURN int AS BEGIN INSERT INTO audit VALUES ('p'); RETURN 1; END; END",
		"SET sql_mode = DEFAULT",
	)
	c := db.load(t)
	calls(t, c, map[string][]string{
		"bump": {"audit", "totals"}, "note": {"audit"}, "nested": {"audit"}, "proc": {"audit"}, "through": {"audit"},
		"barely": {"audit"}, "emptied": {"?emptied"}, "harmless": nil, "ends": {"?ends"}, "dynamic": {"?dynamic"},
		"ansi": {"audit"}, "pack.f": {"?pack"}, "sys.version_major": nil, "nothing": nil,
	})
	affected(t, c, map[string][]string{"fired": {"audit", "fired"}, "plain": {"plain"}})
	counts(t, db, "audit", "SELECT bump()", "SELECT note(1)", "SELECT nested()", "SELECT through()", "SELECT barely()",
		"SELECT ansi()", "INSERT INTO fired VALUES (1)", "SELECT emptied()")
	db.exec(t, "SET sql_mode = ORACLE")
	counts(t, db, "audit", "SELECT pack.f()")
}

// TestMariaDBHidden: who may call a function but not see its body knows nothing of it.
func TestMariaDBHidden(t *testing.T) {
	server := servers.MariaDB(t)
	db, schema := open(t, server.Dialector()), server.Name
	db.exec(t, "CREATE TABLE audit (id int)", "CREATE TABLE fired (id int)",
		"CREATE FUNCTION note() RETURNS int BEGIN INSERT INTO audit VALUES (1); RETURN 1; END",
		"CREATE FUNCTION secret() RETURNS int BEGIN INSERT INTO audit VALUES (1); RETURN 1; END",
		"CREATE TRIGGER a AFTER INSERT ON fired FOR EACH ROW SET @x = secret()",
		"CREATE USER guest IDENTIFIED BY 'x'",
		"GRANT SELECT, INSERT, TRIGGER ON `"+schema+"`.* TO guest",
		"GRANT EXECUTE ON FUNCTION `"+schema+"`.note TO guest")
	t.Cleanup(func() { db.exec(t, "DROP USER guest") })
	c := open(t, gormmysql.Open(strings.Replace(server.DSN, "root@", "guest:x@", 1))).load(t)
	calls(t, c, map[string][]string{"note": {"?note"}, "secret": nil})
	affected(t, c, map[string][]string{"fired": {"?a"}})
}

// fallback are names that some dialect has a function of.
const fallback = `log2 total group_concat ifnull hex instr quote unhex json_array json_valid json_extract json_type
	json_quote binary datetime double rand changes connection_id curdate curtime database found_rows getdate
	last_insert_id last_insert_rowid newid row_count sleep sysdate total_changes utc_date utc_time utc_timestamp
	acosh tanh trunc string_agg array_agg every bool_and overlay translate json_array_length random currval f`

// TestPostgresNames: no function of the application's goes unseen, whatever its name. Those excepted are
// overloads of functions that the database has, and keywords that no one would choose.
func TestPostgresNames(t *testing.T) {
	names(t, openPostgres(t), "CREATE FUNCTION %s(a int) RETURNS int LANGUAGE sql AS 'SELECT 4711'",
		"SELECT word FROM pg_get_keywords()", "SELECT DISTINCT proname FROM pg_proc",
		strings.Fields("cube rollup cursor ilike is join tablesample until varying"))
}

func TestMariaDBNames(t *testing.T) {
	db := openMariaDB(t)
	names(t, db, "CREATE FUNCTION %s(a int) RETURNS int RETURN 4711", "SELECT lower(word) FROM information_schema.keywords",
		"SELECT lower(function) FROM information_schema.sql_functions",
		strings.Fields("against cube rollup elsif next only until trunc"))
	db.exec(t, "SET sql_mode = 'ANSI_QUOTES'", `CREATE FUNCTION "ansi"(a int) RETURNS int RETURN 4711`)
	if info := sqltext.Parse(db.dialect, `SELECT "ansi"(1)`); !slices.Contains(info.Calls, "ansi") {
		t.Errorf("%+v", info)
	}
}

// column is what a query of one yields.
func column(t *testing.T, db database, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}

// names makes a function of each name that the query yields or fallback holds, where it can be made.
func names(t *testing.T, db database, create, query, builtin string, except []string) {
	t.Helper()
	except = append(except, column(t, db, builtin)...)
	words := append(column(t, db, query), strings.Fields(fallback)...)
	words = slices.DeleteFunc(words, func(w string) bool { return slices.Contains(except, w) })
	called := 0
	for _, word := range words {
		call := fmt.Sprintf("SELECT %s(1)", word)
		var n int
		if _, err := db.ExecContext(context.Background(), fmt.Sprintf(create, word)); err != nil {
			continue
		}
		if err := db.QueryRowContext(context.Background(), call).Scan(&n); err != nil || n != 4711 {
			continue
		}
		called++
		for _, sql := range []string{call, "SELECT a, " + call[7:] + " FROM t WHERE " + call[7:] + " > 1"} {
			if info := sqltext.Parse(db.dialect, sql); !slices.Contains(info.Calls, word) {
				t.Errorf("%s: calls %v", sql, info.Calls)
			}
		}
		_, calls, _ := sqltext.Routine(db.dialect, "BEGIN "+call+"; END")
		if !slices.Contains(calls, word) {
			t.Errorf("%s: a body calls %v", call, calls)
		}
	}
	if called < 20 {
		t.Errorf("only %d functions called", called)
	}
}
