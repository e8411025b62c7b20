package sqltext

import "testing"

// Texts that a database reads as the present time, in every way of writing them, and those beside them that are none.
func TestTimeWords(t *testing.T) {
	volatile := map[Dialect][]string{
		SQLite: {
			"unixepoch('subsec')", "datetime('subsecond')", "strftime('%f', 'subsecond')", "timediff('subsec', a)", "timediff(a, 'SUBSEC')",
			"julianday()", "unixepoch()", "strftime('%s')", "julianday('now')", "date('Now')", `date("now")`, "date([now])", "date(`now`)",
			"date(x'6e6f77')", "time(a, 'localtime')", "time(a, 'utc')", "unixepoch(('subsec'))", "unixepoch(coalesce(a, 'subsec'))",
			"strftime('subsec', 'subsec')", "max(date('now'), a)", "unixepoch(a, 'subsec' || b)",
			"unixepoch(case when a then b else 'subsec' end)", "date(max(a, 'now'))",
		},
		Postgres: {
			"'now'::timestamp", "CAST('today' AS date)", "timestamp 'Tomorrow'", "date 'YESTERDAY'", "e'now'::timestamp", "E'\\nnow'::date",
			"E'n\\x6fw'::timestamp", "E'n\\ow'::timestamp", "U&'n\\006fw'::timestamp", "u&'n!006fw' UESCAPE '!'", "'no'\n'w'", "$$now$$::date",
			"$x$ today $x$", "'today 10:00'::timestamp", "'10:00'::timetz", "CAST(a AS time with time zone)", "timetz(a)", "random(1, 2)",
			"array_sample(a, 1)", "array_shuffle(a)", "uuidv7()",
		},
		MySQL: {"uuid_v7()", "random_bytes(3)", "sys_guid()", "unix_timestamp()", "@@sql_mode", "@x", "sysdate(3)", "utc_timestamp"},
	}
	pure := map[Dialect][]string{
		SQLite: {
			"strftime('%f', a, 'subsec')", "unixepoch(a, 'subsec')", "unixepoch(a, '1 day', 'SubSecond')", "datetime(a, 'auto')", "date('noDialect')",
			"date('not now')", "'now'", "upper('subsec')", "timediff(a, b)", "julianday(a)", "unixepoch(date(a), 'subsec')", `"now"`,
		},
		Postgres: {
			"'epoch'::timestamp", "'infinity'::date", "'allballs'::time", "E'it\\'s\\n'", "'knows'", "U&'x'", "'a'", "CAST(a AS time)",
			"a::time", "a::timestamptz", "timezone('UTC', a)",
		},
		MySQL: {"'now'", "date('now')", "unix_timestamp(a)", "format_pico_time(a)"},
	}
	for _, each := range []struct {
		lists map[Dialect][]string
		want  bool
	}{{volatile, true}, {pure, false}} {
		for d, list := range each.lists {
			for _, e := range list {
				for _, sql := range []string{"SELECT " + e + " FROM t", "SELECT a FROM t WHERE a = " + e + " ORDER BY b"} {
					if info := Parse(d, sql); (info.Volatile != "") != each.want || !each.want && info.Opaque != "" {
						t.Errorf("%s: %s: volatile %q, opaque %q", d, sql, info.Volatile, info.Opaque)
					}
				}
			}
		}
	}
}

// A policy that goes by the session is the caller's matter, one that goes by the time is ours.
func TestClock(t *testing.T) {
	for expression, want := range map[string]string{
		"(at <= now())": "now", "(day = CURRENT_DATE)": "current_date", "(at < ('now'::text)::timestamp)": "'now'",
		"(tenant = current_setting('app.tenant'))": "", "(owner = CURRENT_USER)": "", "": "", "(at < '2020-01-01'::date)": "",
	} {
		if got := Clock(Postgres, expression); got != want {
			t.Errorf("%s goes by %q, want %q", expression, got, want)
		}
	}
}
