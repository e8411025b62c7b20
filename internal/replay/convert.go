package replay

import (
	"strconv"
	"time"
	"unsafe"

	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// conversion reads a value that is not NULL and converts it as database/sql does, for the pairs of types where
// that is known to be the same as here: the value is what its Scan would store. ok is false for all others,
// errors included: then database/sql is asked. Where it converts by way of a string, so do these, unless the
// shorter way is exact.
//
// Each first asks for the kind that its columns mostly hold: that is much quicker than to look at any value.
type conversion[T any] func(*serializer.Cursor) (v T, ok bool)

func toBool(c *serializer.Cursor) (b, ok bool) {
	if b, ok := c.Bool(); ok {
		return b, true
	}
	if n, ok := c.Int64(); ok {
		return n == 1, n == 0 || n == 1
	}
	switch v := c.Next(); v.Kind {
	case serializer.String, serializer.Bytes:
		b, err := strconv.ParseBool(v.Text())
		return b, err == nil
	}
	return false, false
}

// toNamedBool is narrower: only *bool itself has database/sql's conversion to bool.
func toNamedBool(c *serializer.Cursor) (b, ok bool) { return c.Bool() }

func toInt[T int | int8 | int16 | int32 | int64](c *serializer.Cursor) (T, bool) {
	if v, ok := c.Int64(); ok {
		n := T(v)
		return n, int64(n) == v
	}
	switch v := c.Next(); v.Kind {
	case serializer.Uint64:
		n := T(v.Uint64())
		return n, n >= 0 && uint64(n) == v.Uint64()
	case serializer.String, serializer.Bytes:
		n, err := strconv.ParseInt(v.Text(), 10, int(unsafe.Sizeof(T(0)))*8)
		return T(n), err == nil
	}
	return 0, false
}

func toUint[T uint | uint8 | uint16 | uint32 | uint64](c *serializer.Cursor) (T, bool) {
	if v, ok := c.Int64(); ok {
		n := T(v)
		return n, v >= 0 && uint64(n) == uint64(v)
	}
	switch v := c.Next(); v.Kind {
	case serializer.Uint64:
		n := T(v.Uint64())
		return n, uint64(n) == v.Uint64()
	case serializer.String, serializer.Bytes:
		n, err := strconv.ParseUint(v.Text(), 10, int(unsafe.Sizeof(T(0)))*8)
		return T(n), err == nil
	}
	return 0, false
}

func toFloat64(c *serializer.Cursor) (float64, bool) {
	if f, ok := c.Float64(); ok {
		return f, true
	}
	switch v := c.Next(); v.Kind {
	case serializer.Float32:
		// Not float64(x): the shortest decimal of the float32 is read as a float64.
		var buf [32]byte
		f, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], float64(v.Float32()), 'g', -1, 32)), 64)
		return f, err == nil
	case serializer.Int64:
		const exact = 1 << 53
		return float64(v.Int64()), -exact <= v.Int64() && v.Int64() <= exact
	case serializer.String, serializer.Bytes:
		f, err := strconv.ParseFloat(v.Text(), 64)
		return f, err == nil
	}
	return 0, false
}

func toFloat32(c *serializer.Cursor) (float32, bool) {
	switch v := c.Next(); v.Kind {
	case serializer.Float32:
		return v.Float32(), true
	case serializer.Float64:
		if f := v.Float64(); float64(float32(f)) == f {
			return float32(f), true
		}
		// Rounding the shortest decimal and rounding the float64 are not always the same.
		var buf [32]byte
		f, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], v.Float64(), 'g', -1, 64)), 32)
		return float32(f), err == nil
	case serializer.Int64:
		const exact = 1 << 24
		return float32(v.Int64()), -exact <= v.Int64() && v.Int64() <= exact
	case serializer.String, serializer.Bytes:
		f, err := strconv.ParseFloat(v.Text(), 32)
		return float32(f), err == nil
	}
	return 0, false
}

func toString(c *serializer.Cursor) (string, bool) {
	if s, ok := c.Text(); ok {
		return s, true
	}
	switch v := c.Next(); v.Kind {
	case serializer.NilBytes:
		return "", true
	case serializer.Time:
		return v.Time().Format(time.RFC3339Nano), true
	case serializer.Bool:
		return strconv.FormatBool(v.Bool()), true
	case serializer.Int64:
		return strconv.FormatInt(v.Int64(), 10), true
	case serializer.Uint64:
		return strconv.FormatUint(v.Uint64(), 10), true
	case serializer.Float64:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64), true
	case serializer.Float32:
		return strconv.FormatFloat(float64(v.Float32()), 'g', -1, 32), true
	}
	return "", false
}

// toNamedString is narrower: database/sql converts numbers and times to *string only.
func toNamedString(c *serializer.Cursor) (string, bool) {
	if s, ok := c.Text(); ok {
		return s, true
	}
	return "", c.Next().Kind == serializer.NilBytes
}

func toTime(c *serializer.Cursor) (time.Time, bool) { return c.Time() }

func toBytes(c *serializer.Cursor) ([]byte, bool) {
	switch v := c.Next(); v.Kind {
	case serializer.Bytes, serializer.String:
		return v.CloneBytes(), true
	case serializer.NilBytes:
		return nil, true
	}
	return nil, false
}

// toNamedBytes is narrower: a string does not convert to a named []byte.
func toNamedBytes(c *serializer.Cursor) ([]byte, bool) {
	switch v := c.Next(); v.Kind {
	case serializer.Bytes:
		return v.CloneBytes(), true
	case serializer.NilBytes:
		return nil, true
	}
	return nil, false
}
