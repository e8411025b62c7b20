package reader

import (
	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// plan is what is known of one SQL text on one database through one region. Only its parser changes.
type plan struct {
	version  uint64 // of the catalog
	bypass   bypass
	database string
	times    string // how the connection reads times
	tables   []string
	tags     []string // all tags but the user's own, if the query depends on whole tables
	counters []*observe.Counter
	// narrowed says on which rows the query depends, nil if on whole tables. base are the tags that stand before those
	// of the rows.
	narrowed *writer.Narrowed
	base     []string
	coarse   string   // why the query depends on whole tables, if it does with any arguments
	off      []string // tables whose policy is Off
	parser   rows.Parser
}

// depends fills in the tags that the query depends on with these arguments, and returns their class: the same text may
// depend on rows with some arguments, and on tables with others.
func (pl *plan) depends(r *engine.Request, args *argument.List) (class byte) {
	r.Tracks, r.Tracking = nil, nil // of an earlier attempt, by an older schema
	if pl.narrowed == nil || schema.Shifted(args.Given) {
		r.Tags = pl.tags
		return classTable
	}
	tags := make([]string, 0, len(pl.base)+pl.narrowed.Most())
	tags, ok := pl.narrowed.Tags(append(tags, pl.base...), args.Forms)
	if !ok {
		r.Tags = pl.tags
		return classTable
	}
	r.Tags = tags
	if pl.narrowed.Key.Primary() {
		return classRow
	}
	r.Tracks, r.Tracking = pl.narrowed.Key.Tracks(), pl.narrowed.Key
	return classColumn
}

// keptOut finds a table whose policy keeps it out of queries that are cached by policy.
func (pl *plan) keptOut(s *scope.Scope) (table string, ok bool) {
	if !s.FromPolicy {
		return "", false
	}
	for _, table := range pl.off {
		if table != s.Table {
			return table, true
		}
	}
	return "", false
}

// What a query depends on. It is part of the key, since the tokens of one are not those of another.
const (
	classTable byte = iota
	classRow
	classColumn
	classPart // one value of a column
)
