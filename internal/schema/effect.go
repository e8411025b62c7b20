package schema

import (
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Effect is one thing that a statement changes, as far as its text tells: a table or a function by name, a tag, or rows
// of a table. What else changes with it (cascades, triggers, what a function writes) is looked up only when the
// transaction commits, since it is the schema of then that the database went by.
type Effect struct {
	kind effectKind
	name string
	edit *Edit         // takes the place of name
	info *sqltext.Info // of an UPDATE that does not tell of which table a column is that it sets
	why  Reason        // of the epoch's tag: why everything is dropped
}

type effectKind uint8

const (
	tagEffect effectKind = iota
	tableEffect
	functionEffect
	truncateEffect // a table, and all that refer to it
	ownerEffect    // those of several tables that own a column
	editEffect
)

// Reason says why everything in the namespace is dropped. The zero value: it is not.
type Reason struct {
	Cause observe.Cause
	// Detail is a name, never an argument.
	Detail string
}

// TagEffect is a change of what depends on a tag that the application names itself. why is given where the tag stands
// for everything.
func TagEffect(tag string, why Reason) Effect { return Effect{kind: tagEffect, name: tag, why: why} }

// TableEffect is a change of a whole table.
func TableEffect(table string) Effect { return Effect{kind: tableEffect, name: table} }

// EditEffect is a change of rows that are known, or will be.
func EditEffect(e *Edit) Effect { return Effect{kind: editEffect, edit: e} }

// Edit returns the edit of an effect on known rows, nil for all others.
func (e Effect) Edit() *Edit { return e.edit }

// Name is the tag, table or function that changes; "" of an edit.
func (e Effect) Name() string { return e.name }

// Resolved reports whether the effect is a tag already, so that no schema is needed to tell what it changes.
func (e Effect) Resolved() bool { return e.kind == tagEffect }

// EffectID tells effects apart that have no edit.
type EffectID struct {
	kind effectKind
	name string
}

// ID returns what the effect has in common with others that change the same. Effects with an edit have none.
func (e Effect) ID() EffectID { return EffectID{e.kind, e.name} }

// Effects are what a statement changes; none if it only reads. e takes the place of its table, if not nil.
func (s *Schema) Effects(info *sqltext.Info, e *Edit) []Effect {
	switch {
	case info.DDL:
		return []Effect{TagEffect(s.ns.Epoch(), Reason{observe.SchemaChange, strings.Join(info.Writes, ", ")})}
	case info.Verb == sqltext.Other, info.Write && len(info.Writes) == 0:
		return []Effect{TagEffect(s.ns.Epoch(), Reason{Cause: observe.UnknownStatement})}
	}
	var all []Effect
	if e != nil {
		all = append(all, EditEffect(e))
	} else if info.Write {
		all = written(info)
	}
	for _, name := range info.Calls {
		all = append(all, Effect{kind: functionEffect, name: name})
	}
	return all
}

// written are the tables that a statement writes.
func written(info *sqltext.Info) (all []Effect) {
	kind := tableEffect
	if info.Cascades {
		kind = truncateEffect
	}
	for _, name := range info.Writes {
		if !slices.Contains(info.Maybe, name) {
			all = append(all, Effect{kind: kind, name: name})
		}
	}
	if len(info.Maybe) > 0 {
		name := strings.Join(slices.Concat(info.Maybe, []string{""}, info.Loose), "\x00")
		all = append(all, Effect{kind: ownerEffect, name: name, info: info})
	}
	return all
}

// Changes are what effects change, by what is known of the schema.
type Changes struct {
	// Tags are to get new tokens. The namespace's epoch stands for all that can't be told.
	Tags []string
	// Edits are those of tables of which nothing but rows changes. Their tags are among Tags, but for those of tracked
	// columns.
	Edits []*Edit
	// Why is set if everything is dropped.
	Why Reason
}

// Add adds tags, each once.
func (c *Changes) Add(tags ...string) {
	for _, tag := range tags {
		if !slices.Contains(c.Tags, tag) {
			c.Tags = append(c.Tags, tag)
		}
	}
}

// named are effects by what they name.
type named struct {
	tables, functions []string
	edits             []*Edit
	edited            []string // their tables
}

// Resolve turns effects into tags, by what is known of the schema.
func (s *Schema) Resolve(known *Snapshot, effects []Effect) (c Changes) {
	n := c.sort(known, effects)
	called, all := s.called(known, n.functions)
	direct := append(n.tables, called...)
	var tables, around []string // around: what changes with the edited tables
	if !all {
		tables, all = s.writes(known, direct)
	}
	if !all {
		around, all = s.writes(known, n.edited)
	}
	if all {
		return Changes{Tags: []string{s.ns.Epoch()}, Why: s.unknown(known, n.functions, direct, n.edited)}
	}
	for _, t := range around {
		if !slices.Contains(n.edited, t) && !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	tables = append(tables, s.entangled(known, n.edited)...)
	for _, t := range tables {
		c.Add(TableTags(s.ns, t)...)
	}
	for _, e := range n.edits {
		if !slices.Contains(tables, e.Table) {
			c.Add(e.tags(s.ns)...)
			c.Edits = append(c.Edits, e)
		}
	}
	return c
}

// sort adds the effects that are tags, and returns the others by what they name.
func (c *Changes) sort(known *Snapshot, effects []Effect) (n named) {
	for _, e := range effects {
		switch e.kind {
		case editEffect:
			if !e.edit.holds(known) {
				n.tables = append(n.tables, e.edit.Table)
				continue
			}
			n.edits = append(n.edits, e.edit)
			if !slices.Contains(n.edited, e.edit.Table) {
				n.edited = append(n.edited, e.edit.Table)
			}
		case tagEffect:
			c.Add(e.name)
			if c.Why.Cause == "" {
				c.Why = e.why
			}
		case ownerEffect:
			n.tables = append(n.tables, known.owners(e.info)...)
		case tableEffect:
			n.tables = append(n.tables, e.name)
		case truncateEffect:
			n.tables = append(n.tables, known.emptied(e.name)...)
		case functionEffect:
			n.functions = append(n.functions, e.name)
		}
	}
	return n
}

// entangled are those of several edited tables that a write to another of them reaches.
func (s *Schema) entangled(known *Snapshot, edited []string) (tables []string) {
	if len(edited) < 2 {
		return nil
	}
	for _, t := range edited {
		reached, _ := s.writes(known, []string{t})
		for _, other := range reached {
			if other != t && slices.Contains(edited, other) {
				tables = append(tables, other)
			}
		}
	}
	return tables
}

// unknown says why it can't be told what a write to these tables, with calls of these functions, changes.
func (s *Schema) unknown(known *Snapshot, calls []string, tables ...[]string) Reason {
	if known == nil {
		return Reason{Cause: observe.NoCatalog}
	}
	if _, function := known.Calls(calls, s.triggers); function != "" && len(calls) > 0 {
		return Reason{Cause: observe.UnknownFunction, Detail: function}
	}
	for _, names := range tables {
		if _, trigger := known.Affected(names, s.triggers); trigger != "" {
			return Reason{Cause: observe.UnknownTrigger, Detail: trigger}
		}
	}
	return Reason{Cause: observe.UnknownStatement}
}

// Reached are the tables that change when the tables are written and the functions called, the tables themselves among
// them, as far as that can be told.
func (s *Schema) Reached(known *Snapshot, tables, functions []string) []string {
	reached, _ := s.writes(known, tables)
	called, _ := s.called(known, functions)
	return slices.Concat(reached, called)
}

// Instant reports whether a statement writes to tables that take part in no transaction.
func (s *Schema) Instant(known *Snapshot, info *sqltext.Info) bool {
	called, _ := s.called(known, info.Calls)
	tables, _ := s.writes(known, append(known.Written(info), called...))
	return known.Instant(tables)
}

// Unsure returns a table that a statement writes to and the trigger, say, of which it can't be told what changes with
// the table; "": none of these that a declaration could tell of.
func (s *Schema) Unsure(known *Snapshot, info *sqltext.Info) (table, by string) {
	return known.Unsure(info.Writes, s.triggers)
}

// TableTags are the tags that a write to a table changes whose rows are not known.
func TableTags(ns store.Namespace, table string) []string {
	return []string{ns.Table(table), ns.Bulk(table)}
}
