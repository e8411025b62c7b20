package sqltext

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// short puts an Operand into few characters.
func short(o Operand) string {
	switch o.Kind {
	case ParamOperand:
		return fmt.Sprintf("?%d", o.Param)
	case IntegerOperand:
		return fmt.Sprint(o.Int)
	case TextOperand:
		return "'" + o.Text + "'"
	case NullOperand:
		return "null"
	case DefaultOperand:
		return "default"
	}
	return "~"
}

func shorts(list []Operand) string {
	var s []string
	for _, o := range list {
		s = append(s, short(o))
	}
	return strings.Join(s, ",")
}

// narrowly puts a Narrow on one line: table, pins in brackets, then what else is set.
func narrowly(n *Narrow) string {
	if n == nil {
		return "-"
	}
	b := &strings.Builder{}
	b.WriteString(n.Table)
	for _, p := range n.Pins {
		fmt.Fprintf(b, " [%s=%s]", p.Column, shorts(p.Values))
	}
	for _, s := range n.Sets {
		fmt.Fprintf(b, " %s:=%s", s.Column, short(s.Value))
	}
	if n.Columns != nil {
		fmt.Fprintf(b, " (%s)", strings.Join(n.Columns, ","))
	}
	for _, row := range n.Rows {
		fmt.Fprintf(b, " <%s>", shorts(row))
	}
	if !n.Pure {
		b.WriteString(" impure")
	}
	if n.Returning {
		b.WriteString(" returning")
	}
	return b.String()
}

func checkNarrowly(t *testing.T, list []reading) {
	t.Helper()
	for _, r := range list {
		for _, c := range r.dialects {
			d := dialectLetters[c]
			info := Parse(d, r.sql)
			if got := narrowly(info.Narrow); got != r.want {
				t.Errorf("%v: %s\n got %s\nwant %s", d, r.sql, got, r.want)
			}
			checkNarrow(t, d, r.sql, info)
		}
	}
}

// TestNarrowSelect: which tables are single and plain.
func TestNarrowSelect(t *testing.T) {
	checkNarrowly(t, []reading{
		{"spm", "select * from t", "t"},
		{"spm", "select * from t;  ;", "t"},
		{"u", "select * from t where id = 1", "-"},
		{"spm", "select * from t where id = 5", "t [id=5]"},
		{"spm", "SELECT a, COUNT(*) FROM S.T AS X WHERE X.ID = 5 AND y > 1 GROUP BY a HAVING COUNT(*) > 1 ORDER BY a LIMIT 5", "t [id=5]"},
		{"sm", "select * from `T` where `T`.`Id` = ? and `x` = ? order by `t`.`id` limit 1", "t [id=?0] [x=?1]"},
		{"sp", `select * from "S"."T" as "A" where "A"."Id" = 5`, "t [id=5]"},
		{"sm", "select ?, a from t where a = ? and ? = b", "t [a=?1] [b=?2]"},
		{"p", "select $1, a from t where a = $3 and $2 = b", "t [a=?2] [b=?1]"},
		{"p", "select a from t where b = 1 offset 2", "t [b=1]"},
		{"sm", "select a from t where b = 1 offset 2", "-"},
		{"pm", "select a from t where b = 1 for update", "t [b=1]"},
		{"m", "select a from t where b = 1 lock in share mode", "t [b=1]"},
		{"pm", "select a from t where b = 1 fetch first 1 rows only", "t [b=1]"},
		{"spm", "select sum(a) over (partition by b order by c) from t where d = 1", "t [d=1]"},
		{"p", "select count(*) filter (where x > 1) from t where d = 1", "t [d=1]"},
		{"spm", "select extract(year from z), trim(both 'x' from y) from t where d = 1", "t [d=1]"},
		{"spm", "select distinct a from t where d = 1", "t [d=1]"},
		{"p", "select distinct on (a) a from t where d = 1", "t [d=1]"},
		{"p", "select a as from from t where d = 1", "t [d=1]"},
		{"p", "select t.from from t where d = 1", "t [d=1]"},
		{"p", "select data->'a', data ? 'x', b[1] from t where d = 1", "t [d=1]"},
		{"m", "select t.a as x from t -- it's\n where d = 1 # or 1\n", "t [d=1]"},

		{"spm", "select 1", "-"},
		{"spm", "select * from t, u where t.a = 1", "-"},
		{"spm", "select * from t join u on t.a = u.a where t.a = 1", "-"},
		{"spm", "select * from t join t as u on t.a = u.a where t.a = 1", "-"},
		{"spm", "select * from t natural join t where a = 1", "-"},
		{"spm", "select * from t cross join t x where a = 1", "-"},
		{"m", "select * from t straight_join t u where t.a = 1", "-"},
		{"spm", "select * from t where a = 1 union select * from t", "-"},
		{"spm", "select * from t where a = 1 except select * from t where b = 1", "-"},
		{"spm", "(select * from t where a = 1)", "-"},
		{"spm", "(select * from t where a = 1) union (select * from t)", "-"},
		{"spm", "with x as (select * from t) select * from x where a = 1", "-"},
		{"spm", "select * from (select * from t) x where a = 1", "-"},
		{"spm", "select * from t where a = 1 and b in (select b from t)", "-"},
		{"spm", "select (select max(a) from t) from t where a = 1", "-"},
		{"spm", "select * from t where a = 1 order by (select 1)", "-"},
		{"spm", "select a from t where b = 1 group by a having max(a) > (select 1)", "-"},
		{"s", "select * from t where a = 1 and b in t", "-"},
		{"p", "select * from t where a = 1 and exists (table t)", "-"},
		{"pm", "select * from t where a = 1 and exists (values (1))", "-"},
		{"p", "select * from only t where a = 1", "-"},
		{"p", "select * from t * where a = 1", "-"},
		{"p", "select * from t as x(a, b) where a = 1", "-"},
		{"p", "select * from t tablesample system (10) where a = 1", "-"},
		{"p", "select * from t, lateral (select 1) x where a = 1", "-"},
		{"p", "select * from generate_series(1, 2) where a = 1", "-"},
		{"p", "select * into u from t where a = 1", "-"},
		{"m", "select * from t where a = 1 into @x", "-"},
		{"m", "select * from t partition (p0) where a = 1", "-"},
		{"m", "select * from t use index (i) where a = 1", "-"},
		{"s", "select * from t indexed by i where a = 1", "-"},
		{"s", "select * from t not indexed where a = 1", "-"},
		{"m", "select * from t for system_time all where a = 1", "-"},
		{"m", "select * from t for system_time as of now()", "-"},
		{"m", "select * from t offset where a = 1", "-"},
		{"p", "select a is distinct from t from t where a = 1", "-"},
		{"s", "select * from 't' where a = 1", "-"},
		{"m", `select * from t as "x" where a = 1`, "-"},
		{"s", "select * from [a.b] where a = 1", "-"},
		{"s", "select * from \"é\" where a = 1", "-"},
		{"s", "select * from t where a = :a", "-"},
		{"s", "select * from t where a = @a", "-"},
		{"s", "select * from t where a = $a", "-"},
		{"s", "select * from t where a = ?1", "-"},
		{"s", "select ?2 from t where a = ?", "-"},
		{"s", "select * from t where a = ?and b = 1", "-"},
		{"p", "select * from t where a = $0", "-"},
		{"p", "select * from t where a = $65536", "-"},
		{"p", "select * from t where a = $99999999999999999999", "-"},
		{"spm", "select * from t; select * from t where a = 1", "-"},
		{"spm", "select * from t where a = 1; commit", "-"},
		{"spm", "explain select * from t where a = 1", "-"},
		{"m", "select * from t where a = 1 /*! or 1 */", "-"},
		{"m", `select * from t where b = 'a\' or c = ' and a = 1`, "-"},
		{"m", `select * from t where b = "a\" or c = " and a = 1`, "-"},
		{"p", `select * from t where b = 'a\' and a = 1`, "-"},
		{"spm", "select * from t where b = 'a\x00' and a = 1", "-"},
		{"spm", "select * from t where a = 2 /* \x00 */ and a = 1", "-"},
		{"spm", "select * from t where b = '\xbf' and a = 1", "-"},
		{"p", "select * from t where " + long + " = 1", "t"},
		{"p", "select * from " + long + " where a = 1", "-"},
		{"p", "select * from t where current of c", "-"},
		{"spm", "select * from t where a = 1 where b = 2", "-"},
		{"spm", "select * from t where", "-"},
		{"s", "select * from t where a = 1 lock in share mode", "-"},
		{"s", "select * from t where a = lock or b = 1", "-"},
		{"spm", "select * from t where a = 1 qualify b = 1", "-"},
		{"m", "select * from t where a = 1 procedure analyse()", "-"},
		{"spm", "select * from t where a = 1 returning b", "-"},
	})
}

// TestPins holds what pins a column and what does not.
func TestPins(t *testing.T) {
	for where, want := range map[string]string{
		"a = 1 and b = 2":                      " [a=1] [b=2]",
		"a = 1 and a = 2":                      " [a=1] [a=2]",
		"(a = 1 and b > 3) and c is null":      " [a=1]",
		"((a = 1)) and ((b = 2 and (c = 3)))":  " [a=1] [b=2] [c=3]",
		"a in (1, -2, 'x', null)":              " [a=1,-2,'x',null]",
		"a = 'it''s'":                          " [a='it''s']",
		"a = - 5":                              " [a=-5]",
		"a = -9223372036854775808":             " [a=-9223372036854775808]",
		"a = 9223372036854775808":              "",
		"a = 007":                              " [a=7]",
		"a = null":                             " [a=null]",
		"null = a":                             " [a=null]",
		"5 = a and 'x' = t.b":                  " [a=5] [b='x']",
		"t.a = 1 and T.B = 2":                  " [a=1] [b=2]",
		"s.t.a = 1":                            " [a=1]",
		"u.a = 1":                              "",
		"a = 1 and not b = 2":                  " [a=1]",
		"not a = 1 and b = 2":                  " [b=2]",
		"not (a = 1) and b = 2":                " [b=2]",
		"not (a = 1 and b = 2)":                "",
		"(not a = 1 and b = 2)":                " [b=2]",
		"a = 1 or b = 2":                       "",
		"a = 1 or b = 2 and c = 3":             "",
		"a = 1 and b = 2 or c = 3":             "",
		"a = 1 and (b = 2 or c = 3)":           " [a=1]",
		"a = 1 and (b = 2 or c = 3 and d = 4)": " [a=1]",
		"(a = 1 and b = 2) or c = 3":           "",
		"c = 3 or (a = 1 and b = 2)":           "",
		"(a = 1 and b = 2) = c and d = 4":      " [d=4]",
		"(a = 1) is false and b = 2":           " [b=2]",
		"a = 5 = 0":                            "",
		"0 = a = 5":                            "",
		"a = 5 + 1":                            "",
		"1 + a = 5":                            "",
		"- a = 5":                              "",
		"a = 5 is null":                        "",
		"a = 5 is not null and b = 1":          " [b=1]",
		"a = 'x' collate nocase":               "",
		"a collate nocase = 'x'":               "",
		"a between 1 and 2":                    "",
		"a between 1 and b = 2":                "",
		"a between 1 and 2 and b = 2":          " [b=2]",
		"a between b between 1 and c and d = 2 and e = 3":                 " [e=3]",
		"a not between 1 and b = 2":                                       "",
		"a between 1 and 2 or b = 2":                                      "",
		"b = 1 and case when a = 1 and c = 2 then 1 else 0 end and d = 4": "",
		"b = 1 and (case when a = 1 and c = 2 then 1 else 0 end) = 1":     " [b=1]",
		"b = 1 and (case when x then y and c = 2 and d = 3 end)":          " [b=1]",
		"a <> 5":                                 "",
		"a != 5":                                 "",
		"a >= 5":                                 "",
		"a <= 5":                                 "",
		"a == 5":                                 "",
		"a like 'x'":                             "",
		"a like 'x' and b = 1":                   " [b=1]",
		"a is 5":                                 "",
		"a is not distinct from 5 and b = 1":     " [b=1]",
		"a not in (1)":                           "",
		"a in (1) = 0":                           "",
		"a in (1) is false":                      "",
		"a in ()":                                "",
		"a in (1, b)":                            "",
		"a in (1, 2 + 3)":                        "",
		"a in ((1), (2))":                        "",
		"(a, b) = (1, 2)":                        " [a=1] [b=2]",
		"(a, b) in ((1, 2))":                     " [a=1] [b=2]",
		"(a, t.b) in ((1, 2), (3, 4)) and c = 5": " [a=1,3] [b=2,4] [c=5]",
		"((a, b) in ((1, 2)))":                   " [a=1] [b=2]",
		"not (a, b) in ((1, 2))":                 "",
		"(a, b) not in ((1, 2))":                 "",
		"(a, b) <> (1, 2)":                       "",
		"(a, b) = (1, 2) or c = 3":               "",
		"(a, b) = (1, 2) = 0":                    "",
		"(a, b) in ((1, 2)) is null and c = 3":   " [c=3]",
		"(a, b) in ((1, 2), (3))":                "",
		"(a, b) in ((1, 2, 3))":                  "",
		"(a, b) in ((1, d)) and c = 3":           " [c=3]",
		"(a, b) in (1, 2)":                       "",
		"(a, b) in ((1, 2) , 3)":                 "",
		"(a, b + 1) = (1, 2)":                    "",
		"(a, b) = (1, 2) + 0":                    "",
		"(a, u.b) = (1, 2)":                      "",
		"(a = 1, b = 2)":                         "",
		"(a = 1, b = 2) = (c, d) and e = 1":      " [e=1]",
		"a = (5)":                                "",
		"(a) = 5":                                "",
		"a = b":                                  "",
		"a = b and c = 1":                        " [c=1]",
		"a = 5.0":                                "",
		"a = .5":                                 "",
		"a = 1e5":                                "",
		"a = 0x1F":                               "",
		"a = 1_000":                              "",
		"a = x'00'":                              "",
		"a = n'x'":                               "",
		"a = 'x' 'y'":                            "",
		"a = true":                               "",
		"true = 1":                               "",
		"false = 1 and a = 2":                    " [a=2]",
		"current_date = '2020-01-01'":            "",
		"current_user = 'x'":                     "",
		"t.current_user = 'x'":                   " [current_user='x']",
		"a + 0 = 5":                              "",
		"f(a) = 5":                               "",
		"lower(a) = 'x' and b = 1":               " [b=1]",
		"f (a = 1 and b = 2) and c = 3":          " [c=3]",
		"left(a, 1) = 'x' and b = 1":             " [b=1]",
		"coalesce(a, 5) = 5":                     "",
		"u.a - 5 = b":                            "",
		"u.a -5 = b":                             "",
		"a = 5 -- x\n + 1":                       "",
		"a = 5 /* or */ and /* x */ b = 6 -- or c": " [a=5] [b=6]",
		"exists (x) and a = 1":                     " [a=1]",
		"interval = 1":                             " [interval=1]",
		"key = 1 and value = 2 and rows in (3)":    " [key=1] [value=2] [rows=3]",
		"a = default":                              "",
		"t.and = 1 and b = 2":                      " [and=1] [b=2]",
		"a = t.or and b = 2":                       " [b=2]",
	} {
		for _, d := range []Dialect{SQLite, Postgres, MySQL} {
			info := Parse(d, "delete from t where "+where)
			got := narrowly(info.Narrow)
			got = strings.TrimSuffix(strings.TrimSuffix(got, " impure"), " returning")
			if got != "t"+strings.ReplaceAll(want, "''", "'") {
				t.Errorf("%v: %s\n got %q\nwant %q", d, where, got, want)
			}
			checkNarrow(t, d, "delete from t where "+where, info)
		}
	}
}

// TestNulls holds which conditions fix a column to NULL.
func TestNulls(t *testing.T) {
	for where, want := range map[string]string{
		"a = 1 and t.b is null":                "b",
		"(a is null and (`c` is null))":        "a,c",
		"a is null or b is null":               "",
		"a = 1 and (b is null or c = 2)":       "",
		"not a is null":                        "",
		"a is not null and b is null":          "b",
		"a is null is null":                    "",
		"a is null = 1 and b is null":          "b",
		"a + b is null":                        "",
		"case when a is null then 1 end":       "",
		"a is null || b is null":               "",
		"u.a is null":                          "",
		"a between b is null and c is null":    "",
		"a is null and b is null xor c":        "",
		"f(a is null) and b is null limit 1":   "refused",
		"a is null and b in (select 1 from t)": "a",
	} {
		n, got := Parse(MySQL, "update t set x = 1 where "+where).Narrow, "refused"
		if n != nil {
			got = strings.Join(n.Nulls, ",")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", where, got, want)
		}
	}
}

// TestPinsOfDialects holds what the dialects read differently.
func TestPinsOfDialects(t *testing.T) {
	checkNarrowly(t, []reading{
		{"m", "delete from t where a = 1 and b = 2 || c = 3", "t"},
		{"m", "delete from t where a = 1 and (b = 2 || c = 3)", "t [a=1]"},
		{"sp", "delete from t where a = 1 and b || c = 'x'", "t [a=1]"},
		{"m", "delete from t where a = 1 and b = 2 xor c = 3", "t"},
		{"m", "delete from t where a = 1 and @x := b = 2", "t impure"},
		{"m", "delete from t where a = 1 && b = 2", "t"},
		{"m", "delete from t where a <=> 1 and b = 2", "t [b=2]"},
		{"m", "delete from t where a = 1and b = 2", "t"},
		{"spm", "delete from t where a = 1e5or b = 2 and c = 3", "t"},
		{"spm", "delete from t where a = 1.5E-5or b = 2 and c = 3", "t"},
		{"spm", "delete from t where a = .5e+5and c = 3", "t [c=3]"},
		{"spm", "delete from t where a = 5 into u", "-"},
		{"spm", "delete from t where a = 5 and (delete from t) = 3", "-"},
		{"m", "delete from t where ! a = 1 and b = 2", "t [b=2]"},
		{"m", "delete from t where binary a = 'x' and b = 2", "t [b=2]"},
		{"m", `delete from t where a = "x" and "b" = 2`, "t"},
		{"m", `delete from t where a = 'x\n' and b = 2`, "t [b=2]"},
		{"s", `delete from t where a = 'x\n'`, `t [a='x\n']`},
		{"m", "delete from t where a = _utf8'x' and b = 2", "t [b=2]"},
		{"m", "delete from t where a = b'1' and c = 2", "t [c=2]"},
		{"m", "delete from t where 1e5 = 2", "t"},
		{"m", "delete from t where a = 5--3", "t"},
		{"sp", "delete from t where a = 5--3", "t [a=5]"},
		{"m", "delete from t where a = 5 # or 1", "t [a=5]"},
		{"p", "delete from t where a = 5 # 1", "t"},
		{"p", "delete from t where a = 5::text", "t"},
		{"p", "delete from t where a::text = '5' and b = 1", "t [b=1]"},
		{"p", "delete from t where a = any($1) and b = $2", "t [b=?1]"},
		{"p", "delete from t where a[1] = 5 and b = 1", "t [b=1]"},
		{"p", "delete from t where (a).b = 5 and b = 1", "t [b=1]"},
		{"p", "delete from t where a = E'x' and b = 1", "t [b=1]"},
		{"p", "delete from t where a = $$x$$ and b = 1", "t [b=1]"},
		{"p", `delete from t where a = 'C:\x' and b = 1`, "t [b=1]"},
		{"p", "delete from t where data ? 'a' and b = 1", "t [b=1]"},
		{"p", "delete from t where a =? 5 and b = 1", "t [b=1]"},
		{"p", "delete from t where a = U&'x' and b = 1", "t [b=1]"},
		{"p", "delete from t where user = 'x' and t.user = 'y'", "t [user='y'] impure"},
		{"p", "delete from t where a operator(pg_catalog.=) 5 and b = 1", "t [b=1] impure"},
		{"p", "delete from t where a -> 'x' = 'y' and b = 1", "t [b=1]"},
		{"p", "delete from t where a = @ 5", "t"},
		{"s", `delete from t where a = "x" and "b" = 2 and [c] = 3`, "t [b=2] [c=3]"},
		{"s", "delete from t where 'a' = 5 and 't'.b = 1 and t.'c' = 2", "t"},
		{"sm", "delete from t where `é` = 5 and b = 1", "t [b=1]"},
		{"s", "delete from t where a regexp 'x' and b = 1", "t [b=1] impure"},
		{"sm", "delete from t where a = ? and b in (?, ?) and c > ?", "t [a=?0] [b=?1,?2]"},
		{"p", "delete from t where a = $1 and b in ($2, $1)", "t [a=?0] [b=?1,?0]"},
		{"p", "delete from t where (a = $1 and (b = $2)) and c is null", "t [a=?0] [b=?1]"},
	})
}

func TestPure(t *testing.T) {
	for where, pure := range map[string]bool{
		"a = 1 and lower(b) = 'x'": true, "a in (1, 2)": true, "a > 1 or not (b < 2)": true,
		"coalesce(a, 1) = cast(b as integer)": true, "left(a, 1) = 'x'": true, "a between 1 and 2": true,
		"a = f(1)": false, "a = now()": false, "a > current_timestamp": false, "s.f(a)": false,
		"a in (select 1)": false, "a = (select max(x) from u)": false, "exists (select 1 from t)": false,
		"a = random()": false, "a = lower(f(1))": false,
	} {
		for _, d := range []Dialect{SQLite, Postgres, MySQL} {
			if n := Parse(d, "update t set x = now(), y = f(2) where "+where).Narrow; n == nil || n.Pure != pure {
				t.Errorf("%v: %s: %+v, want pure %v", d, where, n, pure)
			}
		}
	}
	checkNarrowly(t, []reading{
		{"p", "delete from t where a = 'now'", "t [a='now'] impure"},
		{"p", "delete from t where a > 'today'::date", "t impure"},
		{"s", "delete from t where a > date('now')", "t impure"},
		{"s", "delete from t where a in u", "t impure"},
		{"m", "delete from t where a = @x", "t impure"},
		{"m", "delete from t where a > sysdate()", "t impure"},
	})
}

func TestNarrowWrites(t *testing.T) {
	checkNarrowly(t, []reading{
		{"spm", "delete from t", "t"},
		{"spm", "delete from s.t as x where x.id = 1", "t [id=1]"},
		{"sp", "delete from t where id = 1 returning *", "t [id=1] returning"},
		{"m", "delete from t where id = 1 returning *", "t [id=1] returning"},
		{"m", "delete from t where id = x returning *", "-"},
		{"m", "delete from t where a = 1 and b = returning or c = 3", "-"},
		{"m", "delete from t returning where id = 1", "-"},
		{"m", "delete from t where id = 1 limit 1", "-"},
		{"m", "delete from t where id = 1 order by id", "-"},
		{"s", "delete from t where id = 1 returning id order by id limit 1", "-"},
		{"m", "delete t from t where id = 1", "-"},
		{"m", "delete t from t join u where t.id = 1", "-"},
		{"m", "delete from t, u using t join u where t.id = 1", "-"},
		{"pm", "delete from t using u where t.id = 1", "-"},
		{"m", "delete quick from t where id = 1", "-"},
		{"m", "delete ignore from t where id = 1", "-"},
		{"p", "delete from only t where id = 1", "-"},
		{"spm", "with x as (select 1) delete from t where id = 1", "-"},
		{"spm", "delete from t where id = 1 and a in (select b from u where c = 3 and d = 4)", "t [id=1] impure"},
		{"spm", "delete from t where (select 1 from u where a = 1 and x = 3) and b = 1", "t [b=1] impure"},
		{"spm", "delete from t where ((select 1) union select 1 from u where a = 1 and x = 3) and b = 1", "t [b=1] impure"},
		{"spm", "truncate t", "-"},
		{"spm", "merge into t using u on t.a = u.a when matched then delete", "-"},

		{"spm", "update t set a = 1", "t a:=1"},
		{"pm", "update t as x set a = 1, b = 'x', c = null, d = default, e = -1 where x.id = 1", "t [id=1] a:=1 b:='x' c:=null d:=default e:=-1"},
		{"sm", "update t set a = ?, b = ? + 1, c = ?, d = (?) where id = ? and x = ?", "t [id=?4] [x=?5] a:=?0 b:=~ c:=?2 d:=~"},
		{"p", "update t set a = $1, b = $2 + 1, c = $3 where id = $4", "t [id=?3] a:=?0 b:=~ c:=?2"},
		{"p", "update t set a = $2 where id = $1", "t [id=?0] a:=?1"},
		{"p", "update t set a = $1 where id = $1", "-"},
		{"p", "update t set a = $1, b = $3 where id = $2", "-"},
		{"spm", "update t set a = a + 1, b = case when x or y then 1 else 2 end, c = (select max(d) from u) where id = 1", "t [id=1] a:=~ b:=~ c:=~"},
		{"spm", "update t set a = b = 1, c = 5 and d where id = 1", "t [id=1] a:=~ c:=~"},
		{"sm", "update `t` set `a` = 1 where `t`.`id` = 1", "t [id=1] a:=1"},
		{"sp", "update t set a = 1 where id = 1 returning a, b", "t [id=1] a:=1 returning"},
		{"m", "update t set t.a = 1, `t`.b = 2 where id = 1", "t [id=1] a:=1 b:=2"},
		{"m", "update t x set t.a = 1 where id = 1", "-"},
		{"sp", "update t set t.a = 1 where id = 1", "-"},
		{"p", "update t set a[1] = 1 where id = 1", "-"},
		{"p", "update t set a = array[1, 2], b = row(1, 2) where id = 1", "t [id=1] a:=~ b:=~"},
		{"sp", "update t set (a, b) = (1, 2) where id = 1", "-"},
		{"spm", "update t set a = 1, A = 2 where id = 1", "-"},
		{"s", "update t set rowid = 2 where id = 1", "-"},
		{"s", "update t set oid = 2 where id = 1", "-"},
		{"p", "update t set oid = 2 where id = 1", "t [id=1] oid:=2"},
		{"spm", "update t set é = 1 where id = 1", "-"},
		{"sp", "update t set a = 1 from u where id = 1", "-"},
		{"m", "update t, u set t.a = 1 where t.id = 1", "-"},
		{"m", "update t join u on t.x = u.x set t.a = 1 where t.id = 1", "-"},
		{"m", "update ignore t set a = 1 where id = 1", "-"},
		{"m", "update low_priority t set a = 1 where id = 1", "-"},
		{"s", "update or replace t set a = 1 where id = 1", "-"},
		{"s", "update or ignore t set a = 1 where id = 1", "-"},
		{"p", "update only t set a = 1 where id = 1", "-"},
		{"p", "update t * set a = 1 where id = 1", "-"},
		{"m", "update t set a = 1 where id = 1 limit 1", "-"},
		{"m", "update t set a = 1 order by id limit 1", "-"},
		{"m", "update t set a := 1 where id = 1", "-"},
		{"m", "update t set a = returning + 1 where id = 1", "-"},
		{"spm", "with x as (select 1) update t set a = 1 where id = 1", "-"},
		{"p", "update t set a = 1 where current of c", "-"},
		{"s", `update t set a = "x", b = 'x', c = 1.5 where id = 1`, "t [id=1] a:=~ b:='x' c:=~"},
		{"m", `update t set a = "x", b = 'x\n', c = default(c) where id = 1`, "t [id=1] a:=~ b:=~ c:=~"},
		{"m", "update t for portion of p from '2020-01-01' to '2020-02-01' set a = 1 where id = 1", "-"},
	})
}

func TestNarrowInsert(t *testing.T) {
	checkNarrowly(t, []reading{
		{"spm", "insert into t (a, b) values (1, 'x'), (null, -2)", "t (a,b) <1,'x'> <null,-2>"},
		{"sm", "INSERT INTO `t` (`A`,`b`) VALUES (?,?),(?,? + 1)", "t (a,b) <?0,?1> <?2,~>"},
		{"p", `INSERT INTO "s"."t" ("a","b") VALUES ($1,$2),(DEFAULT,$3) RETURNING "id"`, "t (a,b) <?0,?1> <default,?2> returning"},
		{"spm", "insert into t (a, b) values (f(1, 2), (3)), (now(), a + 1)", "t (a,b) <~,~> <~,~>"},
		{"spm", "insert into t (a, b) values ((select max(x) from u), 1)", "t (a,b) <~,1>"},
		{"p", "insert into t (a) values (array[1, 2])", "t (a) <~>"},
		{"sm", "insert into t (a) values (1) returning id", "t (a) <1> returning"},
		{"sp", "insert into t default values", "t () <>"},
		{"sp", "insert into t default values returning id", "t () <> returning"},
		{"m", "insert into t () values ()", "-"},
		{"m", "insert into t (t.a, b) values (1, 2)", "t (a,b) <1,2>"},
		{"spm", "insert into t values (1, 2)", "-"},
		{"spm", "insert into t (a, b) values (1)", "-"},
		{"spm", "insert into t (a, b) values (1, 2), (1, 2, 3)", "-"},
		{"spm", "insert into t (a, a) values (1, 2)", "-"},
		{"sp", "insert into t (a) values (1) on conflict do nothing", "-"},
		{"sp", "insert into t (a) values (1) on conflict (a) do update set a = 2 where t.b = 1", "-"},
		{"m", "insert into t (a) values (1) on duplicate key update a = 2", "-"},
		{"m", "insert into t (a) values (1) as new on duplicate key update a = new.a", "-"},
		{"m", "insert ignore into t (a) values (1)", "-"},
		{"m", "insert t (a) values (1)", "-"},
		{"m", "insert into t (a) value (1)", "-"},
		{"m", "insert into t (a) values row(1)", "-"},
		{"m", "insert into t set a = 1", "-"},
		{"sm", "replace into t (a) values (1)", "-"},
		{"s", "insert or replace into t (a) values (1)", "-"},
		{"s", "insert or ignore into t (a) values (1)", "-"},
		{"spm", "insert into t (a) select 1", "-"},
		{"spm", "insert into t (a) values (1) union select 2", "-"},
		{"p", "insert into t (a) overriding system value values (1)", "-"},
		{"p", "insert into t as x (a) values (1)", "-"},
		{"p", "insert into t (a[1]) values (1)", "-"},
		{"p", "insert into t (a.b) values (1)", "-"},
		{"m", "insert into t partition (p0) (a) values (1)", "-"},
		{"s", "insert into t (rowid, a) values (1, 2)", "-"},
		{"spm", "with x as (select 1) insert into t (a) values (1)", "-"},
		{"spm", "insert into t (a) values (1) where b = 1", "-"},
	})
	rows := func(n int) string { return "insert into t (a) values (1)" + strings.Repeat(",(1)", n-1) }
	if n := Parse(SQLite, rows(maxRows)).Narrow; n == nil || len(n.Rows) != maxRows {
		t.Error("the most rows are too many")
	}
	if Parse(SQLite, rows(maxRows+1)).Narrow != nil {
		t.Error("too many rows")
	}
}

func TestLongList(t *testing.T) {
	list := func(n int) string { return "select * from t where b = 1 and a in (1" + strings.Repeat(",1", n-1) + ")" }
	if n := Parse(SQLite, list(maxPinned)).Narrow; n == nil || len(n.Pins) != 2 || len(n.Pins[1].Values) != maxPinned {
		t.Error("the longest list pins nothing")
	}
	if n := Parse(SQLite, list(maxPinned+1)).Narrow; n == nil || len(n.Pins) != 1 {
		t.Error("a list too long")
	}
}

func TestNarrowSelectText(t *testing.T) {
	for _, c := range []struct {
		d      Dialect
		sql    string
		want   string
		params []int
	}{
		{SQLite, "delete from t", "SELECT id FROM t", nil},
		{MySQL, "update s.`t` as x set a = ?, b = ? where x.id = ? and (y > ? or z in (?)) -- end", "SELECT id FROM s.`t` as x WHERE x.id = ? and (y > ? or z in (?))", []int{2, 3, 4}},
		{Postgres, "update t set a = $1, b = '$9' where c = $3 and d in ($2, $3, $4) and e = '$1' returning id", "SELECT id FROM t WHERE c = $1 and d in ($2, $1, $3) and e = '$1'", []int{2, 1, 3}},
		{Postgres, "delete from t where a ? 'x' and b = $1;", "SELECT id FROM t WHERE a ? 'x' and b = $1", []int{0}},
	} {
		n := Parse(c.d, c.sql).Narrow
		if c.d == Postgres && strings.HasPrefix(c.sql, "update") {
			// $1 and $2 … $4 are apart.
			if n == nil || n.WhereFirst != 0 || n.WhereParams != 4 {
				t.Fatalf("%s: %+v", c.sql, n)
			}
		}
		if sql, params := n.Select(c.d, "id"); sql != c.want || !slices.Equal(params, c.params) {
			t.Errorf("%v: %s\n got %s %v\nwant %s %v", c.d, c.sql, sql, params, c.want, c.params)
		}
	}
}

// checkNarrow checks that what Select makes of a Narrow is a SELECT with the same pins.
func checkNarrow(t *testing.T, d Dialect, sql string, info *Info) {
	t.Helper()
	n := info.Narrow
	if n == nil {
		return
	}
	for _, row := range n.Rows {
		if len(row) != len(n.Columns) {
			t.Fatalf("%v: %s: a row of %d for %d columns", d, sql, len(row), len(n.Columns))
		}
	}
	text, params := n.Select(d, "*")
	again := Parse(d, text)
	if again.Verb != Select || again.Statements != 1 || len(again.Writes) > 0 {
		t.Fatalf("%v: %s\nmakes %s\n%s", d, sql, text, brief(again))
	}
	m := again.Narrow
	if m == nil {
		if info.Verb == Select { // a subquery is allowed elsewhere
			t.Fatalf("%v: %s\nmakes %s, which is not narrow", d, sql, text)
		}
		return
	}
	for i := range m.Pins {
		for j, v := range m.Pins[i].Values {
			if v.Kind == ParamOperand {
				m.Pins[i].Values[j].Param = params[v.Param]
			}
		}
	}
	if got, want := narrowly(&Narrow{Table: m.Table, Pins: m.Pins}), narrowly(&Narrow{Table: n.Table, Pins: n.Pins}); got != want {
		t.Fatalf("%v: %s\nmakes %s\n got %s\nwant %s", d, sql, text, got, want)
	}
}
