package reader

import (
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// comment begins the comment on a read in its statement's text.
const comment = " /* gormcache: "

// uncomment removes the comment on an earlier read from the text. In a callback after gorm:query, a session of the
// statement at hand is a statement with the same text, which is another query when it is sent.
func uncomment(stmt *gorm.Statement) {
	if stmt.SQL.Len() == 0 {
		return
	}
	text := stmt.SQL.String()
	if at := strings.LastIndex(text, comment); at >= 0 && strings.Index(text[at:], "*/") == len(text)-at-2 {
		stmt.SQL.Reset()
		stmt.SQL.WriteString(text[:at])
	}
}

// noteOutcome records how the statement's read ended, for [scope.OutcomeOf]. Where the database was not asked, or not
// for all, it adds a comment to the statement's text, so that GORM's log and tracing plugins, which show the text once
// the query is done, show the outcome. The comment stands at the end, where tools that look at the first word find
// what they expect. GORM forgets the text when the statement is over.
func noteOutcome(stmt *gorm.Statement, ans answer, res engine.Result, err error) {
	scope.SetOutcome(stmt, res.Outcome)
	if stmt.SQL.Len() == 0 || ans.view == nil && err == nil { // this very text is what the database gets, or got
		return
	}
	switch {
	case res.Outcome == observe.Hit:
		stmt.SQL.WriteString(comment + "hit */")
	case res.Outcome == observe.Stale:
		stmt.SQL.WriteString(comment + "stale */")
	case res.Coalesced:
		stmt.SQL.WriteString(comment + "miss, coalesced */")
	case errors.Is(err, engine.ErrCacheMiss):
		stmt.SQL.WriteString(comment + "miss, not sent */")
	default:
		found := 0
		for _, payload := range res.Hits {
			if payload != nil {
				found++
			}
		}
		if found > 0 {
			_, _ = fmt.Fprintf(&stmt.SQL, comment+"miss, %d of %d parts hit */", found, len(res.Hits))
		}
	}
}
