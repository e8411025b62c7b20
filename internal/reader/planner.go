package reader

import (
	"cmp"
	"slices"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// planner finds out what texts depend on and how their answers fall into parts, and remembers both until the schema
// changes. Made by newPlanner, it is safe for concurrent use.
type planner struct {
	cfg      Config
	inv      *writer.Writer
	policies *policies
	plans    memo.Memo[planKey, *plan]
	partings memo.Memo[partingKey, *parting]
}

type planKey struct {
	sql    string
	base   any
	region *engine.Region
}

func (k planKey) text() string { return k.sql }

type partingKey struct {
	planKey
	by string
}

func newPlanner(cfg Config, ps *policies) *planner {
	return &planner{
		cfg: cfg, inv: cfg.Invalidator, policies: ps,
		plans:    memo.Memo[planKey, *plan]{Text: planKey.text},
		partings: memo.Memo[partingKey, *parting]{Text: func(k partingKey) string { return k.sql }},
	}
}

// plan returns the plan of the statement's SQL, or why there is none.
func (p *planner) plan(stmt *gorm.Statement, s *scope.Scope, r *engine.Region) (*plan, bypass) {
	k := planKey{sql: stmt.SQL.String(), base: p.inv.Base(stmt.ConnPool), region: r}
	if pl, ok := p.plans.Get(k); ok && pl.version == p.inv.Version() {
		return pl, pl.bypass
	}
	info := p.inv.Info(k.sql)
	if b := refuse(info); b.reason != "" {
		pl := &plan{version: p.inv.Version(), bypass: b}
		p.plans.Put(k, pl)
		return pl, b
	}
	if s.Mode == engine.OnlyIfCached && !p.inv.Learned(stmt.ConnPool) {
		return nil, bypass{reason: observe.Catalog, detail: detailUnread} // not even the catalog may be asked for
	}
	reading, err := p.inv.Reads(stmt.Context, stmt.ConnPool, info)
	if err != nil {
		return nil, bypass{reason: observe.Catalog, detail: fault.Text(err)}
	}
	switch { // not remembered: the table may be created yet
	case reading.Volatile != "":
		return nil, bypass{reason: observe.Volatile, detail: reading.Volatile}
	case reading.Detail != "":
		return nil, bypass{reason: observe.Tables, detail: reading.Detail}
	}
	pl := p.newPlan(info, reading, r)
	if pl.narrowed = p.inv.Narrow(reading, info, p.tracked); pl.narrowed != nil {
		pl.base = r.Tags()
	} else {
		pl.coarse = p.inv.Whole(reading, info, p.tracked)
	}
	p.plans.Put(k, pl)
	return pl, bypass{}
}

// parting returns how the answer to the statement falls into parts, nil if it does not.
func (p *planner) parting(stmt *gorm.Statement, f *sqltext.Folded, s *scope.Scope, r *engine.Region) *parting {
	k := partingKey{planKey{sql: f.SQL, base: p.inv.Base(stmt.ConnPool), region: r}, s.DividedBy}
	pt, ok := p.partings.Get(k)
	if !ok || pt.version != p.inv.Version() {
		var remember bool
		if pt, remember = p.newParting(stmt, f, s, r); remember {
			p.partings.Put(k, pt)
		}
	}
	if pt == nil || pt.key == nil || pt.indivisible.Load() {
		return nil
	}
	return pt
}

// newParting finds out what parting returns. remember is false where another attempt may find something else.
func (p *planner) newParting(stmt *gorm.Statement, f *sqltext.Folded, s *scope.Scope, r *engine.Region) (pt *parting, remember bool) {
	none := &parting{version: p.inv.Version()}
	info := p.inv.Info(f.SQL)
	if refuse(info).reason != "" || info.Narrow == nil {
		return none, true
	}
	outline := sqltext.OutlineOf(sqltext.DialectOf(p.cfg.Dialect), f.SQL)
	if !outline.Plain {
		return none, true
	}
	if s.Mode == engine.OnlyIfCached && !p.inv.Learned(stmt.ConnPool) {
		return nil, false // not even the catalog may be asked for
	}
	reading, err := p.inv.Reads(stmt.Context, stmt.ConnPool, info)
	if err != nil || reading.Detail != "" || reading.Volatile != "" {
		return nil, false
	}
	none.version = reading.Version
	if len(reading.Tables) != 1 || reading.Tables[0] != info.Narrow.Table {
		return none, true
	}
	key := p.inv.Key(reading, info.Narrow.Table, s.DividedBy)
	if key == nil || len(key.Columns()) != 1 {
		return none, true
	}
	pt = &parting{version: reading.Version, key: key}
	if !pt.locate(info.Narrow, f) || s.DividedBy == "" && !pt.inOrder(f.Dialect(), info.Narrow, outline) {
		return none, true
	}
	pt.plan = p.newPlan(info, reading, r)
	pt.tags = r.Tags(key.Base()...)
	return pt, true
}

// newPlan returns a plan for a query that depends on whole tables.
func (p *planner) newPlan(info *sqltext.Info, reading schema.Reading, r *engine.Region) *plan {
	n := len(reading.Tables)
	pl := &plan{
		version: reading.Version, database: cmp.Or(p.cfg.Database, reading.Database), times: reading.Times,
		tables: reading.Tables, counters: make([]*observe.Counter, n), off: p.policies.off(info.Reads, reading.Tables),
	}
	tags := make([]string, n)
	for i, t := range reading.Tables {
		tags[i] = p.cfg.Engine.Namespace().Table(t)
		pl.counters[i] = p.cfg.Recorder.Table(t)
	}
	pl.tags = r.Tags(tags...)
	return pl
}

// tracked reports whether queries may be pinned on a column by its values.
func (p *planner) tracked(table, column string) bool {
	return slices.Contains(p.cfg.Tracked[table], column)
}
