package catalog

import (
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Calls lists the tables that calling these functions may change, sorted, each once: those that their
// bodies write, through other functions too, and all that Affected leads to from there. The names are as
// in sqltext.Info.Calls; the schema does not count, and what any function of a name writes counts for all
// of them. If unknown is not empty, it names the function whose effect can't be told: one with dynamic
// SQL or DDL, in a language that is not read, with a hidden body, or that may COMMIT.
//
// A function that is none of the application's writes nothing: it is built in, or belongs to an
// extension, and most of those are harmless. Of SQLite no function is known, for the program registers
// them: what such a function writes through the program's own handles is seen there.
//
// A function whose text can't be told, but that PostgreSQL has declared STABLE or IMMUTABLE, is taken at
// its word. Where the text can be told, what it calls counts all the same: PostgreSQL lets a STABLE
// function call a volatile one that writes. MySQL checks no such word, and so it does not count there.
//
// What is declared of tables counts as in Affected.
func (c *Catalog) Calls(names []string, declared map[string][]string) (tables []string, unknown string) {
	return c.Affected(nodes(names), declared)
}

// nodeMark begins the names of functions where they stand among those of tables.
const nodeMark = "\x00"

// node is the name of a function in Catalog.reaches and unsure.
func node(name string) string { return nodeMark + canonical(name) }

func isNode(name string) bool { return strings.HasPrefix(name, nodeMark) }

// longestName is where PostgreSQL cuts a name off, between characters.
const longestName = 63

// nodes are those of functions called. In MariaDB p.f may be part of the package p, which is the node p.
// with its dot.
func nodes(names []string) []string {
	var all []string
	for _, name := range names {
		n := node(name)
		all = append(all, n)
		if end := len(nodeMark) + longestName; len(n) > end {
			all = append(all, strings.ToValidUTF8(n[:end], ""))
		}
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			all = append(all, packageNode(name[:i]))
		}
	}
	return all
}

func packageNode(name string) string { return nodeMark + strings.ToLower(name) + "." }

// addCallable takes a row about a function.
func (c *Catalog) addCallable(d sqltext.Dialect, kind, name, other, text string) {
	switch kind {
	case rowPackage:
		c.unsure[packageNode(name)] = strings.ToLower(name)
	case rowUses:
		c.reach(node(name), node(other))
	case rowAtomic:
		c.addAtomic(d, name, text)
	case rowRoutine:
		c.addRoutine(d, name, other == wordStable, text)
	}
}

// addRoutine notes what a function may write. stable says that it is declared not to.
func (c *Catalog) addRoutine(d sqltext.Dialect, name string, stable bool, body string) {
	n := node(name)
	c.reach(n) // it exists
	writes, calls, unknown := sqltext.Routine(d, body)
	if !stable && (unknown != "" || body == "") {
		c.unsure[n] = canonical(name)
	}
	for _, table := range writes {
		c.reach(n, strings.Clone(table)) // and not the body it is a part of
	}
	c.reach(n, nodes(calls)...)
}

const atomic = "BEGIN ATOMIC"

// addAtomic notes a function whose body PostgreSQL has parsed. RETURN has no part that writes, and what
// it calls comes in rows of its own. A text that holds the words twice may hold them in a string first.
func (c *Catalog) addAtomic(d sqltext.Dialect, name, text string) {
	c.reach(node(name))
	_, body, found := strings.Cut(text, atomic)
	switch {
	case strings.Contains(body, atomic):
		c.unsure[node(name)] = canonical(name)
	case found:
		c.addRoutine(d, name, false, "BEGIN "+body)
	}
}

// trigger is a trigger that calls functions.
type trigger struct {
	table, name string
	calls       []string
}

// distrustTriggers finds the triggers of MySQL that call an unknown function. The function may be hidden from the user
// who loads the catalog, but not from the trigger, which runs with the rights of its definer. A function whose body the
// user can see calls no hidden one: who sees a body has defined it, or sees all.
func (c *Catalog) distrustTriggers() {
	for _, t := range c.triggers {
		for _, n := range t.calls {
			if _, known := c.reaches[n]; !known && !strings.HasSuffix(n, ".") {
				c.unsure[t.table] = t.name
			}
		}
	}
	c.triggers = nil
}
