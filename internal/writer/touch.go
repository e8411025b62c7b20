package writer

import (
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// A touch is one thing that a statement changes, as far as its text tells: a table or a function by
// name, a tag, or rows of a table. What else changes with it (cascades, triggers, what a function writes)
// is looked up only when the transaction commits, since it is the schema of then that the database went by.
type touch struct {
	name string
	edit *edit         // takes the place of name
	info *sqltext.Info // of an UPDATE that does not tell of which table a column is that it sets
	why  dropping      // of the epoch's tag: why everything is dropped
}

const (
	touchTable    = "\x00t"
	touchFunction = "\x00f"
	touchEmptied  = "\x00e" // a table, and all that refer to it
	touchOwner    = "\x00o"
)

// touches are what a statement changes; none if it only reads. e takes the place of its table, if not nil.
func (inv *Invalidator) touches(info *sqltext.Info, e *edit) []touch {
	switch {
	case info.DDL:
		return []touch{{name: inv.cfg.Namespace.Epoch(), why: dropping{cause: observe.SchemaChange, detail: strings.Join(info.Writes, ", ")}}}
	case info.Verb == sqltext.Other, info.Write && len(info.Writes) == 0:
		return []touch{{name: inv.cfg.Namespace.Epoch(), why: dropping{cause: observe.UnknownStatement}}}
	}
	var all []touch
	if e != nil {
		all = append(all, touch{edit: e})
	} else if info.Write {
		all = written(info)
	}
	for _, name := range info.Calls {
		all = append(all, touch{name: touchFunction + name})
	}
	return all
}

// written are the tables that a statement writes.
func written(info *sqltext.Info) (all []touch) {
	kind := touchTable
	if info.Cascades {
		kind = touchEmptied
	}
	for _, name := range info.Writes {
		if !slices.Contains(info.Maybe, name) {
			all = append(all, touch{name: kind + name})
		}
	}
	if len(info.Maybe) > 0 {
		name := strings.Join(slices.Concat(info.Maybe, []string{""}, info.Loose), "\x00")
		all = append(all, touch{name: touchOwner + name, info: info})
	}
	return all
}

// owners are those tables of an UPDATE that have, or may have, one of the columns of which it does not tell. All, if
// none has it.
func (s *snapshot) owners(info *sqltext.Info) (owners []string) {
	if s == nil || s.Catalog == nil || len(info.Maybe) == 0 {
		return info.Maybe
	}
	for _, column := range info.Loose {
		found := false
		for _, table := range info.Writes {
			l := s.Layout(table)
			if l == nil || l.Has(column) { // nil: a view, say
				owners, found = append(owners, table), true
			}
		}
		if !found {
			return info.Maybe
		}
	}
	return owners
}

// written are the tables that the text says a statement writes, as far as the schema completes it.
func (s *snapshot) written(info *sqltext.Info) (tables []string) {
	for _, table := range info.Writes {
		if !slices.Contains(info.Maybe, table) {
			tables = append(tables, table)
		}
	}
	tables = append(tables, s.owners(info)...)
	if info.Cascades {
		for _, table := range info.Writes {
			tables = append(tables, s.emptied(table)...)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// emptied are the tables that are emptied with one, itself among them.
func (s *snapshot) emptied(table string) []string {
	if s == nil || s.Catalog == nil { // then all is dropped
		return []string{table}
	}
	return s.Emptied(table)
}

// isName tells that a touch is not a tag yet.
func (t touch) isName() bool { return t.edit != nil || t.name != "" && t.name[0] == 0 }

// resolved is what touches change, by what is known of the schema.
type resolved struct {
	tags []string
	// edits are those of tables of which nothing but rows changes. Their tags are among tags, but for
	// those of tracked columns.
	edits []*edit
	why   dropping // if everything is dropped
}

// add adds tags, each once.
func (r *resolved) add(tags ...string) {
	for _, tag := range tags {
		if !slices.Contains(r.tags, tag) {
			r.tags = append(r.tags, tag)
		}
	}
}

// resolve turns touches into tags, by what is known of the schema. The namespace's epoch stands for all
// that can't be told.
func (inv *Invalidator) resolve(s *snapshot, touches []touch) (r resolved) {
	var tables, calls, edited []string
	var edits []*edit
	for _, t := range touches {
		switch {
		case t.edit != nil && t.edit.known() && s != nil && t.edit.version == s.version && s.direct(t.edit.table) == t.edit.layout:
			edits = append(edits, t.edit)
			if !slices.Contains(edited, t.edit.table) {
				edited = append(edited, t.edit.table)
			}
		case t.edit != nil:
			tables = append(tables, t.edit.table)
		case !t.isName():
			r.add(t.name)
			if r.why.cause == "" {
				r.why = t.why
			}
		case t.info != nil:
			tables = append(tables, s.owners(t.info)...)
		case strings.HasPrefix(t.name, touchTable):
			tables = append(tables, t.name[len(touchTable):])
		case strings.HasPrefix(t.name, touchEmptied):
			tables = append(tables, s.emptied(t.name[len(touchEmptied):])...)
		default:
			calls = append(calls, t.name[len(touchFunction):])
		}
	}
	more, all := inv.topology.called(s, calls)
	named := append(tables, more...)
	if !all {
		tables, all = inv.topology.writes(s, named)
	}
	var around []string // what changes with the edited tables
	if !all {
		around, all = inv.topology.writes(s, edited)
	}
	if all {
		why := inv.topology.unknown(s, calls, named, edited)
		return resolved{tags: []string{inv.cfg.Namespace.Epoch()}, why: why}
	}
	for _, t := range around {
		if !slices.Contains(edited, t) && !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	tables = append(tables, inv.tangled(s, edited)...)
	for _, t := range tables {
		r.add(coarse(inv.cfg.Namespace, t)...)
	}
	for _, e := range edits {
		if !slices.Contains(tables, e.table) {
			r.add(e.tags(inv.cfg.Namespace)...)
			r.edits = append(r.edits, e)
		}
	}
	return r
}

// tangled are those of several edited tables that a write to another of them reaches.
func (inv *Invalidator) tangled(s *snapshot, edited []string) (tables []string) {
	if len(edited) < 2 {
		return nil
	}
	for _, t := range edited {
		reached, _ := inv.topology.writes(s, []string{t})
		for _, other := range reached {
			if other != t && slices.Contains(edited, other) {
				tables = append(tables, other)
			}
		}
	}
	return tables
}

// tags are the tags that a statement changes, by what is known of its database.
func (inv *Invalidator) tags(s *snapshot, info *sqltext.Info) []string {
	return inv.resolve(s, inv.touches(info, nil)).tags
}
