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
	l := newLoader(d)
	for _, r := range rows {
		l.add(r.kind, r.name, r.other, r.text)
	}
	return l.finish()
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
		if tables, doubt := c.Below([]string{"a"}, nil); doubt.Name != "a" || doubt.Remedy == "" {
			t.Errorf("%v: a reads %v for sure: %+v", rows, tables, doubt)
		}
		if all, _ := c.Affected([]string{"a"}, nil); !slices.Contains(all, "b") {
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
		if _, unknown := c.Affected([]string{"e", table}, nil); unknown != want {
			t.Errorf("a write to %s is unknown for %q, want %q", table, unknown, want)
		}
	}
	if _, unknown := c.Affected([]string{"secret"}, nil); unknown == "" {
		t.Error("a write to a view of unknown query reaches who knows what")
	}
}

func TestHierarchies(t *testing.T) {
	c := of(sqltext.Postgres, row{rowTable, "p", "", ""}, row{rowTable, "c", "", ""}, row{rowChild, "p", "c", ""},
		row{rowTable, "q", "", ""}, row{rowTable, "d", "", ""}, row{rowView, "f", "", ""}, row{rowChild, "q", "d", ""}, row{rowChild, "d", "f", ""})
	for _, name := range []string{"p", "c"} {
		if all, _ := c.Affected([]string{name}, nil); !slices.Equal(all, []string{"c", "p"}) {
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
		row{rowCalls, "c", "g", ""}, row{rowCalls, "d", "l", ""}, row{rowView, "v", "", "SELECT f() FROM d"})
	for name, want := range map[string]string{"f": "a,b", "s.f": "a,b", "g": "a,b", "h": "?i", "i": "?i", "j": "", "k": "a,b",
		"l": "b", long: "b", "m": "b", "n": "", "none": "", "a": ""} {
		if got := told(c.Calls([]string{"none", name}, nil)); got != want {
			t.Errorf("%s() writes %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"c": "a,b,c", "d": "b,d"} {
		if got := told(c.Affected([]string{name}, nil)); got != want {
			t.Errorf("a write to %s affects %q, want %q", name, got, want)
		}
	}
	if got := told((&Catalog{}).Calls([]string{"f"}, nil)); got != "" {
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
	if all, _ := c.Affected([]string{"a", "a"}, nil); !slices.Equal(all, []string{"a", "b"}) {
		t.Error(all)
	}
	c.Below([]string{"v"}, nil)
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

// What is volatile stays so under every declaration, and what is declared comes on top of what is known.
func TestBelow(t *testing.T) {
	c := of(sqltext.Postgres,
		row{rowTable, "a", "", ""}, row{rowTable, "b", "", ""}, row{rowTable, "c", "", ""},
		row{rowView, "plain", "", "select * from a join b on true"},
		row{rowView, "recent", "", "select * from a where at > now()"},
		row{rowView, "above", "", "select * from recent"},
		row{rowView, "calling", "", "select f(x) from a"},
		row{rowView, "twice", "", "select * from a where at > now()"}, row{rowView, "twice", "", "select * from b"},
		row{rowView, "mat", natureMaterialized, ""},
		row{rowView, "overmat", "", "select * from mat"},
		row{rowView, "scratch", natureTemporary, ""},
		row{rowView, "counter", natureSequence, ""},
		row{rowView, "system", "", "select * from pg_class"},
	)
	all := map[string][]string{}
	for name := range c.kinds {
		all[name] = []string{"c"}
	}
	for _, test := range []struct {
		name     string
		declared map[string][]string
		want     []string
		doubt    string // whose
	}{
		{"plain", nil, []string{"a", "b", "plain"}, ""},
		{"plain", map[string][]string{"plain": {"c"}}, []string{"a", "b", "c", "plain"}, ""},
		{"recent", nil, nil, "recent"}, {"recent", all, nil, "recent"},
		{"above", nil, nil, "recent"}, {"above", all, nil, "recent"},
		{"outside", map[string][]string{"outside": {"above"}}, nil, "recent"}, // what the catalog does not know
		{"twice", all, nil, "twice"},
		{"calling", nil, nil, "calling"}, {"calling", map[string][]string{"calling": {"c"}}, []string{"a", "c", "calling"}, ""},
		{"mat", nil, nil, "mat"}, {"mat", map[string][]string{"mat": {}}, []string{"mat"}, ""},
		{"overmat", nil, nil, "mat"}, {"overmat", map[string][]string{"mat": {}}, []string{"mat", "overmat"}, ""},
		{"overmat", map[string][]string{"overmat": {"a"}}, []string{"a", "mat", "overmat"}, ""},
		{"scratch", all, nil, "scratch"}, {"counter", all, nil, "counter"},
		{"system", nil, nil, "system"}, {"system", map[string][]string{"system": {"a"}}, []string{"a", "pg_class", "system"}, ""},
		{"nobody", nil, nil, "nobody"}, {"nobody", map[string][]string{"nobody": {"a"}}, []string{"a", "nobody"}, ""},
	} {
		got, doubt := c.Below([]string{test.name}, test.declared)
		if !slices.Equal(got, test.want) || doubt.Name != test.doubt {
			t.Errorf("%s, declared %v: %v, doubt %+v; want %v, %q", test.name, test.declared, got, doubt, test.want, test.doubt)
		}
	}
}

// The text of a virtual table names what it reads beside its own, in all ways in which names are written.
func TestVirtualTables(t *testing.T) {
	c := of(sqltext.SQLite,
		row{rowTable, "docs", "", ""}, row{rowTable, "my docs", "", ""}, row{rowTable, "other", "", ""},
		row{rowView, "shown", "", "CREATE VIEW shown AS SELECT * FROM other"},
		row{rowTable, "f_data", "", ""},
		row{rowVirtual, "f", "", "CREATE VIRTUAL TABLE f USING fts5(title, content='Docs', content_rowid='id')"},
		row{rowVirtual, "g", "", `CREATE VIRTUAL TABLE g USING fts4(title, content="my docs")`},
		row{rowVirtual, "h", "", "CREATE VIRTUAL TABLE h USING fts5(title, content=shown)"},
		row{rowVirtual, "less", "", "CREATE VIRTUAL TABLE less USING fts5(title, content='')"},
		row{rowVirtual, "vocab", "", "CREATE VIRTUAL TABLE vocab USING fts5vocab(main, [f], row)"},
		row{rowVirtual, "spots", "", "CREATE VIRTUAL TABLE spots USING rtree(id, a, b)"},
	)
	for name, want := range map[string][]string{
		"f": {"docs", "f"}, "g": {"g", "my docs"}, "h": {"h", "other", "shown"}, "less": {"less"},
		"vocab": {"docs", "f", "vocab"}, "spots": {"spots"},
	} {
		if got, doubt := c.Below([]string{name}, map[string][]string{name: {}}); !slices.Equal(got, want) || doubt.Name != "" {
			t.Errorf("%s: %v, %+v, want %v", name, got, doubt, want)
		}
		if _, doubt := c.Below([]string{name}, nil); doubt.Remedy == "" {
			t.Errorf("%s is known without a declaration: %+v", name, doubt)
		}
	}
	if all, _ := c.Affected([]string{"f_data"}, nil); !slices.Contains(all, "f") {
		t.Errorf("a write to a shadow table affects %v", all)
	}
}
