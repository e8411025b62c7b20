package template

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strconv"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// isTime reports whether a type is time.Time, or is declared as one.
func isTime(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) }

// isBytes reports whether values of a type are bytes: a slice, or an array such as a UUID.
func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}

// isScalar reports whether [appendScalar] can write the values of a type.
func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem() // a pointer to a pointer would have two kinds of nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return isBytes(t) || isTime(t)
}

// appendScalar appends a value in the grammar of the package's doc. It must be addressable, and may be an unexported field.
func appendScalar(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(dst, "nil"...)
		}
		return appendScalar(dst, v.Elem())
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case reflect.String:
		return appendText(dst, v.String())
	case reflect.Float32, reflect.Float64:
		return appendFloat(dst, v.Float())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(dst, v.Uint(), 10)
	case reflect.Struct:
		return appendTime(dst, *(*time.Time)(v.Addr().UnsafePointer()))
	case reflect.Slice:
		if v.IsNil() {
			return append(dst, "nil"...)
		}
	}
	return hex.AppendEncode(append(dst, "0x"...), v.Bytes())
}

// appendText quotes in ASCII: which other characters can be printed depends on Go's version, and keys must not.
func appendText(dst []byte, s string) []byte { return strconv.AppendQuoteToASCII(dst, s) }

// appendFloat appends a number that can't be taken for an integer. A float32 is written by its value, as the float64 that
// it equals.
func appendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	if !bytes.ContainsAny(dst[start:], ".eNI") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendTime appends all that a function can tell from a time: the instant, the offset and the location's name. Of two
// times at one instant in different zones, a function may make different values.
func appendTime(dst []byte, t time.Time) []byte {
	dst = strconv.AppendInt(dst, t.Unix(), 10)
	dst = append(dst, '.')
	dst = strconv.AppendInt(dst, int64(t.Nanosecond()), 10)
	_, offset := t.Zone()
	if offset >= 0 {
		dst = append(dst, '+')
	}
	dst = strconv.AppendInt(dst, int64(offset), 10)
	return appendText(dst, t.Location().String())
}
