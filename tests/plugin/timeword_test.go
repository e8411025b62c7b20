package plugin_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

type (
	wordText   string
	wordBytes  []byte
	wordKind   int
	wordSpeaks string
	wordValue  struct{ text any }
	wordTexts  []string
)

func (wordKind) String() string                   { return "now" }
func (wordSpeaks) String() string                 { return "now" }
func (w wordValue) Value() (driver.Value, error)  { return w.text, nil }
func (w *wordTexts) Value() (driver.Value, error) { return "{" + strings.Join(*w, ",") + "}", nil }

// dates are more than PostgreSQL takes for one time, and less than it takes for many.
func dates(last string) []string {
	list := make([]string, 0, 21)
	for i := range 20 {
		list = append(list, fmt.Sprintf("2001-01-%02d", i+1))
	}
	return append(list, last)
}

// Whatever way the word now comes to PostgreSQL, in the text or as an argument: where it gives another time when it is
// asked again, the cache is left alone. Beside them stand texts of the same kinds that always mean the same.
//
// Falls if: one way of spelling it is overlooked.
func TestEveryWayToSayNow(t *testing.T) {
	d := newDatabase(t, "postgres")
	for name, dsn := range map[string]string{"extended": d.DSN, "simple": d.DSN + " default_query_exec_mode=simple_protocol", "exec": d.DSN + " default_query_exec_mode=exec"} {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, PrepareStmt %v", name, prepare), func(t *testing.T) {
				o := *d.Database
				o.DSN = dsn
				open := func() *gorm.DB { return o.Open(t, &gorm.Config{PrepareStmt: prepare}) }
				plain, db := open(), open()
				use(t, db, newStore(t, "memory"))
				db, seen := watching(t, db)
				waysToSayNow(t, plain, db, func() string { r := seen(); return fmt.Sprint(r.Outcome, " ", r.Reason, " ", r.Detail) })
			})
		}
	}
}

func waysToSayNow(t *testing.T, plain, db *gorm.DB, seen func() string) {
	t.Helper()
	now, epoch := "now", "epoch"
	one := "SELECT count(*) AS n, max(?::timestamptz)::text AS at FROM users"
	list := "SELECT count(*) AS n, max((?::timestamptz[])[21])::text AS at FROM users"
	long := strings.Join(dates("now"), ",")
	longList, longEpoch := wordTexts(dates("now")), wordTexts(dates("epoch"))
	for _, c := range []struct {
		what string
		sql  string
		args []any
	}{
		{"string", one, []any{now}}, {"epoch", one, []any{epoch}},
		{"pointer", one, []any{&now}}, {"named", one, []any{wordText("now")}}, {"bytes", one, []any{[]byte("now")}},
		{"named bytes", one, []any{wordBytes("now")}}, {"json", one, []any{json.RawMessage("now")}},
		{"stringer", one, []any{wordKind(1)}}, {"stringer's text", one, []any{wordSpeaks("x")}},
		{"null", one, []any{sql.NullString{String: "now", Valid: true}}}, {"null of T", one, []any{sql.Null[string]{V: "now", Valid: true}}},
		{"valuer", one, []any{wordValue{"now"}}}, {"valuer of bytes", one, []any{wordValue{[]byte("now")}}}, {"valuer's pointer", one, []any{&wordValue{"now"}}},
		{"valuer of a named text", one, []any{wordValue{wordText("now")}}},
		{"strings", list, []any{any(dates("now"))}}, {"an array", list, []any{any(&longList)}}, {"an array of epochs", list, []any{any(&longEpoch)}},
		{"an array's text", list, []any{"{" + long + "}"}},
		{"an array in the text", "SELECT count(*) AS n, max(('{" + long + "}'::timestamptz[])[21])::text AS at FROM users", nil},
		{"a document", "SELECT count(*) AS n, max(x.at)::text AS at FROM users, jsonb_to_record(?::jsonb) AS x(at timestamptz)",
			[]any{`{"at": "now", "rest": "` + strings.Repeat("long ", 50) + `"}`}},
		{"a document in the text", `SELECT count(*) AS n, max(x.at)::text AS at FROM users, jsonb_to_record('{"rest": "` + strings.Repeat("long ", 50) + `", "at": "now"}'::jsonb) AS x(at timestamptz)`, nil},
		{"a range", "SELECT count(*) AS n, max(upper(?::tstzrange))::text AS at FROM users", []any{"[2001-01-01, now)"}},
		{"a text that is long", "SELECT count(*) AS n FROM users WHERE name <> ?", []any{"now and then, " + strings.Repeat("long ", 50)}},
	} {
		ask := func(db *gorm.DB) (string, error) {
			var got []map[string]any
			err := db.Raw(c.sql, c.args...).Find(&got).Error
			return fmt.Sprint(got), err
		}
		first, err := ask(plain)
		if err != nil {
			continue // the driver doesn't take it
		}
		second, err := ask(plain)
		must(t, err)
		outcome := ""
		for range 3 {
			_, err = ask(db.Clauses(fromcache.Region("default")))
			must(t, err)
			outcome = seen()
		}
		// What stands in a text that is prepared is the time of that: another on each connection.
		moves, hits := first != second || strings.HasSuffix(c.what, "in the text"), strings.HasPrefix(outcome, "hit")
		if moves == hits {
			t.Errorf("%s: the database gives %s, then %s; the cache: %s", c.what, first, second, outcome)
		}
	}
}
