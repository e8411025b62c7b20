package reader

import (
	"errors"
	"fmt"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// ended notes how the statement's read ended, for [scope.OutcomeOf], and says so in its text where the database was not
// asked, or not for all: whoever shows the text once the query is done (GORM's log, tracing plugins) shows it then.
// The comment stands at the end, where tools that look at the first word find what they expect. GORM forgets the text
// when the statement is over.
func (q *query) ended(ans answer, res engine.Result, err error) {
	stmt := q.db.Statement
	scope.SetOutcome(stmt, res.Outcome)
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
	case errors.Is(err, engine.ErrCacheMiss):
		stmt.SQL.WriteString(" /* gormcache: miss, not sent */")
	default:
		found := 0
		for _, payload := range res.Hits {
			if payload != nil {
				found++
			}
		}
		if found > 0 {
			_, _ = fmt.Fprintf(&stmt.SQL, " /* gormcache: miss, %d of %d parts hit */", found, len(res.Hits))
		}
	}
}
