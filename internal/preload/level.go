package preload

import (
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
)

// levelName is where the level stands in a statement while it preloads: among the clauses it is not handed on.
const levelName = "gormcache:relation_level"

// level are the preloads of one statement. What lies deeper is preloaded by the statements that these send.
type level struct {
	cached   *scope.Relations
	schema   *schema.Schema
	joined   []string         // relations that the statement joins: it has their rows already
	given    map[string][]any // the statement's own
	preloads map[string][]any // those with their scopes
	joins    map[*schema.Schema]*scope.Scope
}

func newLevel(c *scope.Relations, stmt *gorm.Statement) *level {
	l := &level{cached: c, schema: stmt.Schema, given: stmt.Preloads, preloads: maps.Clone(stmt.Preloads), joins: map[*schema.Schema]*scope.Scope{}}
	for _, join := range stmt.Joins {
		l.joined = append(l.joined, join.Name)
	}
	l.spell()
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(l.preloads)) {
		if steps, rel := l.step(strings.Split(name, ".")); rel != nil && !done[strings.Join(steps, ".")] {
			done[strings.Join(steps, ".")] = true
			l.scope(steps, rel)
		}
	}
	return l
}

// Build implements clause.Expression. A level is not part of the SQL.
func (l *level) Build(clause.Builder) {}

// spell puts relations by their names in the place of clause.Associations, with the arguments that GORM
// would give them.
func (l *level) spell() {
	args, all := l.preloads[clause.Associations]
	deeper := false
	for name := range l.preloads {
		deeper = deeper || strings.HasPrefix(name, clause.Associations+".")
	}
	if !all && !deeper {
		return
	}
	delete(l.preloads, clause.Associations)
	for name, rel := range l.schema.Relationships.Relations {
		if rel.Schema == l.schema {
			l.preloads[name] = slices.Concat(l.preloads[name], args)
		}
	}
	if !all {
		return
	}
	for name, embedded := range l.schema.Relationships.EmbeddedRelations {
		for _, rest := range spellEmbedded(embedded) {
			name := name + "." + rest
			if own, ok := l.preloads[name]; ok {
				l.preloads[name] = slices.Concat(own, args)
			} else {
				l.preloads[name] = slices.Concat(args, args) // GORM too gives them twice
			}
		}
	}
}

// spellEmbedded names the relations of an embedded struct, without its own name.
func spellEmbedded(all *schema.Relationships) (list []string) {
	if all == nil {
		return nil
	}
	for _, rel := range all.Relations {
		list = append(list, strings.Join(rel.Field.EmbeddedBindNames[1:], "."))
	}
	for _, deeper := range all.EmbeddedRelations {
		list = append(list, spellEmbedded(deeper)...)
	}
	return list
}

// step finds the first relation on a path that a query is sent for, past embedded structs and joined
// relations. nil: there is none, which is GORM's to report.
func (l *level) step(path []string) (steps []string, _ *schema.Relationship) {
	all, joined, embedded := &l.schema.Relationships, l.joined, ""
	for _, name := range path {
		if inner := all.EmbeddedRelations[name]; inner != nil {
			all, embedded = inner, embedded+name+"."
			continue
		}
		rel := all.Relations[name]
		if rel == nil {
			return nil, nil
		}
		steps, embedded = append(steps, embedded+name), ""
		is, deeper := isJoined(joined, all, name)
		if !is {
			return steps, rel
		}
		all, joined = &rel.FieldSchema.Relationships, deeper
	}
	return nil, nil
}

// isJoined reports whether the statement joins a relation, and what it joins to that, as GORM finds it out.
func isJoined(joined []string, all *schema.Relationships, name string) (is bool, deeper []string) {
	for _, join := range joined {
		if all.Relations[join] != nil && join == name {
			is = true
			continue
		}
		if first, rest, cut := strings.Cut(join, "."); cut && all.Relations[first] != nil && first == name {
			is, deeper = true, append(deeper, rest)
		}
	}
	return is, deeper
}

// scope gives the queries of one relation their scopes.
func (l *level) scope(steps []string, rel *schema.Relationship) {
	s, deeper := find(l.cached, steps), below(l.cached, steps)
	column := key(rel)
	if s != nil && rel.JoinTable != nil {
		l.joins[rel.JoinTable] = s.By(column)
	} else if s != nil {
		s = s.By(column)
	}
	name := strings.Join(steps, ".")
	l.preloads[name] = append(slices.Clone(l.preloads[name]), func(db *gorm.DB) *gorm.DB {
		stmt := db.Statement
		stmt.Settings.Delete(joinsMark)
		if s != nil && scope.Of(stmt) == nil {
			s.Attach(stmt)
		}
		if deeper != nil {
			deeper.Attach(stmt)
		}
		return db
	})
}

// key is the column whose values tell the parents apart in what the relation's query, or that of its join
// table, answers. "": there are several.
func key(rel *schema.Relationship) string {
	var columns []string
	for _, ref := range rel.References {
		switch {
		case ref.OwnPrimaryKey:
			columns = append(columns, ref.ForeignKey.DBName)
		case rel.JoinTable == nil && ref.PrimaryValue == "":
			columns = append(columns, ref.PrimaryKey.DBName)
		}
	}
	if len(columns) != 1 {
		return ""
	}
	return strings.ToLower(columns[0])
}
