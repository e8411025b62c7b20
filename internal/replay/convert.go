package replay

import (
	"strconv"
	"time"
	"unsafe"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// conversion reads a value that is not NULL and converts it exactly as database/sql's Scan would. ok is false for pairs of
// types for which that is not certain, and for errors: then database/sql converts the value. Where database/sql converts
// by way of a string, conversions do too, unless a shorter way is exact.
//
// Each conversion first tries the kind that its columns mostly have, which is much faster than reading any value.
type conversion[T any] func(*rows.Cursor) (v T, ok bool)

func toBool(c *rows.Cursor) (b, ok bool) {
	if b, ok := c.Bool(); ok {
		return b, true
	}
	if n, ok := c.Int64(); ok {
		return n == 1, n == 0 || n == 1
	}
	switch v := c.Next(); v.Kind {
	case rows.String, rows.Bytes:
		b, err := strconv.ParseBool(v.Text())
		return b, err == nil
	}
	return false, false
}

// toNamedBool converts less than toBool: database/sql converts to bool only for *bool itself.
func toNamedBool(c *rows.Cursor) (b, ok bool) { return c.Bool() }

func toInt[T int | int8 | int16 | int32 | int64](c *rows.Cursor) (T, bool) {
	if v, ok := c.Int64(); ok {
		n := T(v)
		return n, int64(n) == v
	}
	switch v := c.Next(); v.Kind {
	case rows.Uint64:
		n := T(v.Uint64())
		return n, n >= 0 && uint64(n) == v.Uint64()
	case rows.String, rows.Bytes:
		n, err := strconv.ParseInt(v.Text(), 10, int(unsafe.Sizeof(T(0)))*8)
		return T(n), err == nil
	}
	return 0, false
}

func toUint[T uint | uint8 | uint16 | uint32 | uint64](c *rows.Cursor) (T, bool) {
	if v, ok := c.Int64(); ok {
		n := T(v)
		return n, v >= 0 && uint64(n) == uint64(v)
	}
	switch v := c.Next(); v.Kind {
	case rows.Uint64:
		n := T(v.Uint64())
		return n, uint64(n) == v.Uint64()
	case rows.String, rows.Bytes:
		n, err := strconv.ParseUint(v.Text(), 10, int(unsafe.Sizeof(T(0)))*8)
		return T(n), err == nil
	}
	return 0, false
}

func toFloat64(c *rows.Cursor) (float64, bool) {
	if f, ok := c.Float64(); ok {
		return f, true
	}
	switch v := c.Next(); v.Kind {
	case rows.Float32:
		// Not float64(x): database/sql parses the shortest decimal of the float32 as a float64.
		var buf [32]byte
		f, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], float64(v.Float32()), 'g', -1, 32)), 64)
		return f, err == nil
	case rows.Int64:
		const exact = 1 << 53
		return float64(v.Int64()), -exact <= v.Int64() && v.Int64() <= exact
	case rows.String, rows.Bytes:
		f, err := strconv.ParseFloat(v.Text(), 64)
		return f, err == nil
	}
	return 0, false
}

func toFloat32(c *rows.Cursor) (float32, bool) {
	switch v := c.Next(); v.Kind {
	case rows.Float32:
		return v.Float32(), true
	case rows.Float64:
		if f := v.Float64(); float64(float32(f)) == f {
			return float32(f), true
		}
		// Rounding the shortest decimal does not always give the same as rounding the float64.
		var buf [32]byte
		f, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], v.Float64(), 'g', -1, 64)), 32)
		return float32(f), err == nil
	case rows.Int64:
		const exact = 1 << 24
		return float32(v.Int64()), -exact <= v.Int64() && v.Int64() <= exact
	case rows.String, rows.Bytes:
		f, err := strconv.ParseFloat(v.Text(), 32)
		return float32(f), err == nil
	}
	return 0, false
}

func toString(c *rows.Cursor) (string, bool) {
	if s, ok := c.Text(); ok {
		return s, true
	}
	switch v := c.Next(); v.Kind {
	case rows.NilBytes:
		return "", true
	case rows.Time:
		return v.Time().Format(time.RFC3339Nano), true
	case rows.Bool:
		return strconv.FormatBool(v.Bool()), true
	case rows.Int64:
		return strconv.FormatInt(v.Int64(), 10), true
	case rows.Uint64:
		return strconv.FormatUint(v.Uint64(), 10), true
	case rows.Float64:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64), true
	case rows.Float32:
		return strconv.FormatFloat(float64(v.Float32()), 'g', -1, 32), true
	}
	return "", false
}

// toNamedString converts less than toString: database/sql converts numbers and times only to *string.
func toNamedString(c *rows.Cursor) (string, bool) {
	if s, ok := c.Text(); ok {
		return s, true
	}
	return "", c.Next().Kind == rows.NilBytes
}

func toTime(c *rows.Cursor) (time.Time, bool) { return c.Time() }

func toBytes(c *rows.Cursor) ([]byte, bool) {
	switch v := c.Next(); v.Kind {
	case rows.Bytes, rows.String:
		return v.CloneBytes(), true
	case rows.NilBytes:
		return nil, true
	}
	return nil, false
}

// toNamedBytes converts less than toBytes: a string does not convert to a named []byte.
func toNamedBytes(c *rows.Cursor) ([]byte, bool) {
	switch v := c.Next(); v.Kind {
	case rows.Bytes:
		return v.CloneBytes(), true
	case rows.NilBytes:
		return nil, true
	}
	return nil, false
}
