package reader

import (
	"strings"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
)

// parting is how the answer to one text falls into parts: by the values of one column, which the text gives
// in a list. It does not change, but for indivisible.
type parting struct {
	version uint64 // of the catalog
	// plan and key are nil where the answer does not fall into parts.
	plan  *plan
	key   *writer.Key
	place int    // of the list in the folded text
	shape string // the text without the list
	order order
	tags  []string // that all parts share, but for the user's own
	// indivisible is set when an answer had a row that belongs to none of the values. Other answers will have such rows too.
	indivisible atomic.Bool
}

// order is the order in which the rows of different parts stand in the answer.
type order uint8

const (
	anyOrder   order = iota // it does not matter
	ascending               // of the key
	descending              // of the key
)

type partingKey struct {
	planKey
	by string
}

// parting returns how the answer to the statement falls into parts, nil if it does not.
func (q *query) parting(stmt *gorm.Statement, f *sqltext.Folded) *parting {
	k := partingKey{planKey{sql: f.SQL, base: q.inv.Base(stmt.ConnPool), region: q.region}, q.scope.DividedBy}
	pt, ok := q.partings.Get(k)
	if !ok || pt.version != q.inv.Version() {
		var remember bool
		if pt, remember = q.newParting(stmt, f); remember {
			q.partings.Put(k, pt)
		}
	}
	if pt == nil || pt.key == nil || pt.indivisible.Load() {
		return nil
	}
	return pt
}

// newParting finds it out. remember is false where another attempt may find something else.
func (q *query) newParting(stmt *gorm.Statement, f *sqltext.Folded) (pt *parting, remember bool) {
	none := &parting{version: q.inv.Version()}
	info := q.inv.Info(f.SQL)
	if refuse(info).reason != "" || info.Narrow == nil {
		return none, true
	}
	outline := sqltext.OutlineOf(sqltext.DialectOf(q.cfg.Dialect), f.SQL)
	if !outline.Plain {
		return none, true
	}
	if q.scope.Mode == engine.OnlyIfCached && !q.inv.Learned(stmt.ConnPool) {
		return nil, false // not even the catalog may be asked for
	}
	reading, err := q.inv.Reads(stmt.Context, stmt.ConnPool, info)
	if err != nil || reading.Detail != "" || reading.Volatile != "" {
		return nil, false
	}
	none.version = reading.Version
	if len(reading.Tables) != 1 || reading.Tables[0] != info.Narrow.Table {
		return none, true
	}
	key := q.inv.Key(reading, info.Narrow.Table, q.scope.DividedBy)
	if key == nil || len(key.Columns()) != 1 {
		return none, true
	}
	pt = &parting{version: reading.Version, key: key}
	if !pt.locate(info.Narrow, f) || q.scope.DividedBy == "" && !pt.inOrder(f.Dialect(), info.Narrow, outline) {
		return none, true
	}
	pt.plan = q.newPlan(reading.Tables)
	pt.plan.off = q.policies.off(info.Reads, reading.Tables)
	pt.plan.version, pt.plan.database, pt.plan.times = reading.Version, reading.Database, reading.Times
	if q.cfg.Database != "" {
		pt.plan.database = q.cfg.Database
	}
	pt.tags = q.region.Tags(key.Base()...)
	return pt, true
}

// locate finds the list of the key's values. There must be one: of two the rows have values of both.
func (pt *parting) locate(n *sqltext.Narrow, f *sqltext.Folded) bool {
	found := false
	for _, pin := range n.Pins {
		if pin.Column != pt.key.Columns()[0] {
			continue
		}
		if found || len(pin.Values) != 1 || pin.Values[0].Kind != sqltext.ParamOperand {
			return false
		}
		found, pt.place = true, pin.Values[0].Param
	}
	if !found || pt.place >= len(f.Places) || !f.Places[pt.place].Compared {
		return false
	}
	at := f.Places[pt.place]
	pt.shape = f.SQL[:at.Start] + "\x00" + f.SQL[at.End:]
	return true
}

// inOrder reports whether the order is certain in which the database gives the rows of a list of keys. Without
// ORDER BY it is only in SQLite, by the rowid, and where no index could serve as well: MySQL answers from one
// that happens to have all columns asked for, in its order, and PostgreSQL from where the rows lie.
func (pt *parting) inOrder(d sqltext.Dialect, n *sqltext.Narrow, o sqltext.Outline) bool {
	if !pt.key.Integer() {
		return false // a collation's order
	}
	switch {
	case o.Ordered && o.Order == pt.key.Columns()[0]:
		pt.order = ascending
		if o.Desc {
			pt.order = descending
		}
		return true
	case o.Ordered:
		return false
	}
	pt.order = ascending
	return pt.key.Rowid() && o.Whole && n.Alone(d)
}

// mayPart reports, at little cost, whether the text is worth a look.
func (q *query) mayPart(sql string) bool {
	return q.scope.DividedBy != "" || strings.Contains(sql, "IN (") || strings.Contains(sql, "in (")
}
