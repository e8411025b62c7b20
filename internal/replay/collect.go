package replay

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Collected is a live result that was read. Either Payload holds all of it, or Rest does.
type Collected struct {
	// Payload is the encoded result, for [rows.Parse]. nil if the result is not to be cached.
	Payload []byte
	// Rest gives out the result when it is not to be cached. nil if Payload is set.
	Rest *Tail
	// Reason tells why there is no payload: it wraps [rows.ErrTooLarge],
	// [entry.ErrUnsupported], or is the error that the live rows ended with.
	Reason error
}

// Collect reads live to its end and encodes it. From then on live belongs to the result: Collect closes live when the
// payload holds all rows; otherwise live is closed by closing the rows that Rest returns, and by nothing else.
//
// A result is not to be cached when it exceeds the limits, holds something that cannot be encoded,
// ends with an error, or is followed by another result set. What was read until then is not lost:
// Rest replays it and goes on with the live rows, so that the caller sees one whole result, with the
// error where the database put it.
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
		t.learnt = make([]proposal, len(types))
	}
	return t.collect(enc)
}

func (t *Tail) collect(enc *rows.Encoder) Collected {
	row := newRow(len(t.names))
	t.begun = true
	for t.live.Next() {
		if err := t.live.Scan(row.dest...); err != nil {
			return t.stop(enc, nil, err)
		}
		if err := t.late(enc, row.values); err != nil {
			return t.stop(enc, row.values, err)
		}
		if err := enc.Add(row.values); err != nil {
			return t.stop(enc, row.values, err)
		}
	}
	t.endSet()
	switch {
	case t.err != nil:
		return t.stop(enc, nil, t.err)
	case t.moreErr != nil:
		return t.stop(enc, nil, t.moreErr)
	case t.more:
		return t.stop(enc, nil, fmt.Errorf("%w: more than one result set", entry.ErrUnsupported))
	}
	if err := t.live.Close(); err != nil {
		t.closeErr = err
		return t.stop(enc, nil, err)
	}
	return Collected{Payload: enc.Append(nil)}
}

// proposal is what a driver proposes for a column that has no type before a row is read: the pure Go SQLite goes by
// the value at hand, and has none for NULL. GORM, for a map, asks when it has a row.
type proposal struct {
	value reflect.Type // of the last that was not NULL
	typ   reflect.Type // the first that was proposed
	own   bool         // each was that of the value
	mixed bool         // there were others than typ
}

// late asks for the types of such columns where the row has a value of another type than the last.
func (t *Tail) late(enc *rows.Encoder, row []any) error {
	var types []*sql.ColumnType
	for i := range t.learnt {
		p, value := &t.learnt[i], reflect.TypeOf(row[i])
		if value == nil || value == p.value || t.types[i].ScanType() != nil {
			continue
		}
		if types == nil {
			var err error
			if types, err = t.live.ColumnTypes(); err != nil {
				return err
			}
		}
		typ := types[i].ScanType()
		own, mixed := typ == value, p.mixed
		if p.value == nil {
			p.typ = typ
		} else {
			own, mixed = own && p.own, mixed || typ != p.typ
		}
		switch {
		case !mixed:
			enc.Late(i, typ)
		case !own:
			return fmt.Errorf("%w: the rows of column %q are of several types", entry.ErrUnsupported, t.names[i])
		default:
			enc.LateOwn(i)
		}
		p.value, p.own, p.mixed = value, own, mixed
	}
	return nil
}

// stop keeps what was read so far for the tail.
func (t *Tail) stop(enc *rows.Encoder, pending []any, reason error) Collected {
	head, err := rows.Parse(enc.Append(nil))
	if err != nil {
		// What the encoder writes can be parsed; should it ever not be so, the rows read are lost,
		// and the caller must learn it rather than get a part of them.
		t.err, t.ended, pending = fmt.Errorf("replay: rows already read: %w", err), true, nil
	}
	t.head, t.pending = head, pending
	return Collected{Rest: t, Reason: reason}
}

// row is a row of a driver's values, and the pointers to scan it.
type row struct {
	values []any
	dest   []any
}

func newRow(n int) row {
	r := row{values: make([]any, n), dest: make([]any, n)}
	for i := range r.values {
		r.dest[i] = &r.values[i]
	}
	return r
}
