package replay

import (
	"database/sql"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Collected is the outcome of [Replayer.Collect]. Either Payload or Rest holds the whole result.
type Collected struct {
	// Payload is the encoded result, for [rows.Parse]; nil if the result cannot be cached.
	Payload []byte
	// Rest returns the result if it cannot be cached; nil if Payload is set.
	Rest *Tail
	// Reason is why there is no payload: it wraps [rows.ErrTooLarge] or entry.ErrUnsupported, or is the error that the
	// live rows ended with.
	Reason error
}

// Collect reads live to its end and encodes it. From then on live belongs to the result: Collect closes live when the
// payload holds all rows; otherwise live is closed by closing the rows that Rest returns, and by nothing else.
//
// A result cannot be cached if it exceeds the limits, contains a value that cannot be encoded, ends with an error, or is
// followed by another result set. The rows read until then are not lost: Rest replays them and continues with the live
// rows. So the caller sees one whole result, with the error where the database put it.
func (r *Replayer) Collect(live *sql.Rows, limits rows.Limits) Collected {
	t := &Tail{r: r, live: live}
	names, err := live.Columns()
	if err != nil {
		return Collected{Rest: t, Reason: err}
	}
	types, err := live.ColumnTypes()
	if err != nil {
		return Collected{Rest: t, Reason: err}
	}
	columns := make([]rows.Column, len(types))
	for i := range types {
		columns[i] = rows.ColumnOf(types[i])
	}
	enc, err := rows.NewEncoder(columns, limits)
	if err != nil {
		return Collected{Rest: t, Reason: err}
	}
	t.names, t.types = append([]string(nil), names...), types
	if slices.ContainsFunc(types, func(c *sql.ColumnType) bool { return c.ScanType() == nil }) {
		t.proposals = make([]proposal, len(types))
	}
	return t.collect(enc)
}

// drainBytes is how much of a result Drain keeps in memory. The application reads a larger result directly.
const drainBytes = 16 << 20

// Drain reads live rows to their end and returns rows with the same content, so that the statement behind them has
// certainly ended. err is the error with which the statement ended; the drained rows return it too. If drained is nil, err
// is why the rows could not be replayed. ended is false if there are too many rows, or values that cannot be kept: then
// the drained rows continue to read the live rows, and call closed with the live rows' error when they are closed.
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

// First reads the first of the live rows and closes them, as [sql.Row.Scan] would. It returns a row with the same content,
// and the error with which the statement ended: on closing, every driver reads the rest of the rows. First keeps only one
// row in memory.
func (r *Replayer) First(live *sql.Rows) (row *sql.Row, err error) {
	first, err := readFirst(live)
	return r.openRow(first), err
}
