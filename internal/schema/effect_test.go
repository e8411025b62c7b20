package schema

import (
	"slices"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
)

// DDL is under way elsewhere when a writer commits, so that it reads the catalog anew, of a version that it has read
// before. Rows that the older reading told apart count as their table: it may have had no trigger then.
func TestRowsOfAnOlderReadingCountAsTheirTable(t *testing.T) {
	e, anew := &Edit{Table: "users", Layout: &catalog.Layout{Direct: true}, Rows: []string{"1"}}, nothingKnown()
	r := New(Config{Namespace: "test"}).Resolve(anew, []Effect{EditEffect(e)})
	if want := []string{"test:t:users", "test:b:users"}; !slices.Equal(r.Tags, want) || r.Edits != nil {
		t.Errorf("%q, %d edits, want %q", r.Tags, len(r.Edits), want)
	}
}

// Without a catalog nobody can tell what else a write changes, or a function.
func TestWithoutACatalogEverythingIsChanged(t *testing.T) {
	for name, what := range map[string]Effect{
		"a table": TableEffect("users"), "a function": {kind: functionEffect, name: "bump"}, "rows": EditEffect(&Edit{Table: "users", Rows: []string{"1"}}),
	} {
		r := New(Config{Namespace: "test"}).Resolve(nil, []Effect{what})
		if want := []string{"test:n"}; !slices.Equal(r.Tags, want) || r.Edits != nil {
			t.Errorf("%s: %q, want %q", name, r.Tags, want)
		}
	}
}
