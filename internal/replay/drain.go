package replay

import "database/sql"

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

// outcome returns the error with which the live rows have ended, as far as they were read.
func (t *Tail) outcome() error {
	for _, err := range []error{t.err, t.moreErr, t.closeErr} {
		if err != nil {
			return err
		}
	}
	return t.live.Err()
}

// empty reads a result without columns to its end: that of a write without RETURNING, which cannot be encoded, but has no
// rows either. It reports whether the statement has certainly ended.
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
