package sqltext

import (
	"strings"
	"testing"
)

func TestRoutine(t *testing.T) {
	for _, r := range []struct {
		d       Dialect
		body    string
		writes  string
		calls   string
		unknown string
	}{
		{Postgres, "BEGIN NEW.updated_at := now(); IF (NEW.a > 1) THEN NEW.b = lower(NEW.c); END IF; RETURN NEW; END;", "", "", ""},
		{Postgres, "BEGIN IF TG_OP = 'INSERT' THEN INSERT INTO s.audit(a) VALUES (NEW.id); ELSE UPDATE only totals SET n = n + 1; DELETE FROM old WHERE id = OLD.id; END IF; RETURN NULL; END", "audit,old,totals", "", ""},
		{Postgres, "DECLARE r record; BEGIN FOR r IN SELECT * FROM x FOR UPDATE LOOP INSERT INTO y SELECT 1 ON CONFLICT (a) DO UPDATE SET b = 1; END LOOP; RETURN NEW; END", "y", "", ""},
		{Postgres, "BEGIN WITH a AS (DELETE FROM x RETURNING *) INSERT INTO y SELECT * FROM a; RETURN NEW; END", "x,y", "", ""},
		{Postgres, "BEGIN MERGE INTO x USING y ON true WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1); END", "x", "", ""},
		{Postgres, "BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY v; RETURN NULL; END", "v", "", ""},
		{Postgres, "BEGIN PERFORM pg_notify('a', NEW.id::text); RETURN NEW; END", "", "", ""},
		{Postgres, "BEGIN PERFORM recount(NEW.id); RETURN NEW; END", "", "recount", ""},
		{Postgres, "BEGIN EXECUTE format('delete from %I', x); END", "", "", "execute"},
		{Postgres, "BEGIN EXECUTE ('delete from x'); PERFORM merge(1), next(2), \"if\"(3), set(4); UPDATE t SET (a, b) = (1, 2); END", "t", "execute,if,merge,next,set", "execute"},
		{Postgres, "BEGIN CALL p(); END", "", "p", ""},
		{Postgres, "BEGIN TRUNCATE x; END", "", "", "truncate"},
		{Postgres, "BEGIN NEW.a := s.lower('x'); END", "", "s.lower", ""},
		{Postgres, "BEGIN DO $$ BEGIN DELETE FROM x; END $$; PERFORM f(); END", "", "f", "do"},
		{Postgres, "BEGIN INSERT INTO x VALUES (1) ON CONFLICT DO NOTHING; CALL \"S\".\"P\"(g()); COMMIT; END", "x", "g,s.p", "commit"},
		{Postgres, "BEGIN RAISE 'x", "", "", "unterminated quote"},
		{MySQL, "SET NEW.a = upper(NEW.b)", "", "", ""},
		{MySQL, "INSERT INTO audit SET a = NEW.id", "audit", "", ""},
		{MySQL, "BEGIN DECLARE n INT; WHILE (n < 3) DO UPDATE `t` SET a = replace(b, 'x', 'y'); END WHILE; REPLACE INTO `d`.`u` VALUES (1); INSERT IGNORE w VALUES (1) ON DUPLICATE KEY UPDATE a = 1; DELETE FROM v WHERE 1; END", "t,u,v,w", "", ""},
		{MySQL, "UPDATE a JOIN b ON 1 SET a.x = 1", "a", "", "UPDATE of several tables"},
		{MySQL, "DELETE a FROM a JOIN b", "", "", "DELETE of several tables"},
		{MySQL, "DELETE FROM a USING a JOIN b", "a", "", "DELETE of several tables"},
		{MySQL, `SET NEW.a = '\'; DELETE FROM t; -- '`, "", "", "backslash before a quote"},
		{MySQL, "BEGIN IF (NEW.a) THEN SET NEW.a = truncate(1, 2); ELSEIF (CASE WHEN (NEW.b) THEN (1) ELSE (2) END) THEN SET NEW.a = (2) AND (3); END IF; END", "", "", ""},
		{MySQL, "CALL recount", "", "recount", ""},
		{MySQL, "SET @x = f(1)", "", "f", ""},
		{MySQL, "IF call_me THEN CALL d.recount; END IF; SET @x = `d`.`f` (\"g\"(1))", "", "d.f,d.recount,g", ""},
		{SQLite, "CREATE TRIGGER x AFTER UPDATE OF a ON t WHEN NEW.a > abs(1) BEGIN INSERT OR IGNORE INTO u(a) VALUES (1); UPDATE OR FAIL v SET b = 1; DELETE FROM w; SELECT raise(ABORT, 'no'); END", "u,v,w", "", ""},
		{SQLite, "CREATE TRIGGER x INSTEAD OF INSERT ON view BEGIN REPLACE INTO t VALUES (my_fn(1)); END", "t", "my_fn", ""},
	} {
		writes, calls, unknown := Routine(r.d, r.body)
		if strings.Join(writes, ",") != r.writes || strings.Join(calls, ",") != r.calls || unknown != r.unknown {
			t.Errorf("%v: %s\n got %v %v %q\nwant %s %s %q", r.d, r.body, writes, calls, unknown, r.writes, r.calls, r.unknown)
		}
	}
}

func TestView(t *testing.T) {
	for sql, want := range map[string]string{
		`CREATE TEMP VIEW "as" (a, b) AS SELECT * FROM t JOIN u`: "select r:t,u",
		"with a as (select * from t) select * from a":            "select r:t",
		"create view v as select f(a) from t":                    "select r:t opaque:function f calls:f",
		"nonsense":                                               "other r: opaque:other write",
	} {
		if got := brief(View(SQLite, sql)); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}
