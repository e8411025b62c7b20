package rows

import (
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// Set is a decoded result: a view of the bytes it was parsed from, which must not change. It is
// safe for concurrent use; cursors are not, each belongs to one reader.
type Set struct {
	columns []Column
	blocks  [][]byte // the values of each column, after the array's header.
	zones   []byte   // the table of zones as it was encoded
	locs    []*time.Location
	rows    int
}

// utcLocal is the table of zones of a result whose times are all UTC or Local. A nil location is UTC, as in a time.Time.
var utcLocal = []*time.Location{zoneUTC: nil, zoneLocal: localNow}

// Parse reads what [Encoder.Append] wrote. It checks every value once, so that
// cursors cannot fail, and allocates for the columns, not for the values. It returns
// [entry.ErrVersion] for a payload of another format, and [entry.ErrCorrupt] for anything else that an
// encoder does not write.
func Parse(b []byte) (*Set, error) { return parse(b, nil) }

// parse takes the columns from known if they are equal to those; if known is nil it decodes them.
func parse(b []byte, known *heads) (*Set, error) {
	r := reader{b: b}
	if n := r.array(1); n != 4 {
		return nil, fmt.Errorf("%w: not a row set", entry.ErrCorrupt)
	}
	if v := r.int(); !r.bad && v != entry.FormatVersion {
		return nil, entry.ErrVersion
	}
	rows, table := r.int(), r.b
	v := &Set{rows: int(rows), locs: readZones(&r)}
	v.zones = table[:len(table)-len(r.b)]
	if v.locs == nil || rows < 0 || rows > int64(len(b)) {
		return nil, fmt.Errorf("%w: row set's header", entry.ErrCorrupt)
	}
	n := r.array(columnFields)
	if n == 0 {
		return nil, fmt.Errorf("%w: row set without columns", entry.ErrCorrupt)
	}
	v.blocks = make([][]byte, n)
	rest, ok := known.read(r, v.blocks)
	if ok {
		v.columns = known.columns
	} else {
		v.columns = make([]Column, n)
		rest, ok = readColumns(r, v.columns, v.blocks)
	}
	if !ok {
		return nil, fmt.Errorf("%w: columns", entry.ErrCorrupt)
	}
	for i := range v.blocks {
		block := reader{b: v.blocks[i]}
		if block.array(1) != v.rows || block.bad {
			return nil, fmt.Errorf("%w: column %d", entry.ErrCorrupt, i)
		}
		v.blocks[i] = block.b
		if !checkBlock(block.b, v.rows, len(v.locs)) {
			return nil, fmt.Errorf("%w: values of column %d", entry.ErrCorrupt, i)
		}
	}
	if len(rest.b) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", entry.ErrCorrupt, len(rest.b))
	}
	return v, nil
}

// readColumns decodes the columns, and finds the binary that holds the values of each.
func readColumns(r reader, columns []Column, blocks [][]byte) (rest reader, ok bool) {
	for i := range columns {
		if r.array(1) != columnFields {
			return r, false
		}
		columns[i].read(&r)
		blocks[i] = r.bin()
	}
	return r, !r.bad
}

// readZones returns the locations that times refer to by number, nil if they cannot be read.
func readZones(r *reader) []*time.Location {
	n := r.array(4)
	if r.bad || n > maxZones {
		return nil
	}
	if n == 0 {
		return utcLocal
	}
	locs := append(make([]*time.Location, 0, zoneTable+n), utcLocal...)
	for range n {
		if r.array(1) != 3 {
			return nil
		}
		kind, name, offset := r.int(), r.text(), r.int()
		// A huge offset is no zone, and would overflow the arithmetic of times.
		if r.bad || kind < fixedZone || kind > startZone || offset < -1<<31 || offset > 1<<31-1 || kind != fixedZone && offset != 0 {
			return nil
		}
		loc, err := zone{kind: kind, name: string([]byte(name)), offset: int(offset)}.location()
		if err != nil {
			return nil
		}
		locs = append(locs, loc)
	}
	return locs
}

// Len returns the number of rows.
func (v *Set) Len() int { return v.rows }

// Columns returns the columns. The slice belongs to v: don't change it.
func (v *Set) Columns() []Column { return v.columns }
