package replay

import (
	"database/sql"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// drainBytes is how much of a result Drain keeps in memory. What is larger is read by the application, as it comes.
const drainBytes = 16 << 20

// Drain reads live rows to their end and returns rows that give the same, so that the statement behind them has
// surely run to its end. err is how that was, which what is drained shows too; if drained is nil, how it could not be
// replayed. ended is false if the rows are too many, or hold what cannot be kept: what is returned goes on reading the
// live ones then, and calls closed with their error when it is closed.
func (r *Replayer) Drain(live *sql.Rows, closed func(error)) (drained *sql.Rows, ended bool, err error) {
	got := r.Collect(live, rows.Limits{MaxBytes: drainBytes})
	if got.Rest != nil {
		return got.Rest.drained(closed)
	}
	view, err := rows.Parse(got.Payload)
	if err != nil {
		return nil, true, err
	}
	drained, err = r.Rows(view)
	return drained, true, err
}

func (t *Tail) drained(closed func(error)) (drained *sql.Rows, ended bool, err error) {
	ended = t.empty() || t.ended && (!t.more || t.moreErr != nil)
	if !ended {
		t.closed = closed
	}
	if drained, err = t.r.open(tailSource{t}); err != nil {
		_ = t.live.Close()
		return nil, true, err
	}
	if ended {
		err = t.outcome()
	}
	return drained, ended, err
}

// outcome is how the live rows have ended, as far as they were read.
func (t *Tail) outcome() error {
	for _, err := range []error{t.err, t.moreErr, t.closeErr} {
		if err != nil {
			return err
		}
	}
	return t.live.Err()
}

// empty reads a result without columns to its end: that of a write without RETURNING, which can't be
// encoded but holds no rows either. It reports whether the statement has surely ended.
func (t *Tail) empty() bool {
	if t.begun {
		return false
	}
	names, err := t.live.Columns()
	if err != nil || len(names) > 0 {
		return false
	}
	t.begun = true
	for t.live.Next() {
	}
	t.endSet()
	if t.err != nil || t.more {
		return false
	}
	t.closeErr = t.live.Close()
	return t.closeErr == nil
}
