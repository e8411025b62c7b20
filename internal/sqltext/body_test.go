package sqltext

import "testing"

// The statements in the body of a routine are none of the text's: its END ends no transaction, and what comes behind
// it is another statement.
func TestBodiesOfRoutines(t *testing.T) {
	for _, c := range []struct {
		d            Dialect
		sql          string
		statements   int
		ends, inside bool
	}{
		{SQLite, "CREATE TRIGGER x AFTER UPDATE ON t BEGIN UPDATE u SET a = 1; DELETE FROM v; END", 1, false, false},
		{SQLite, "create temp trigger if not exists x after update on t when new.end > case 1 when 1 then 2 end begin select 1; end;", 1, false, false},
		{SQLite, "CREATE TRIGGER x AFTER UPDATE ON t BEGIN SELECT CASE a WHEN 1 THEN 2 END; END; COMMIT", 2, true, false},
		{SQLite, "CREATE TRIGGER x AFTER UPDATE ON t BEGIN SELECT 1; END; BEGIN", 2, false, true},
		{MySQL, "CREATE DEFINER=`r`@`h` PROCEDURE p() BEGIN DECLARE a int; IF a THEN SET a = 1; END IF; BEGIN UPDATE t SET a = 1; END; CASE a WHEN 1 THEN SELECT 1; END CASE; END", 1, false, false},
		{MySQL, "CREATE FUNCTION f() RETURNS int l: LOOP LEAVE l; END LOOP", 2, false, false}, // not known
		{MySQL, "ALTER EVENT e DO BEGIN DELETE FROM t; END", 1, false, false},
		{MySQL, "BEGIN NOT ATOMIC UPDATE t SET a = 1; END", 1, false, false},
		{Postgres, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC UPDATE t SET a = 1; SELECT 1; END; COMMIT", 2, true, false},
		{Postgres, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; COMMIT", 2, true, false},
		{SQLite, "CREATE TABLE event (begin int); END", 2, true, false},
		{SQLite, "CREATE VIEW event AS SELECT begin FROM t; END", 2, true, false},
		{SQLite, "BEGIN; CREATE TABLE t (a int); END", 3, false, false},
	} {
		i := Parse(c.d, c.sql)
		if i.Statements != c.statements || i.Ends != c.ends || i.Inside != c.inside || !i.Write {
			t.Errorf("%v, %q: %d statements, ends %v, inside %v, writes %v", c.d, c.sql, i.Statements, i.Ends, i.Inside, i.Write)
		}
	}
}
