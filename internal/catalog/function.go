package catalog

import "strings"

// Calls lists the tables that a call of these functions may change, sorted, each once: the tables that their bodies write,
// also through other functions, and all tables that Affected leads to from there. The names are as in sqltext.Info.Calls.
// The schema is ignored: functions of one name are treated as one that writes what any of them writes. If unknown is not
// empty, it names a function whose effect is unknown: its body has dynamic SQL or DDL, may COMMIT, is hidden, or is in a
// language that is not read.
//
// A function that the application has not defined counts as writing nothing: it is built in, or belongs to an extension,
// and few of those write. No function of SQLite is known, since the program registers them: what such a function writes
// through the program's own handles is noticed there.
//
// A function of PostgreSQL whose body cannot be read, but that is declared STABLE or IMMUTABLE, is trusted to write
// nothing. If its body can be read, the functions that it calls count nevertheless: PostgreSQL lets a STABLE function call
// a volatile one that writes. MySQL does not check such declarations, so they count for nothing there.
//
// declared is as in Affected.
func (c *Catalog) Calls(names []string, declared map[string][]string) (tables []string, unknown string) {
	return c.Affected(nodes(names), declared)
}

// nodeMark begins the names of functions among the names of tables.
const nodeMark = "\x00"

// node returns the name of a function in Catalog.reaches and Catalog.unsure.
func node(name string) string { return nodeMark + canonical(name) }

func isNode(name string) bool { return strings.HasPrefix(name, nodeMark) }

// longestName is the length in bytes to which PostgreSQL truncates names, between characters.
const longestName = 63

// nodes returns the nodes of called functions. In MariaDB p.f may be a function of the package p, whose node ends in a
// dot: p.
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
