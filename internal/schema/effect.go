package schema

import (
	"fmt"
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

// Edit returns which rows a statement writes, or why its text does not tell. tracked is a hint of the columns that are
// tracked in a table. Of an UPDATE or DELETE that is not pinned to rows by their primary key, Rows is nil.
func (s *Schema) Edit(known *Snapshot, info *sqltext.Info, args []any, tracked func(table string) []string) (_ *Edit, why string) {
	n := info.Narrow
	switch {
	case n == nil:
		return nil, info.Wide
	case !info.Write || len(info.Writes) != 1 || info.Writes[0] != n.Table || known == nil || known.Catalog == nil:
		return nil, "the table that it writes to is not told by its text"
	case s.triggers[n.Table] != nil:
		return nil, "Config.Triggers declares what changes with its table"
	}
	l, why := known.whole(n.Table)
	switch {
	case l == nil:
		return nil, why
	case len(l.Key) == 0:
		return nil, unkeyed(l)
	case len(args) != n.Params || Shifted(args):
		return nil, "its arguments are not one for each placeholder"
	}
	e := &Edit{Table: n.Table, Layout: l, version: known.version, Values: map[string][]string{}}
	switch {
	case info.Verb == sqltext.Insert && len(n.Rows) > MaxRows:
		return nil, fmt.Sprintf("it has more than %d rows", MaxRows)
	case !e.declares(n):
		return nil, renames
	case info.Verb == sqltext.Insert:
		return e.insert(n, args, tracked(n.Table))
	case info.Verb != sqltext.Update && info.Verb != sqltext.Delete, slices.ContainsFunc(n.Sets, func(set sqltext.Set) bool { return e.keyed(set.Column) }):
		return nil, renames // the model shows the new key only, and the row changes its name
	}
	e.Rows = e.pinned(n, args)
	return e, ""
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

// TableTags are the tags that a write to a table changes whose rows are not known.
func TableTags(ns store.Namespace, table string) []string {
	return []string{ns.Table(table), ns.Bulk(table)}
}
