package sqltext

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var seeds = []string{
	"with a as (select * from x), b(n) as (select * from a where c in (1,2,3)) select count(*), f(1) from a join b using (id), (c cross join d) e where extract(year from z) in (select q from r) for update",
	"insert into t (a,b) values (?,'x'),(1.5,null) on conflict (a) do update set a = 1, b = excluded.b returning id",
	"update a set x = 1, y = (select max(z) from u) from b, c where a is distinct from d",
	"delete from a using b where a.x = b.x and exists (select 1 from c)",
	"select * from t partition (p0) as x left join u on x.a = u.b and now() > '2020', v where \"q\" = `r` union all select [s] from w",
	"select sum(a) over (partition by b order by c) from t window w as (order by x)",
	"savepoint x; rollback to x",
	"update t as a set x = ?, y = y + 1, z = 'it''s' where (a.id = ? and (b in (1, -2, null))) and c between 1 and 2 and d = 'x' returning id",
	`DELETE FROM "s"."t" WHERE "t"."a" = $2 AND 5 = b AND c <> $1 AND "d" IN ($3,$1)`,
	"SELECT * FROM `t` WHERE `t`.`a` = ? AND `b` IN (?,?) AND (c > 1 OR d = 2) AND `t`.`deleted_at` IS NULL ORDER BY `t`.`id` LIMIT 1",
	"select 'it''s', $1, :name, @v, E'a\\'b', $$ from x $$ from t where a::numeric(10,2) > 3",
	"select * from (values (1,2),(3,4)) as v(a,b), only (z) y, lateral (select 1 from k) l",
	"create table x as select 1", "explain analyze delete from a", "copy a from stdin", "truncate a, b", "truncate a cascade",
	"update a x left join b as y on x.i = y.i, (c) set x.v = y.v, w = f(1), `y`.`z` = 2 where x.i in (select i from d) limit 1",
	"delete a, `y`.* from a join b y using (i)", "delete from x using a x cross join b on 1 where x.i = 1", "optimize table a", "comment on table a is 'x'",
	"merge into a x using b y on x.i = y.i when matched then update set z = 1 when not matched then insert (i) values (1)",
}

// TestSpacesChangeNothing puts comments between tokens and changes the case of keywords.
func TestSpacesChangeNothing(t *testing.T) {
	for _, d := range []Dialect{SQLite, Postgres, MySQL} {
		for _, sql := range seeds {
			if p := parse(d, sql, d == MySQL, false); p.broken+p.lost != "" {
				continue // how far it got depends on where it broke
			}
			want := unspaced(Parse(d, sql))
			for _, sep := range []string{" ", "\n\t", "/* from y */", " -- from y\n"} {
				respaced := respace(d, sql, sep)
				if got := unspaced(Parse(d, respaced)); !reflect.DeepEqual(got, want) {
					t.Errorf("%v: %s\n got %s\nwant %s", d, respaced, brief(&got), brief(&want))
				}
			}
		}
	}
}

// unspaced leaves out what repeats the text.
func unspaced(info *Info) Info {
	plain := *info
	if info.Narrow != nil {
		narrow := *info.Narrow
		narrow.From, narrow.Where = "", ""
		plain.Narrow = &narrow
	}
	return plain
}

// respace puts sep behind every token, and keywords in upper case.
func respace(d Dialect, sql, sep string) string {
	l := &lexer{sql: sql, d: d, escapes: d == MySQL}
	var b strings.Builder
	for {
		t := l.scan()
		if t.kind == tEnd {
			return b.String()
		}
		text := sql[t.start:t.end]
		if t.kw != kNone {
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
		b.WriteString(sep)
	}
}

// TestWrappingKeepsReads makes a query a derived table, a subquery and a branch of a union.
func TestWrappingKeepsReads(t *testing.T) {
	for _, d := range []Dialect{SQLite, Postgres, MySQL} {
		for _, sql := range seeds {
			in := Parse(d, sql)
			if in.Verb != Select {
				continue
			}
			for _, form := range []string{"select * from (%s) zz", "select 1 where a in (%s)", "select 1 union (%s)",
				"with zz as (%s) select * from zz", "select coalesce((%s), 1)"} {
				out := Parse(d, fmt.Sprintf(form, sql))
				if !reflect.DeepEqual(in.Reads, out.Reads) || in.Volatile != out.Volatile || in.Opaque != out.Opaque {
					t.Errorf("%v: %s\n got %s\nwant %s", d, fmt.Sprintf(form, sql), brief(out), brief(in))
				}
			}
		}
	}
}

// TestLinear reads texts that would drive a careless reader into quadratic time or deep recursion.
func TestLinear(t *testing.T) {
	checkLinear(t, []string{"", "select ", "select * from ", "insert into t values "}, []string{
		"(", "[", "'a'", "''", "$", "$a$ ", "/*", ",", "select ", " from a,", "with a as (",
		"with a as (select 1), b as (select 1 from a) select ", "f(", "explain ", "declare for ", "select a from b;",
		"select a from b union ", "case when ", `'\'`, "update a set ", "update a join b set a.c=1,b.c=2,", "update a b,", "delete a,", "select a from b1,b2,b3 union ",
		"(insert into a ", "a.", "with a as (select 1) cycle ", "\xff\xfe ",
	})
}

// TestNarrowLinear does the same to the reader of conditions and rows.
func TestNarrowLinear(t *testing.T) {
	checkLinear(t, []string{"select * from t where ", "update t set a = 1 where "}, []string{
		"a=1and ", "(a=1)and(", "((a=1)and ", "a in(1,2)and ", "a between 1and ", "a.", "(", "not ", "a in(1,1,1,1,1,1,1,1)or ",
	})
	checkLinear(t, []string{"insert into t(a) values "}, []string{"(1),", "(a),", "(", "(f(1)),"})
	checkLinear(t, []string{"update t set "}, []string{"a=1,", "a=(1),", "a=("})
	checkLinear(t, []string{"insert into t"}, []string{"(a,", "(a),"})
}

func checkLinear(t *testing.T, prefixes, units []string) {
	t.Helper()
	const n = 50_000
	for _, unit := range units {
		for _, prefix := range prefixes {
			text := prefix + strings.Repeat(unit, n/len(unit))
			for d := Unknown; d <= MySQL; d++ {
				start := time.Now()
				Parse(d, text)
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("%v: %q after %q took %v", d, unit, prefix, took)
				}
			}
			MayWrite(text)
		}
	}
}

func TestManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString("with ")
	for i := range 20_000 {
		fmt.Fprintf(&b, "c%d as (select * from t%d),", i, i)
	}
	b.WriteString("z as (select 1) select * from c1, c19999")
	got := Parse(Postgres, b.String())
	if len(got.Reads) < 20_000 || got.Verb != Select {
		t.Errorf("%d reads, verb %v", len(got.Reads), got.Verb)
	}
}

// TestCanonical: the names are those of the tags.
func TestCanonical(t *testing.T) {
	for _, name := range []string{"users", "public.Users", "a.b.C", "", "ÄÖ.Üx", "a."} {
		if canonical(name) != store.TableName(name) {
			t.Errorf("canonical(%q) = %q, store.TableName %q", name, canonical(name), store.TableName(name))
		}
	}
}

func TestMayWrite(t *testing.T) {
	for _, sql := range []string{
		"SELECT * FROM `users` WHERE `id` IN (?,?) AND (a = 'x''y' OR b = \"c\") ORDER BY `users`.`id` LIMIT 1",
		" \nselect count(*) from t where exists (select 1 from u) and a - b / 2 = $1",
		`SELECT count("a"), 1.5 FROM "t" JOIN "u" ON ("t"."id" = "u"."id") WHERE "a"."b" IN ($1, $2) AND 'a' < "c"`,
	} {
		if MayWrite(sql) {
			t.Errorf("MayWrite(%q) = true", sql)
		}
	}
	for _, sql := range []string{
		"", "select", "selection", "insert into t values (1)", "with a as (delete from t) select 1", "select 1; delete from t",
		"select * into x from t", "select f(1)", "select /* */ 1", "select 1 -- x", "select 'a\\'", "select $$a$$",
		"select [a] from t", "select 'a", "(select 1)", "select a# from t", "select f (1)", "select a.f(1)", "select count_all(1)",
		`select "f"(1)`, `select "f" (1)`, "select `f`(1)", `select a."f"(1)`, `select "a"."count"(1)`, "select a.count(1)", "select a . count (1)", "select 2count(1)",
	} {
		if !MayWrite(sql) {
			t.Errorf("MayWrite(%q) = false", sql)
		}
	}
}

// FuzzParse: no panic, the same answer twice, and MayWrite never contradicts. Bound: Parse allocates 64
// bytes for each byte of the text, and a constant.
// inner finds the words with which a write begins.
var inner = regexp.MustCompile(`(?i)\b(insert|update|delete|merge|replace)\b`)

func FuzzParse(f *testing.F) {
	for _, sql := range seeds {
		f.Add(sql)
	}
	f.Add("select 1 and(delete from f)")
	for _, s := range []string{"a,", "(", "select * from t union ", ";", "'", "f(", "with a as (", "insert into t select ", "insert into t(a) values (1),(1)",
		"update t set a=1,", "update t join u set a.b=1,", "delete a,", "delete from t using a,", "update a b,", "delete from t where a=1and ", "delete from t where a in(1,1)and "} {
		f.Add("select " + strings.Repeat(s, 64<<10/len(s))) // large enough for the bound to tell
	}
	f.Fuzz(func(t *testing.T, sql string) {
		may := MayWrite(sql)
		for d := Unknown; d <= MySQL; d++ {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			info := Parse(d, sql)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(sql))*64+1<<18 {
				t.Fatalf("%v: %d bytes allocated for %d", d, n, len(sql))
			}
			if !reflect.DeepEqual(info, Parse(d, sql)) {
				t.Fatalf("%v: two answers", d)
			}
			// A text that is broken writes nothing, whatever it seems to say.
			// To PostgreSQL a backtick is an operator of the application's own making.
			unknown := !(d == Postgres && strings.Contains(sql, "`")) && slices.ContainsFunc(info.Calls, func(name string) bool { return !isSafeWord(name + "(") })
			broken := parse(d, sql, d == MySQL, false).broken != ""
			// No database takes a write inside of a SELECT: PostgreSQL's stand in a WITH before it.
			write := info.Write && info.Verb != Other && !inner.MatchString(sql)
			if !may && !broken && d != Unknown && (write || unknown) {
				t.Fatalf("%v: MayWrite is false, Info %s", d, brief(info))
			}
			checkNarrow(t, d, sql, info)
			if len(info.Writes) > 0 && !info.Write || info.Verb == Other && !info.Write || info.DDL && !info.Write {
				t.Fatalf("%v: %s", d, brief(info))
			}
			if info.Verb == Other && info.Opaque == "" || info.Statements > 1 && info.Opaque == "" {
				t.Fatalf("%v: not opaque: %s", d, brief(info))
			}
		}
	})
}

// TestMutations runs the fuzz target's checks over random splices of the seeds.
func TestMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		a, b := seeds[r.IntN(len(seeds))], seeds[r.IntN(len(seeds))]
		sql := a[:r.IntN(len(a))] + b[r.IntN(len(b)):]
		for d := Unknown; d <= MySQL; d++ {
			info := Parse(d, sql)
			checkNarrow(t, d, sql, info)
			if len(info.Writes) > 0 && !info.Write || info.Verb == Other && (!info.Write || info.Opaque == "") {
				t.Fatalf("%v: %s: %s", d, sql, brief(info))
			}
		}
	}
}

func TestCache(t *testing.T) {
	c := NewCache(MySQL, 64)
	sql := "SELECT * FROM users WHERE id = ?"
	first := c.Info(sql)
	if c.Info(strings.Clone(sql)) != first {
		t.Error("a text seen before was read again")
	}
	if n := testing.AllocsPerRun(100, func() { c.Info(sql) }); n != 0 {
		t.Errorf("%v allocations on a hit", n)
	}
	for name, sql := range map[string]string{
		"long": sql + strings.Repeat(" ", maxMemo), "list": "SELECT a FROM t WHERE b IN (?" + strings.Repeat(",?", maxMemoParams) + ")",
	} {
		if c.Info(sql) == c.Info(sql) {
			t.Errorf("%s text kept", name)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache(SQLite, 100)
	for i := range 5000 {
		c.Info(fmt.Sprintf("SELECT %d FROM t -- %s", i, strings.Repeat("x", maxMemo-64)))
	}
	bytes := 0
	c.texts.All(func(sql string, _ *Info) bool { bytes += len(sql); return true })
	if n := c.texts.Len(); n > 100 || n < 10 || bytes > 100<<10 {
		t.Errorf("%d entries, %d bytes", n, bytes)
	}
}

func TestCacheIsShared(t *testing.T) {
	c := NewCache(Postgres, 32)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				n := (i * (g + 1)) % 100
				if got := c.Info(fmt.Sprintf("select * from t%d", n)); got.Reads[0] != fmt.Sprintf("t%d", n) {
					t.Errorf("t%d: %v", n, got.Reads)
				}
			}
		})
	}
	wg.Wait()
}
