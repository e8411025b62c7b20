package replay

import (
	"database/sql"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// Drain reads live rows to their end and returns rows that give the same, so that the statement behind
// them has surely run to its end. ended is false if that could not be done, because the rows hold
// what cannot be kept; what is returned then goes on reading the live ones.
func (r *Replayer) Drain(rows *sql.Rows) (drained *sql.Rows, ended bool, err error) {
	got := r.Collect(rows, serializer.Limits{})
	if got.Rest != nil {
		ended = got.Rest.empty()
		drained, err = got.Rest.Rows()
		return drained, ended, err
	}
	view, err := serializer.Parse(got.Payload)
	if err != nil {
		return nil, true, err
	}
	drained, err = r.Rows(view)
	return drained, true, err
}

// empty reads a result without columns to its end: that of a write without RETURNING, which can't be
// encoded but holds no rows either. It tells whether the statement has surely ended.
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
