package schema

import (
	"context"
	"fmt"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// Reading is what a query depends on.
type Reading struct {
	// Tables are the tables it reads, views resolved; canonical, sorted.
	Tables []string
	// Database names the database it reads from.
	Database string
	// Times says how the connection reads times.
	Times string
	// Detail, if not empty, says why the tables can't be told, and Volatile what makes two answers differ
	// though no table has changed.
	Detail, Volatile string
	// Version is that of the catalog the answer rests on.
	Version uint64

	snapshot *Snapshot
}

// Read resolves what a query depends on. Where a name is not known the catalog is read again, since another program may
// have created the table since; reload returns nil where that must not be.
func (s *Schema) Read(ctx context.Context, db any, known *Snapshot, info *sqltext.Info, reload func() Opener) (Reading, error) {
	tables, doubt := s.reads(known, info.Reads)
	var open Opener
	if doubt.Name != "" {
		open = reload()
	}
	if open != nil {
		if anew, err := s.reload(ctx, db, known, open); err != nil {
			return Reading{}, err
		} else if anew != nil {
			tables, doubt = s.reads(anew, info.Reads)
		}
	}
	r := Reading{Tables: tables, Database: known.identity, Times: known.times, Version: known.version, snapshot: known}
	switch {
	case doubt.Volatile != "":
		r.Volatile = fmt.Sprintf("%s in the definition of %q", doubt.Volatile, doubt.Name)
	case doubt.Remedy != "":
		r.Detail = fmt.Sprintf("%q is %s: %s", doubt.Name, doubt.What, doubt.Remedy)
	case doubt.Name != "":
		r.Detail = fmt.Sprintf("%q is %s", doubt.Name, doubt.What)
	}
	return r, nil
}

// ReadingOf is what a query of which nothing but its table is known depends on.
func ReadingOf(known *Snapshot) Reading { return Reading{snapshot: known} }

// Key returns the primary key of a table, or, where a column is named, that column as one to be tracked.
// nil: the rows can't be told apart so, or a write to the table may change more than it says.
func (s *Schema) Key(r Reading, table, column string) *Key {
	l := r.snapshot.direct(table)
	if l == nil {
		return nil
	}
	k := &Key{table: table, columns: l.Key, base: []string{s.ns.Bulk(table)}, values: s.ns.Rows(table)}
	if column == "" || len(l.Key) == 1 && l.Key[0].Name == column {
		if len(l.Key) == 0 {
			return nil
		}
		return k
	}
	c, ok := l.Column(column)
	if !ok {
		return nil
	}
	k.columns, k.values = []catalog.Column{*c}, s.ns.Sets(table, c.Name)
	k.tracks = []string{s.ns.Tracked(table), s.ns.TrackedColumn(table, c.Name)}
	k.base = append(k.base, k.tracks...)
	return k
}

// Narrow returns on which values of a key a query depends, if its text pins it to a primary key, or to a column for
// which tracked says so; or nil and why it depends on whole tables.
func (s *Schema) Narrow(r Reading, info *sqltext.Info, tracked func(table, column string) bool) (_ *Narrowed, why string) {
	n := info.Narrow
	switch {
	case n == nil:
		return nil, info.Wide
	case len(r.Tables) != 1 || r.Tables[0] != n.Table:
		return nil, n.Table + " is a view"
	case len(n.Pins) == 0 && n.Where == "":
		return nil, "it has no WHERE"
	case len(n.Pins) == 0:
		return nil, "its WHERE has no column = value, and no column IN (values), that everything else is joined to by AND"
	}
	l, why := r.snapshot.whole(n.Table)
	if l == nil {
		return nil, why
	}
	if k := s.Key(r, n.Table, ""); k != nil {
		if pins := pinned(n, k); pins != nil {
			return &Narrowed{Key: k, text: n, pins: pins}, ""
		}
	}
	for _, pin := range n.Pins {
		if !tracked(n.Table, pin.Column) || len(pin.Values) > maxRowTags {
			continue
		}
		if k := s.Key(r, n.Table, pin.Column); k != nil {
			return &Narrowed{Key: k, text: n, pins: [][]sqltext.Operand{pin.Values}}, ""
		}
	}
	return nil, unpinned(n, l, tracked)
}
