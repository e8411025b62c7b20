package fromcache

import (
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/scope"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

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
	return scope.OutcomeOf(tx.Statement)
}
