package writer

import (
	"slices"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// DDL is under way elsewhere when a writer commits, so that it reads the catalog anew, of a version that it has read
// before. Rows that the older reading told apart count as their table: it may have had no trigger then.
func TestRowsOfAnOlderReadingCountAsTheirTable(t *testing.T) {
	e, anew := &edit{table: "users", layout: &catalog.Layout{Direct: true}, rows: []string{"1"}}, nothingKnown()
	r := newTest(memory.New(), AllowStale).resolve(anew, []touch{{edit: e}})
	if want := []string{"test:t:users", "test:b:users"}; !slices.Equal(r.tags, want) || r.edits != nil {
		t.Errorf("%q, %d edits, want %q", r.tags, len(r.edits), want)
	}
}

// Without a catalog nobody can tell what else a write changes, or a function.
func TestWithoutACatalogEverythingIsChanged(t *testing.T) {
	for name, what := range map[string]touch{
		"a table": {name: touchTable + "users"}, "a function": {name: touchFunction + "bump"}, "rows": {edit: &edit{table: "users", rows: []string{"1"}}},
	} {
		r := newTest(memory.New(), AllowStale).resolve(nil, []touch{what})
		if want := []string{"test:n"}; !slices.Equal(r.tags, want) || r.edits != nil {
			t.Errorf("%s: %q, want %q", name, r.tags, want)
		}
	}
}
