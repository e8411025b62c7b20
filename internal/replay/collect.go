package replay

import (
	"database/sql"
	"fmt"
	"reflect"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

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

// proposal is the scan type that a driver proposes for a column without a type before a row is read. The pure Go SQLite
// proposes the type of the current value, and none for NULL. GORM asks for the types after reading a row if it scans into
// a map.
type proposal struct {
	value reflect.Type // the type of the last value that was not NULL
	typ   reflect.Type // the first type that was proposed
	own   bool         // each proposal was the type of the value
	mixed bool         // a proposal differed from typ
}

// late asks for the types of these columns again if the row has a value of another type than the last.
func (t *Tail) late(enc *rows.Encoder, row []any) error {
	var types []*sql.ColumnType
	for i := range t.proposals {
		p, value := &t.proposals[i], reflect.TypeOf(row[i])
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

// stop keeps the rows read so far for the tail.
func (t *Tail) stop(enc *rows.Encoder, pending []any, reason error) Collected {
	head, err := rows.Parse(enc.Append(nil))
	if err != nil {
		// Parse reads whatever the encoder writes. If it ever does not, the rows read so far are lost, and the caller
		// must get an error instead of a part of the rows.
		t.err, t.ended, pending = fmt.Errorf("replay: rows already read: %w", err), true, nil
	}
	t.head, t.pending = head, pending
	return Collected{Rest: t, Reason: reason}
}

// row is a row of a driver's values, with the pointers to scan it.
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
