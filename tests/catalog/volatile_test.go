package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// pure says whether a query with that expression may be answered from a cache.
func pure(d sqltext.Dialect, expression string) bool {
	info := sqltext.Parse(d, "SELECT "+expression+" FROM t")
	return info.Volatile == "" && info.Opaque == "" && len(info.Calls) == 0
}

// builtins lists the functions that a query of the database gives.
func builtins(t *testing.T, db database, query string) []string {
	t.Helper()
	var list []string
	err := catalog.Each(context.Background(), db, query, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		list = append(list, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("%s: no functions", query)
	}
	return list
}

// The functions that SQLite itself does not hold for deterministic are none that we take for pure.
func TestSQLiteVolatileFunctions(t *testing.T) {
	db := openSQLite(t)
	// Functions of full text search depend on the row at hand and its index; they can't be used elsewhere.
	search := strings.Fields("bm25 highlight snippet match")
	for _, name := range builtins(t, db, "SELECT DISTINCT name FROM pragma_function_list WHERE type = 's' AND flags & 0x800 = 0") {
		if pure(db.dialect, name+"(a, a)") && !slices.Contains(search, name) {
			t.Errorf("%s is taken for pure", name)
		}
	}
}

// special are the words that SQLite reads as the present time or the machine's zone, and a blob that may be one.
var special = regexp.MustCompile(`(?i)['"](now|localtime|utc|subsec|subsecond)['"]|x'`)

// Which calls of its date functions depend on the present time SQLite knows itself: in an index it refuses
// them. Those are volatile to us, and no others.
func TestSQLiteDates(t *testing.T) {
	db := openSQLite(t)
	db.exec(t, "CREATE TABLE t (a text, n integer)", "INSERT INTO t VALUES ('2024-01-31 10:00:00', 1720000000)")
	values := []string{"a", "n", "'2024-01-31'", "'now'", "'NOW'", "'subsec'", "'SubSecond'", "\"now\"", "x'6e6f77'", "'today'",
		"'not now'", "'subsecs'", "nullif('now', a)", "coalesce(a, 'subsec')", "('subsec')", "''"}
	modifiers := []string{"'1 day'", "'ceiling'", "'floor'", "'end of month'", "'start of year'", "'weekday 0'", "'unixepoch'", "'julianday'",
		"'auto'", "'localtime'", "'UTC'", "'subsec'", "'subsecond'", "'now'", "a", "'+01:00'", "coalesce(a, 'localtime')"}
	var calls []string
	for _, name := range strings.Fields("date time datetime julianday unixepoch strftime") {
		first := ""
		if name == "strftime" {
			calls = append(calls, "strftime('%s')", "strftime('subsec')", "strftime('now', a)", "strftime(a)")
			first = "'%f', "
		} else {
			calls = append(calls, name+"()")
		}
		for _, value := range values {
			calls = append(calls, fmt.Sprintf("%s(%s%s)", name, first, value))
			for _, modifier := range modifiers {
				calls = append(calls, fmt.Sprintf("%s(%s%s, %s)", name, first, value, modifier),
					fmt.Sprintf("%s(%sn, 'auto', %s, 'subsec')", name, first, modifier))
			}
			calls = append(calls, fmt.Sprintf("unixepoch(%s(%s%s))", name, first, value))
		}
	}
	for _, value := range values {
		calls = append(calls, fmt.Sprintf("timediff(%s, a)", value), fmt.Sprintf("timediff(a, %s)", value))
	}
	volatile, over := 0, 0
	for _, call := range calls {
		_, err := db.Exec("CREATE INDEX i ON t (" + strings.ReplaceAll(call, `"now"`, "'now'") + ")")
		refused := err != nil && strings.Contains(err.Error(), "non-deterministic")
		switch {
		case err == nil:
			db.exec(t, "DROP INDEX i")
		case !refused:
			t.Errorf("%s: %v", call, err)
		}
		got := pure(db.dialect, call)
		if refused {
			volatile++
		} else if !got {
			over++
		}
		if refused && got {
			t.Errorf("%s is taken for pure, and SQLite says that it is not", call)
		}
		// Where the word has no effect, as behind another that gives NULL, caution does no harm.
		if !refused && !got && !special.MatchString(call) {
			t.Errorf("%s is taken for volatile, and SQLite says that it is not", call)
		}
	}
	for _, call := range []string{"strftime('%f', a, 'subsec')", "unixepoch(a, 'subsec')", "datetime(n, 'unixepoch', 'subsecond')",
		"julianday(a, '1 day', 'subsec')", "date('not now')", "unixepoch(datetime(a, 'subsec'), 'subsec')"} {
		if !pure(db.dialect, call) {
			t.Errorf("%s is taken for volatile", call)
		}
	}
	t.Logf("%d calls, %d volatile, %d more taken for that", len(calls), volatile, over)
}

// pureThoughMariaDB are those that MariaDB refuses though their arguments determine what they give, or the
// session's settings alone.
const pureThoughMariaDB = `
bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev stddev_pop stddev_samp
sum variance var_pop var_samp
date_format dayname from_unixtime monthname natural_sort_key to_char week
`

// pureThough are the functions of PostgreSQL that it calls stable, which we take for pure: what they give depends
// on the session's settings alone, as caveat 21 has it.
const pureThough = `
age array_to_json array_to_string concat concat_ws convert convert_from convert_to date date_part date_trunc
enum_first enum_last enum_range extract format generate_series json_agg json_build_array json_build_object
json_object_agg json_populate_record json_populate_recordset json_to_record json_to_recordset jsonb_agg
jsonb_build_array jsonb_build_object jsonb_populate_record jsonb_populate_recordset jsonb_to_record
jsonb_to_recordset length make_timestamptz money numeric overlaps phraseto_tsquery plainto_tsquery quote_literal
quote_nullable row_to_json time timestamp timestamptz timezone to_char to_date to_json to_jsonb to_number
to_timestamp to_tsquery to_tsvector ts_headline websearch_to_tsquery
`

// The functions that PostgreSQL calls volatile are none that we take for pure, nor are those that it calls
// stable, unless they are known to depend on settings alone.
func TestPostgresVolatileFunctions(t *testing.T) {
	db := openPostgres(t)
	known := strings.Fields(pureThough)
	for _, name := range builtins(t, db, `
		SELECT DISTINCT proname || ' ' || provolatile::text FROM pg_catalog.pg_proc
		WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'i' AND prorettype <> 'trigger'::regtype
		ORDER BY 1`) {
		name, kind, _ := strings.Cut(name, " ")
		for _, call := range []string{name + "(a, a)", "pg_catalog." + name + "(a, a)"} {
			if pure(db.dialect, call) && (kind == "v" || !slices.Contains(known, name)) {
				t.Errorf("%s, whose volatility is %s, is taken for pure", call, kind)
			}
		}
	}
}

// The calls that MariaDB refuses in a stored column, since they are not deterministic, are none that we take for
// pure, unless they are known to depend on settings alone.
func TestMariaDBVolatileFunctions(t *testing.T) {
	db := openMariaDB(t)
	known := strings.Fields(pureThoughMariaDB)
	refused := 0
	arguments := []string{"", "a", "n", "a, a", "a, n", "a, a, a", "a, n, n", "a, a, a, a"}
	for _, name := range builtins(t, db, "SELECT lower(function) FROM information_schema.sql_functions ORDER BY 1") {
		for _, args := range arguments {
			call := fmt.Sprintf("%s(%s)", name, args)
			_, err := db.Exec("CREATE TABLE v (a varchar(99), n int, x text GENERATED ALWAYS AS (" + call + ") STORED) ENGINE=MyISAM")
			var e *mysql.MySQLError
			switch {
			case err == nil:
				db.exec(t, "DROP TABLE v")
			case errors.As(err, &e) && e.Number == 1901:
				refused++
				if pure(db.dialect, call) && !slices.Contains(known, name) {
					t.Errorf("%s is taken for pure: %v", call, err)
				}
			}
		}
	}
	if refused < 50 {
		t.Errorf("MariaDB refused %d calls alone", refused)
	}
}
