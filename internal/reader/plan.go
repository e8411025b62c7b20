package reader

import (
	"slices"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// plan is what is known of one SQL text on one database through one region. It does not change, but for its parser.
type plan struct {
	version  uint64 // of the catalog
	bypass   bypass
	database string
	times    string // how the connection reads times
	tables   []string
	tags     []string // all tags but the user's own, if it depends on whole tables
	counters []*observe.Counter
	// narrowed tells on which rows it depends, nil if on whole tables; base are then the tags before
	// those.
	narrowed *writer.Narrowed
	base     []string
	coarse   string   // why it depends on whole tables, if it does whatever its arguments
	off      []string // tables that policies keep out
	parser   rows.Parser
}

type planKey struct {
	sql    string
	base   any
	region *engine.Region
}

func (k planKey) text() string { return k.sql }

// planOf returns the plan of the statement's SQL, or why there is none.
func (q *query) planOf(stmt *gorm.Statement) (*plan, bypass) {
	k := planKey{sql: stmt.SQL.String(), base: q.inv.Base(stmt.ConnPool), region: q.region}
	if pl, ok := q.plans.Get(k); ok && pl.version == q.inv.Version() {
		return pl, pl.bypass
	}
	info := q.inv.Info(k.sql)
	if b := refuse(info); b.reason != "" {
		pl := &plan{version: q.inv.Version(), bypass: b}
		q.plans.Put(k, pl)
		return pl, b
	}
	if q.scope.Mode == engine.OnlyIfCached && !q.inv.Learned(stmt.ConnPool) {
		return nil, bypass{reason: observe.Catalog, detail: detailUnread} // not even the catalog may be asked for
	}
	reading, err := q.inv.Reads(stmt.Context, stmt.ConnPool, info)
	if err != nil {
		return nil, bypass{reason: observe.Catalog, detail: fault.Text(err)}
	}
	switch { // not remembered: the table may be created yet
	case reading.Volatile != "":
		return nil, bypass{reason: observe.Volatile, detail: reading.Volatile}
	case reading.Detail != "":
		return nil, bypass{reason: observe.Tables, detail: reading.Detail}
	}
	pl := q.newPlan(reading.Tables)
	pl.off = q.policies.off(info.Reads, reading.Tables)
	if pl.narrowed = q.inv.Narrow(reading, info, q.tracked); pl.narrowed != nil {
		pl.base = q.region.Tags()
	} else {
		pl.coarse = q.inv.Whole(reading, info, q.tracked)
	}
	pl.version, pl.database, pl.times = reading.Version, reading.Database, reading.Times
	if q.cfg.Database != "" {
		pl.database = q.cfg.Database
	}
	q.plans.Put(k, pl)
	return pl, bypass{}
}

func (q *query) newPlan(tables []string) *plan {
	pl := &plan{tables: tables, counters: make([]*observe.Counter, len(tables))}
	tags := make([]string, len(tables))
	for i, t := range tables {
		tags[i] = q.engine.Namespace().Table(t)
		pl.counters[i] = q.cfg.Recorder.Table(t)
	}
	pl.tags = q.region.Tags(tags...)
	return pl
}

// tracked reports whether queries may be pinned on a column by its values.
func (rd *Reader) tracked(table, column string) bool {
	return slices.Contains(rd.cfg.Tracked[table], column)
}

// depends fills in the tags that the query depends on with its arguments. They are part of its class: the
// same query may depend on rows with some arguments, and on tables with others.
func (q *query) depends(pl *plan, args *argument.List) (class byte) {
	q.request.Tracks, q.request.Tracking = nil, nil // of an earlier attempt, by an older schema
	if pl.narrowed == nil || schema.Shifted(args.Given) {
		q.request.Tags = pl.tags
		return classTable
	}
	tags := make([]string, 0, len(pl.base)+pl.narrowed.Most())
	tags, ok := pl.narrowed.Tags(append(tags, pl.base...), args.Forms)
	if !ok {
		q.request.Tags = pl.tags
		return classTable
	}
	q.request.Tags = tags
	if pl.narrowed.Key.Primary() {
		return classRow
	}
	q.request.Tracks, q.request.Tracking = pl.narrowed.Key.Tracks(), pl.narrowed.Key
	return classColumn
}

// What a query depends on. It is part of the key, since the tokens of one are not those of another.
const (
	classTable byte = iota
	classRow
	classColumn
	classPart // one value of a column
)
