package schema

import (
	"runtime"
	"slices"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// nothingKnown is the catalog of an empty database: all that follows comes from what is declared.
func nothingKnown() *Snapshot { return &Snapshot{Catalog: &catalog.Catalog{}} }

func TestDeclaredViews(t *testing.T) {
	top := New(Config{Views: map[string][]string{
		"Public.Top":  {"Middle", "public.c"},
		"middle":      {"A", "s.b"},
		"round":       {"about"},
		"about":       {"round", "z"}, // declared in a circle: it must end
		"constant":    {},
		"daily_rates": {"rates"},
	}})
	for name, want := range map[string][]string{
		"top":         {"a", "b", "c", "middle", "top"},
		"middle":      {"a", "b", "middle"},
		"round":       {"about", "round", "z"},
		"constant":    {"constant"},
		"daily_rates": {"daily_rates", "rates"},
	} {
		if got, doubt := top.reads(nothingKnown(), []string{name}); !slices.Equal(got, want) || doubt.Name != "" {
			t.Errorf("%s: %q %s, want %q", name, got, doubt.What, want)
		}
	}
	if got, doubt := top.reads(nothingKnown(), []string{"middle", "nobody"}); got != nil || doubt.Name == "" {
		t.Errorf("a name that nobody knows: %q %q", got, doubt.What)
	}
	if got, doubt := top.reads(nothingKnown(), []string{"middle", "top"}); doubt.Name != "" || !slices.Equal(got, []string{"a", "b", "c", "middle", "top"}) {
		t.Errorf("two views: %q %q", got, doubt.What)
	}
}

func TestDeclaredTriggers(t *testing.T) {
	top := New(Config{Triggers: map[string][]string{
		"Orders": {"stock", "s.Log"},
		"stock":  {"alerts"}, // fires what fires
		"alerts": {"orders"}, // and comes back
		"quiet":  {},
	}})
	for name, want := range map[string][]string{
		"orders": {"alerts", "log", "orders", "stock"},
		"stock":  {"alerts", "log", "orders", "stock"},
		"quiet":  {"quiet"},
		"other":  {"other"},
	} {
		got, all := top.writes(nothingKnown(), []string{name})
		slices.Sort(got)
		if !slices.Equal(got, want) || all {
			t.Errorf("%s: %q, all %v, want %q", name, got, all, want)
		}
	}
	if got, all := top.writes(nil, []string{"quiet"}); got != nil || !all {
		t.Errorf("without a catalog: %q, all %v", got, all)
	}
}

// A snapshot is good until DDL is seen, anywhere.
func TestVersions(t *testing.T) {
	top := New(Config{})
	s := nothingKnown()
	s.version = top.Version()
	top.database("db").snapshot.Store(s)
	if top.Known("db") != s || top.Known("another") != nil {
		t.Fatal("a snapshot is not found, or for another database")
	}
	top.Forget()
	if top.Known("db") != nil {
		t.Error("a snapshot outlives DDL")
	}
}

// Who finds that the epoch is one that was seen goes by the catalog that is known: it must be forgotten by then.
//
// Falls if: the epoch is noted first. Then a writer between the two steps goes by the catalog of before.
func TestSeenEpochsAreForgottenFirst(t *testing.T) {
	top := New(Config{})
	for range 100_000 {
		token, version := store.NewToken(), top.Version()
		seen := make(chan struct{})
		go func() {
			defer close(seen)
			top.SawEpoch(token)
		}()
		for top.LastEpoch() != token {
			runtime.Gosched()
		}
		if top.Version() == version {
			t.Fatal("the catalog of another epoch counts as that of this one")
		}
		<-seen
	}
}
