package catalog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Doubt is a reason why the answer to a query of something other than a plain table may not be cached. The zero value is
// no doubt.
type Doubt struct {
	// Name is what the doubt is about: the queried name, or a name that its query reads.
	Name string
	// Volatile is the function, in the text of a view, because of which two answers may differ although no table has
	// changed.
	Volatile string
	// What describes the thing, or why it is unknown what it reads; empty if Volatile is set.
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

// addView records something other than a plain table, and what it reads. If two schemas have something of one name, the
// name reads what either reads, and is in doubt.
func (c *Catalog) addView(d sqltext.Dialect, name, nature, query string) {
	again := c.kinds[name] != Unknown
	c.addKind(name, View)
	if of, ok := natures[nature]; ok {
		c.doubt(name, of)
	}
	if again {
		c.doubt(name, severalThings)
	}
	if query == "" {
		return
	}
	info := sqltext.View(d, query)
	c.below[name] = append(c.below[name], info.Reads...)
	if d != sqltext.SQLite { // in SQLite only a trigger makes a view writable
		c.reach(name, info.Reads...)
		c.reach(name, nodes(info.Calls)...)
		if info.Verb == sqltext.Other {
			c.unsure[name] = name
		}
	}
	switch {
	case info.Volatile != "":
		c.doubt(name, Doubt{Volatile: info.Volatile})
	case info.Verb == sqltext.Other:
		c.doubt(name, Doubt{What: "a view whose query can't be seen or read", Remedy: declareTables})
	case info.Opaque != "":
		c.doubt(name, Doubt{What: "a view whose tables can't be told (" + info.Opaque + ")", Remedy: declareTables})
	case info.Locking || info.Write:
		c.doubt(name, Doubt{What: "a view that locks or writes"})
	}
}

func (c *Catalog) doubt(name string, d Doubt) {
	d.Name = name
	c.doubts[name] = append(c.doubts[name], d)
}

// word is a name or string in the text of a virtual table.
var word = regexp.MustCompile("'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\\[[^\\]]*\\]|[\\pL\\pN_$]+")

// finishVirtual records what the virtual tables of SQLite depend on. Their shadow tables are named after them and change
// with them. The CREATE text names the other tables that a virtual table reads: FTS5's content='t' returns rows of t, and
// fts5vocab those of another virtual table. A name too many costs misses only.
func (c *Catalog) finishVirtual() {
	for virtual, text := range c.virtual {
		for name, kind := range c.kinds {
			if strings.HasPrefix(name, virtual+"_") {
				if kind == Table {
					c.doubt(name, Doubt{What: "a table of the virtual table " + virtual, Remedy: natures[natureVirtual].Remedy})
				}
				c.addKind(name, View)
				c.reach(virtual, name)
				c.reach(name, virtual)
			}
		}
		for _, w := range word.FindAllString(text, -1) {
			name := canonical(strings.Trim(w, "'\"`[]"))
			if c.kinds[name] != Unknown && name != virtual {
				c.below[virtual] = append(c.below[virtual], name)
			}
		}
	}
}
