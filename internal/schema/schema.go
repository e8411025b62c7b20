package schema

import (
	"log/slog"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Config is what a [Schema] works with. Namespace, Dialect and Logger must be set.
type Config struct {
	Namespace store.Namespace
	Dialect   sqltext.Dialect
	Views     map[string][]string // view → what it reads
	Triggers  map[string][]string // table → what its triggers change
	Declared  []Named             // names to be looked for in the database
	Logger    *slog.Logger
}

// Schema knows what names each database has and how tables hang together: views, triggers and cascades, read from the
// database's catalog, and what the user declared. It is safe for concurrent use.
type Schema struct {
	catalogs // what was read of each database

	ns       store.Namespace
	views    map[string][]string
	triggers map[string][]string
}

// New returns a schema of which nothing has been read yet.
func New(cfg Config) *Schema {
	return &Schema{
		catalogs: catalogs{dialect: cfg.Dialect, declared: declared{names: cfg.Declared, logger: cfg.Logger}},
		ns:       cfg.Namespace, views: canonical(cfg.Views), triggers: canonical(cfg.Triggers),
	}
}

// canonical brings declared names into the form in which tables are compared.
func canonical(declared map[string][]string) map[string][]string {
	m := make(map[string][]string, len(declared))
	for name, tables := range declared {
		name = store.TableName(name)
		m[name] = append(m[name], []string{}...)
		for _, t := range tables {
			m[name] = append(m[name], store.TableName(t))
		}
	}
	return m
}

// Declares reports whether the configuration names the table as a view, or as one with triggers.
func (s *Schema) Declares(table string) bool {
	return s.views[table] != nil || s.triggers[table] != nil
}

// reads resolves the names in a query to all that it depends on: tables, and the views on the way to them.
func (s *Schema) reads(known *Snapshot, names []string) (tables []string, doubt catalog.Doubt) {
	return known.Below(names, s.views)
}

// writes resolves the tables a statement writes to those that may change with them. all reports whether
// this can't be known, as without a snapshot.
func (s *Schema) writes(known *Snapshot, names []string) (tables []string, all bool) {
	if len(names) == 0 {
		return nil, false
	}
	if known == nil {
		return nil, true
	}
	tables, unknown := known.Affected(names, s.triggers)
	if unknown != "" {
		return nil, true
	}
	return tables, false
}

// called lists the tables that calling functions of the application's may change.
func (s *Schema) called(known *Snapshot, functions []string) (tables []string, all bool) {
	if len(functions) == 0 {
		return nil, false
	}
	if known == nil {
		return nil, true
	}
	tables, unknown := known.Calls(functions, s.triggers)
	return tables, unknown != ""
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
