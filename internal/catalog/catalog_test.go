package catalog

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

type row struct{ kind, name, other, text string }

// of makes a catalog from rows, as Load does.
func of(d sqltext.Dialect, rows ...row) *Catalog {
	c := empty()
	for _, r := range rows {
		c.add(d, r.kind, r.name, r.other, r.text)
	}
	c.finish()
	return c
}

func TestOneNameInTwoSchemas(t *testing.T) {
	for _, rows := range [][]row{
		{{rowTable, "A", "", ""}, {rowView, "a", "", "select * from b"}},
		{{rowView, "a", "", "select * from b"}, {rowTable, "A", "", ""}},
		{{rowView, "a", "", "select * from b"}, {rowView, "a", "", "select * from c"}},
	} {
		c := of(sqltext.Postgres, append(rows, row{rowTable, "b", "", ""}, row{rowTable, "c", "", ""})...)
		if c.Kind("a") != View {
			t.Errorf("%v: a is a %v", rows, c.Kind("a"))
		}
		if tables, ok := c.Tables("a"); ok {
			t.Errorf("%v: a reads %v for sure", rows, tables)
		}
		if all, _ := c.Affected([]string{"a"}); !slices.Contains(all, "b") {
			t.Errorf("%v: a write to a affects %v", rows, all)
		}
	}
}

func TestUnknownEffects(t *testing.T) {
	c := of(sqltext.MySQL,
		row{rowTrigger, "a", "hidden", ""},
		row{rowTrigger, "b", "calls", "CALL p()"},
		row{rowRule, "c", "r", ""},
		row{rowCascade, "d", "a", ""},
		row{rowView, "secret", "", "hidden"},
	)
	for table, want := range map[string]string{"a": "hidden", "b": "calls", "c": "r", "d": "hidden", "e": ""} {
		if _, unknown := c.Affected([]string{"e", table}); unknown != want {
			t.Errorf("a write to %s is unknown for %q, want %q", table, unknown, want)
		}
	}
	if _, unknown := c.Affected([]string{"secret"}); unknown == "" {
		t.Error("a write to a view of unknown query reaches who knows what")
	}
}

func TestHierarchies(t *testing.T) {
	c := of(sqltext.Postgres, row{rowTable, "p", "", ""}, row{rowTable, "c", "", ""}, row{rowChild, "p", "c", ""},
		row{rowTable, "q", "", ""}, row{rowTable, "d", "", ""}, row{rowView, "f", "", ""}, row{rowChild, "q", "d", ""}, row{rowChild, "d", "f", ""})
	for _, name := range []string{"p", "c"} {
		if all, _ := c.Affected([]string{name}); !slices.Equal(all, []string{"c", "p"}) {
			t.Errorf("a write to %s affects %v", name, all)
		}
	}
	if c.Kind("p") != Table || c.Kind("q") != View || c.Kind("d") != View {
		t.Errorf("p is a %v, q a %v, d a %v", c.Kind("p"), c.Kind("q"), c.Kind("d"))
	}
}

func TestFunctions(t *testing.T) {
	long := strings.Repeat("ä", 40)
	c := of(sqltext.Postgres, row{rowTable, "a", "", ""}, row{rowTable, "b", "", ""}, row{rowCascade, "a", "b", ""},
		row{rowRoutine, "F", "", "BEGIN DELETE FROM a; END"},
		row{rowRoutine, "g", "stable", "BEGIN PERFORM f(); EXECUTE 'select 1'; END"},
		row{rowRoutine, "h", "", "BEGIN PERFORM h(), i(); END"},
		row{rowRoutine, "i", "", ""}, row{rowRoutine, "j", "stable", ""},
		row{rowRoutine, "k", "", "BEGIN END"}, row{rowUses, "k", "f", ""},
		row{rowRoutine, "l", "", "BEGIN END"}, row{rowRoutine, "l", "", "BEGIN DELETE FROM b; END"},
		row{rowRoutine, long[:62], "", "BEGIN DELETE FROM b; END"},
		row{rowAtomic, "m", "", "CREATE FUNCTION m(a text DEFAULT f()) BEGIN ATOMIC DELETE FROM b; END"},
		row{rowAtomic, "n", "", "CREATE FUNCTION n() RETURN 1"},
		row{rowCalls, "c", "g", ""}, row{rowQuery, "d", "l", ""}, row{rowView, "v", "", "SELECT f() FROM d"})
	for name, want := range map[string]string{"f": "a,b", "s.f": "a,b", "g": "a,b", "h": "?i", "i": "?i", "j": "", "k": "a,b",
		"l": "b", long: "b", "m": "b", "n": "", "none": "", "a": ""} {
		if got := told(c.Calls([]string{"none", name})); got != want {
			t.Errorf("%s() writes %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"d": "b", "v": "a,b", "c": "", "a": ""} {
		if got := told(c.Queried([]string{name})); got != want {
			t.Errorf("a query of %s writes %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"c": "a,b,c", "d": "b,d"} {
		if got := told(c.Affected([]string{name})); got != want {
			t.Errorf("a write to %s affects %q, want %q", name, got, want)
		}
	}
	if got := told((&Catalog{}).Calls([]string{"f"})); got != "" {
		t.Errorf("an empty catalog knows %q", got)
	}
}

func told(tables []string, unknown string) string {
	if unknown != "" {
		return "?" + unknown
	}
	return strings.Join(tables, ",")
}

func TestCyclesEnd(t *testing.T) {
	c := of(sqltext.Postgres, row{rowTable, "a", "", ""}, row{rowCascade, "a", "b", ""}, row{rowCascade, "b", "a", ""},
		row{rowView, "v", "", "select * from w"}, row{rowView, "w", "", "select * from v"})
	if all, _ := c.Affected([]string{"a", "a"}); !slices.Equal(all, []string{"a", "b"}) {
		t.Error(all)
	}
	c.Tables("v")
}

type failing struct{}

var errDown = errors.New("down")

func (failing) QueryContext(context.Context, string, ...any) (*sql.Rows, error) { return nil, errDown }

func TestErrors(t *testing.T) {
	for _, d := range []sqltext.Dialect{sqltext.SQLite, sqltext.Postgres, sqltext.MySQL} {
		if _, err := Load(context.Background(), failing{}, d); !errors.Is(err, errDown) {
			t.Errorf("%v: %v", d, err)
		}
	}
	if _, err := Load(context.Background(), failing{}, sqltext.Unknown); err == nil {
		t.Error("an unknown dialect has a catalog")
	}
}

// TestCanonical: the names are those of the tags.
func TestCanonical(t *testing.T) {
	for _, name := range []string{"users", "Users", "a.B", "Ä"} {
		if canonical(name) != store.TableName(name) {
			t.Errorf("canonical(%q) = %q, store.TableName %q", name, canonical(name), store.TableName(name))
		}
	}
}

// What is declared of a table's triggers takes the place of what can't be told of them and of their functions, also
// where something else leads to the table; what can't be told elsewhere counts on.
func TestDeclaredTriggers(t *testing.T) {
	c := &Catalog{
		reaches: map[string][]string{"a": {"b", node("f")}, "p": {"a"}, "q": {"p", node("f")}},
		unsure:  map[string]string{"a": "trigger", node("f"): "f"},
	}
	triggers := map[string][]string{"a": {"x"}}
	for table, want := range map[string]string{"a": "a b x", "p": "a b p x", "q": "a b p q x, unknown: f"} {
		all, unknown := c.AffectedBy([]string{table}, triggers)
		got := strings.Join(all, " ")
		if unknown != "" {
			got += ", unknown: " + unknown
		}
		if got != want {
			t.Errorf("%s: %s, want %s", table, got, want)
		}
		if _, unknown := c.Affected([]string{table}); unknown == "" {
			t.Errorf("%s: known without a declaration", table)
		}
	}
	if tables, unknown := c.CallsBy([]string{"f"}, triggers); unknown != "f" {
		t.Errorf("a function that can't be told: %q, %q", tables, unknown)
	}
}
