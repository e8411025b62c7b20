package schema

import (
	"context"
	"fmt"

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
