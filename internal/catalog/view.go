package catalog

import "slices"

// Doubt is a reason why the answer to a query of something other than a plain table may not be cached. The zero value is
// no doubt.
type Doubt struct {
	// Name is what the doubt is about: the queried name, or a name that its query reads.
	Name string
	// Volatile is the function, in the text of a view, because of which two answers may differ although no table has
	// changed.
	Volatile string
	// What describes the thing, or says why the tables that it reads are unknown. It is empty if Volatile is set.
	What string
	// Remedy is the remedy, empty if there is none.
	Remedy string
}

// The natures of things other than plain tables, as the catalog queries name them; "" is a view.
const (
	natureMaterialized = "materialized"
	natureForeign      = "foreign"
	natureVirtual      = "virtual"
	natureTemporary    = "temporary"
	natureSequence     = "sequence"
	naturePolicy       = "policy"
)

const declareTables = "declare in Config.Views which tables it reads"

// natures gives the doubt about each nature. There is no remedy where a declaration would not help: rows of one session
// are not those of all sessions, and a sequence moves unnoticed.
var natures = map[string]Doubt{
	natureMaterialized: {What: "a materialized view, which changes at its REFRESH alone",
		Remedy: "declare it in Config.Views, and send REFRESH through GORM or call invalidate.Tables for it afterwards: its answers are those of the last REFRESH"},
	natureForeign: {What: "a foreign table, whose rows change elsewhere",
		Remedy: "declare it in Config.Views, and call invalidate.Tables for it when they have changed: else its answers are as old as the TTL allows"},
	natureVirtual:   {What: "a virtual table", Remedy: "declare it in Config.Views, with the tables that it reads beside its own"},
	natureTemporary: {What: "a temporary table, of which each session has its own"},
	natureSequence:  {What: "a sequence, which moves outside of transactions"},
	naturePolicy: {What: "a table whose row-level security calls functions or reads views",
		Remedy: declareTables + ", and name in fromcache.Key what of the session it goes by"},
}

var severalThings = Doubt{What: "a name that several things have", Remedy: declareTables}

// Below lists all names that a query of these names reads, through views and declarations, sorted, these names included.
// declared names the tables that the user has declared a view to read. They come on top of what the catalog knows, and
// settle what the catalog does not know, except that something is volatile.
func (c *Catalog) Below(names []string, declared map[string][]string) (all []string, doubt Doubt) {
	all = c.closure(names, func(name string) []string {
		return slices.Concat(declared[name], c.below[name])
	})
	for _, name := range all {
		for _, d := range c.doubts[name] {
			if d.Remedy == "" {
				return nil, d
			}
		}
	}
	c.closure(names, func(name string) []string {
		if _, known := declared[name]; known || doubt.Name != "" {
			return nil
		}
		switch {
		case len(c.doubts[name]) > 0:
			doubt = c.doubts[name][0]
		case c.kinds[name] == Unknown:
			doubt = Doubt{Name: name, What: "not a table of this database"}
		}
		return c.below[name]
	})
	if doubt.Name != "" {
		return nil, doubt
	}
	return all, Doubt{}
}
