package scope

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// outcomeName is where a read's outcome stands in its statement.
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

// SetOutcome notes how the statement's read ended.
func SetOutcome(stmt *gorm.Statement, o observe.Outcome) { stmt.Clauses[outcomeName] = outcomes[o] }

// OutcomeOf returns how the statement's last read ended; ok is false if there was none.
func OutcomeOf(stmt *gorm.Statement) (_ observe.Outcome, ok bool) {
	o, ok := stmt.Clauses[outcomeName].Expression.(outcome)
	return o.Outcome, ok
}
