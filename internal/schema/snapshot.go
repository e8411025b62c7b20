package schema

import (
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Snapshot is what a database's catalog said. It does not change.
type Snapshot struct {
	*catalog.Catalog
	identity string
	times    string
	version  uint64
	taken    time.Time
	number   uint64 // of the loading that all may go by; 0: it is one transaction's own
}

// direct returns the layout of a table whose writes change what they say, or nil.
func (s *Snapshot) direct(table string) *catalog.Layout {
	if s == nil || s.Catalog == nil {
		return nil
	}
	if l := s.Layout(table); l != nil && l.Direct {
		return l
	}
	return nil
}

// Written returns the tables that the text says a statement writes, as far as the schema completes it.
func (s *Snapshot) Written(info *sqltext.Info) (tables []string) {
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

// owners are those tables of an UPDATE that have, or may have, one of the columns of which it does not tell. All, if
// none has it.
func (s *Snapshot) owners(info *sqltext.Info) (owners []string) {
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

// emptied are the tables that are emptied with one, itself among them.
func (s *Snapshot) emptied(table string) []string {
	if s == nil || s.Catalog == nil { // then all is dropped
		return []string{table}
	}
	return s.Emptied(table)
}
