package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// finish draws the conclusions that need all facts, and returns the catalog.
func (l *loader) finish() *Catalog {
	l.finishVirtual()
	// A table with a foreign or temporary partition is not plain.
	parents := make(map[string][]string)
	var views []string
	for parent, children := range l.children {
		for _, child := range children {
			parents[child] = append(parents[child], parent)
			if l.kinds[child] == View {
				views = append(views, child)
				l.doubts[parent] = append(l.doubts[parent], l.doubts[child]...)
			}
		}
	}
	for _, name := range l.closure(views, func(name string) []string { return parents[name] }) {
		l.addKind(name, View)
	}
	l.distrustTriggers()
	for table, list := range l.reaches {
		slices.Sort(list)
		l.reaches[table] = slices.Compact(list)
	}
	l.layOut()
	return l.Catalog
}

// word is a name or string in the text of a virtual table.
var word = regexp.MustCompile("'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\\[[^\\]]*\\]|[\\pL\\pN_$]+")

// finishVirtual records what the virtual tables of SQLite depend on. Their shadow tables are named after them and change
// with them. The CREATE text names the other tables that a virtual table reads: FTS5's content='t' returns rows of t, and
// fts5vocab those of another virtual table. A name too many costs misses only.
func (l *loader) finishVirtual() {
	for virtual, text := range l.virtual {
		for name, kind := range l.kinds {
			if strings.HasPrefix(name, virtual+"_") {
				if kind == Table {
					l.doubt(name, Doubt{What: "a table of the virtual table " + virtual, Remedy: natures[natureVirtual].Remedy})
				}
				l.addKind(name, View)
				l.reach(virtual, name)
				l.reach(name, virtual)
			}
		}
		for _, w := range word.FindAllString(text, -1) {
			name := canonical(strings.Trim(w, "'\"`[]"))
			if l.kinds[name] != Unknown && name != virtual {
				l.below[virtual] = append(l.below[virtual], name)
			}
		}
	}
}

// distrustTriggers finds the triggers of MySQL that call an unknown function. The function may be hidden from the user
// who loads the catalog, but not from the trigger, which runs with the rights of its definer. A function whose body the
// user can see calls no hidden one: who sees a body has defined it, or sees all.
func (l *loader) distrustTriggers() {
	for _, t := range l.triggers {
		for _, n := range t.calls {
			if _, known := l.reaches[n]; !known && !strings.HasSuffix(n, ".") {
				l.unsure[t.table] = t.name
			}
		}
	}
}

// layOut makes the layouts, once all facts are known.
func (l *loader) layOut() {
	if len(l.shapes) == 0 {
		return
	}
	l.distrust()
	unsure, cyclic := l.reachUnsure(), l.cyclic()
	l.layouts = make(map[string]*Layout, len(l.shapes))
	for s, rows := range l.shapes {
		name := canonical(s.table)
		layout := rows.layout()
		if known, again := l.layouts[name]; again && !known.alike(layout) {
			layout = nil
		}
		l.layouts[name] = layout
	}
	for name, layout := range l.layouts {
		if l.kinds[name] != Table || layout == nil {
			delete(l.layouts, name)
			continue
		}
		layout.Direct = !l.indirect[name] && !unsure[name] && !cyclic[name]
		for i := range layout.Key {
			layout.Key[i].Rowid = layout.Key[i].Rowid && !l.unsorted[name]
		}
	}
}

// distrust makes the tables of MySQL indirect whose foreign keys name a table that the user may not see. It is then also
// unknown whether a write to them reaches that table, which changes them in turn.
func (l *loader) distrust() {
	for parent, list := range l.referrers {
		if l.kinds[parent] == Unknown {
			for _, table := range list {
				l.indirect[table] = true
			}
		}
	}
}

// reachUnsure returns the names from which something with an unknown effect is reached.
func (l *loader) reachUnsure() map[string]bool {
	backward := invert(l.reaches)
	start := make([]string, 0, len(l.unsure))
	for name := range l.unsure {
		start = append(start, name)
	}
	return set(l.closure(start, func(name string) []string { return backward[name] }))
}

// cyclic returns the names that reach themselves, and the names between two such. These are left after removing all names
// that lead to no cycle, and then all names that no cycle leads to.
func (l *loader) cyclic() map[string]bool {
	backward := invert(l.reaches)
	left := make(map[string]bool, len(l.reaches))
	for name, list := range l.reaches {
		left[name] = true
		for _, other := range list {
			left[other] = true
		}
	}
	trim(left, l.reaches, backward)
	trim(left, backward, l.reaches)
	return left
}

// trim removes, repeatedly, the names that lead to no remaining name.
func trim(left map[string]bool, forward, backward map[string][]string) {
	ways := make(map[string]int, len(left))
	var ends []string
	for name := range left {
		for _, next := range forward[name] {
			if left[next] {
				ways[name]++
			}
		}
		if ways[name] == 0 {
			ends = append(ends, name)
		}
	}
	for len(ends) > 0 {
		end := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		delete(left, end)
		for _, name := range backward[end] {
			if ways[name]--; ways[name] == 0 && left[name] {
				ends = append(ends, name)
			}
		}
	}
}

func invert(edges map[string][]string) map[string][]string {
	inverse := make(map[string][]string, len(edges))
	for from, list := range edges {
		for _, to := range list {
			inverse[to] = append(inverse[to], from)
		}
	}
	return inverse
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
