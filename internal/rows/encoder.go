package rows

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/entry"
)

// Limits bound a result. Zero means no limit.
type Limits struct {
	// MaxRows is the largest number of rows.
	MaxRows int
	// MaxBytes is the largest size of the encoded payload in bytes, header included.
	MaxBytes int
}

// Encoder collects the rows of one result and encodes them column by column. Add rows with [Encoder.Add] and get the
// payload from [Encoder.Append]. It is not safe for concurrent use.
type Encoder struct {
	columns []Column
	blocks  [][]byte // the values of each column, without the array's header.
	undo    []int    // the lengths of blocks before the current row.
	zones   zones
	limits  Limits
	rows    int
	size    int // bytes in blocks and columns, and an allowance for headers.
}

// NewEncoder returns an encoder for results with these columns. It fails with [entry.ErrUnsupported]
// if there is no column, or if the type of one cannot be encoded.
func NewEncoder(columns []Column, limits Limits) (*Encoder, error) {
	if len(columns) == 0 {
		return nil, fmt.Errorf("%w: a result without columns", entry.ErrUnsupported)
	}
	e := &Encoder{columns: columns, limits: limits, size: 16,
		blocks: make([][]byte, len(columns)), undo: make([]int, len(columns))}
	for i := range columns {
		if err := columns[i].check(); err != nil {
			return nil, err
		}
		e.size += 48 + len(columns[i].Name) + len(columns[i].DatabaseType)
	}
	return e, nil
}

// Late sets the scan type of column i that the driver proposes after it has read a value, but not before. A type that
// cannot be encoded is left out: values without a scan type are scanned as they are.
func (e *Encoder) Late(i int, t reflect.Type) {
	if _, ok := scanTypeNumbers[t]; ok && t != nil {
		e.columns[i].ScanType, e.columns[i].Late = t, true
	}
}

// LateOwn sets that the driver proposes, for column i, the type of each value.
func (e *Encoder) LateOwn(i int) { e.columns[i].ScanType, e.columns[i].Late = nil, true }

// Len returns the number of rows added.
func (e *Encoder) Len() int { return e.rows }

// Add adds a row of a driver's values, as a scan into *any yields them. It keeps no reference to them. It
// fails with [entry.ErrUnsupported] for a value of another type and with [ErrTooLarge] beyond the limits;
// the row is then left out, and those before it remain.
func (e *Encoder) Add(row []any) error {
	if len(row) != len(e.columns) {
		return fmt.Errorf("%w: %d values for %d columns", entry.ErrUnsupported, len(row), len(e.columns))
	}
	if e.limits.MaxRows > 0 && e.rows >= e.limits.MaxRows || e.rows == math.MaxInt32 {
		return fmt.Errorf("%w: more than %d rows", ErrTooLarge, e.rows)
	}
	size := e.size
	for i, v := range row {
		e.undo[i] = len(e.blocks[i])
		b, err := e.appendValue(e.blocks[i], v)
		if err == nil {
			size += len(b) - e.undo[i]
			err = e.checkSize(size, len(b))
		}
		if err != nil {
			for j := range i {
				e.blocks[j] = e.blocks[j][:e.undo[j]]
			}
			return fmt.Errorf("%w (column %q, row %d)", err, e.columns[i].Name, e.rows)
		}
		e.blocks[i] = b
	}
	e.size = size
	e.rows++
	return nil
}

func (e *Encoder) checkSize(size, block int) error {
	if e.limits.MaxBytes > 0 && size > e.limits.MaxBytes || block > math.MaxInt32 {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, e.limits.MaxBytes)
	}
	return nil
}

func (e *Encoder) appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, codeNil), nil
	case bool:
		if v {
			return append(b, codeTrue), nil
		}
		return append(b, codeFalse), nil
	case int64:
		return AppendInt(b, v), nil
	case uint64:
		return appendUint(b, v), nil
	case float32:
		return appendFloat32(b, v), nil
	case float64:
		return appendFloat64(b, v), nil
	case string:
		if len(v) > math.MaxInt32 {
			return b, fmt.Errorf("%w: a string of %d bytes", ErrTooLarge, len(v))
		}
		return appendString(b, v), nil
	case []byte:
		if len(v) > math.MaxInt32 {
			return b, fmt.Errorf("%w: a value of %d bytes", ErrTooLarge, len(v))
		}
		return appendBytes(b, v), nil
	case time.Time:
		number, err := e.zones.number(v)
		return appendTime(b, v.Unix(), v.Nanosecond(), number), err
	}
	return b, fmt.Errorf("%w: a value of type %T", entry.ErrUnsupported, v)
}

// Append appends the row set, which [Parse] reads, to dst. More rows may be added afterwards.
func (e *Encoder) Append(dst []byte) []byte {
	dst = AppendInt(AppendInt(appendArray(dst, 4), entry.FormatVersion), int64(e.rows))
	dst = appendArray(e.zones.append(dst), len(e.columns))
	var head [5]byte
	for i := range e.columns {
		dst = e.columns[i].append(dst)
		array := appendArray(head[:0], e.rows)
		dst = appendBinHeader(dst, len(array)+len(e.blocks[i]))
		dst = append(append(dst, array...), e.blocks[i]...)
	}
	return dst
}
