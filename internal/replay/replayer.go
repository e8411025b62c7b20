// Package replay returns the rows of a cache entry to GORM and to database/sql, so that a hit looks exactly like the
// database's answer.
//
// GORM's row processor requires a *sql.Rows, and programs scan rows as they like. So a decoded result is replayed through
// database/sql itself, by a driver in memory: conversions, errors and column types are then those of database/sql, and not
// an imitation. When GORM scans models, [Replayer.Scan] takes a shorter way with the same result.
//
//	           ┌ Rows, Row ── database/sql ── whatever the caller scans into
//	rows.Set ──┤
//	           └ Scan ─┬ compiled plan: plain fields set by their offset in the struct
//	                   └ anything else, and every error: gorm.Scan over replayed rows
//
// [Replayer.Collect] is the other direction: it reads a live result to its end, and if the result cannot be cached, it
// returns rows that continue where it stopped. The query never runs twice.
package replay

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// idleConns is how many connections of the in-memory driver are kept. One costs nothing but a few
// words; making one anew costs about a microsecond.
const idleConns = 64

// Replayer replays decoded rows. Make one with [New]; a program needs only one. It is safe for concurrent use.
type Replayer struct {
	db     *sql.DB
	closed atomic.Bool
	plans  plans
}

// New returns a replayer. It keeps one goroutine (that of its sql.DB), which [Replayer.Close] ends.
func New() *Replayer {
	db := sql.OpenDB(connector{})
	db.SetMaxIdleConns(idleConns)
	return &Replayer{db: db, plans: newPlans()}
}

// Close releases what the replayer holds. Rows in use may be read to their end. Later results are
// still replayed, only slower: a read may have begun before, and the rows that a write has returned cannot be queried
// again. Close may be called more than once.
func (r *Replayer) Close() error {
	r.closed.Store(true)
	return r.db.Close()
}

// Rows returns the rows of view, as the database would return them. The caller closes them.
func (r *Replayer) Rows(view *rows.Set) (*sql.Rows, error) {
	return r.open(&viewSource{view: view})
}

// Row returns the first row of view, as the database would return it.
func (r *Replayer) Row(view *rows.Set) *sql.Row {
	return r.openRow(&viewSource{view: view})
}

// RowError returns a row whose Scan and Err return err, as after a failed query.
func (r *Replayer) RowError(err error) *sql.Row {
	return r.openRow(errorSource{err})
}

// The context is never canceled: for any other context, database/sql starts a goroutine per
// result, which would cost more than the replay.
func (r *Replayer) open(s source) (*sql.Rows, error) {
	rows, err := r.db.QueryContext(context.Background(), "", s)
	if err != nil && r.closed.Load() {
		db := late()
		defer func() { _ = db.Close() }()
		return db.QueryContext(context.Background(), "", s)
	}
	return rows, err
}

func (r *Replayer) openRow(s source) *sql.Row {
	row := r.db.QueryRowContext(context.Background(), "", s)
	if row.Err() != nil && r.closed.Load() {
		db := late()
		defer func() { _ = db.Close() }()
		return db.QueryRowContext(context.Background(), "", s)
	}
	return row
}

// late opens a database for one result after Close. It is closed at once, which leaves the rows open and nothing else.
func late() *sql.DB { return sql.OpenDB(connector{}) }
