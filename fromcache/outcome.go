package fromcache

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// outcomeName is where a read's outcome stands in its statement: among the clauses it is not handed on to what the
// query preloads.
const outcomeName = "gormcache:outcome"

// outcome is how a statement's read ended, as a clause. It is not part of the SQL.
type outcome struct{ observe.Outcome }

// Build implements clause.Expression.
func (outcome) Build(clause.Builder) {}

// outcomes are made once: a hit must not allocate to say that it is one.
var outcomes = func() (all [observe.Bypass + 1]clause.Clause) {
	for o := range all {
		all[o].Expression = outcome{observe.Outcome(o)}
	}
	return all
}()

// OutcomeOf returns how the last cached read of a handle ended; ok is false if there was none. The handle is the one
// that Find, First, Scan and the like return, or, in a callback of your own that runs after gorm:query or gorm:row,
// the callback's:
//
//	tx := db.Clauses(fromcache.Region("default")).Find(&users)
//	if outcome, ok := fromcache.OutcomeOf(tx); ok {
//		w.Header().Set("X-Cache", outcome.String())
//	}
//
// Row, Rows and gorm.G return no handle: there, and for reasons and durations, use observe.Hooks.
func OutcomeOf(tx *gorm.DB) (_ observe.Outcome, ok bool) {
	if tx == nil || tx.Statement == nil {
		return 0, false
	}
	o, ok := tx.Statement.Clauses[outcomeName].Expression.(outcome)
	return o.Outcome, ok
}

// ended notes how the statement's read ended, for [OutcomeOf], and says so in its text where the database was not
// asked, or not for all: whoever shows the text once the query is done (GORM's log, tracing plugins) shows it then.
// The comment stands at the end, where tools that look at the first word find what they expect. GORM forgets the text
// when the statement is over. found of parts parts are from the cache.
func (q *query) ended(ans answer, res engine.Result, found, parts int, err error) {
	stmt := q.db.Statement
	stmt.Clauses[outcomeName] = outcomes[res.Outcome]
	if stmt.SQL.Len() == 0 || ans.view == nil && err == nil { // this very text is what the database gets, or got
		return
	}
	switch {
	case res.Outcome == observe.Hit:
		stmt.SQL.WriteString(" /* gormcache: hit */")
	case res.Outcome == observe.Stale:
		stmt.SQL.WriteString(" /* gormcache: stale */")
	case res.Coalesced:
		stmt.SQL.WriteString(" /* gormcache: miss, coalesced */")
	case errors.Is(err, ErrCacheMiss):
		stmt.SQL.WriteString(" /* gormcache: miss, not sent */")
	case found > 0:
		_, _ = fmt.Fprintf(&stmt.SQL, " /* gormcache: miss, %d of %d parts hit */", found, parts)
	}
}
