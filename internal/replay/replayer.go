// Package replay gives the rows of a cache entry back to GORM and to database/sql, so that a hit
// cannot be told from the database's answer.
//
// GORM's row processor asserts that it gets a *sql.Rows, and programs scan it as they like. So a
// decoded result is replayed through database/sql itself, by a driver that lives in memory: the
// conversions, the errors and the column types are then those of database/sql, not an imitation.
// Where GORM scans models, [Replayer.Scan] takes a shorter way, with the same result.
//
//	                 ┌ Rows, Row ── database/sql ── whatever the caller scans into
//	serializer.Rows ─┤
//	                 └ Scan ─┬ compiled plan: plain fields set by their offset in the struct
//	                         └ anything else, and every error: gorm.Scan over replayed rows
//
// [Replayer.Collect] is the other direction: it reads a live result to its end, and when that is not
// to be cached hands out rows that go on where it stopped. The query never runs twice.
package replay

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// idleConns is how many connections of the in-memory driver are kept. One costs nothing but a few
// words; making one anew costs about a microsecond.
const idleConns = 64

// Replayer replays decoded rows. Make it with [New]; a program needs one. It is safe for concurrent
// use.
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

// Close releases what the replayer holds. Rows in use may be read to their end. What comes later is
// replayed all the same, only slower: a read may have begun before, and what a statement that writes has
// returned is to be had once only. It may be called more than once.
func (r *Replayer) Close() error {
	r.closed.Store(true)
	return r.db.Close()
}

// Rows returns the rows of view, as the database would. The caller closes them.
func (r *Replayer) Rows(view *serializer.Rows) (*sql.Rows, error) {
	return r.open(&viewSource{view: view})
}

// Row returns the first row of view, as the database would.
func (r *Replayer) Row(view *serializer.Rows) *sql.Row {
	return r.openRow(&viewSource{view: view})
}

// RowError returns a row whose Scan and Err return err, as those of a query that failed.
func (r *Replayer) RowError(err error) *sql.Row {
	return r.openRow(errorSource{err})
}

// The context is one that is never cancelled: for any other, database/sql starts a goroutine a
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

// late is for one result after Close. Closed at once, it leaves the rows as they are, and nothing behind.
func late() *sql.DB { return sql.OpenDB(connector{}) }
