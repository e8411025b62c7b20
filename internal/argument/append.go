package argument

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"math"
	"reflect"
	"time"
)

// MaxSize is how many bytes the arguments of a query may take in a key: more cost more to hash and to send than a
// hit gains.
const MaxSize = 1 << 20

// AppendAll writes the forms of a query's arguments so that two lists are written alike only if the database
// would see the same. ok is false if one can't be written, or if it all gets too large.
func AppendAll(b []byte, forms []any) (_ []byte, ok bool) {
	b = binary.AppendUvarint(b, uint64(len(forms)))
	for _, f := range forms {
		if b, ok = appendForm(b, f, maxDepth); !ok || len(b) > MaxSize {
			return b, false
		}
	}
	return b, len(b) <= MaxSize
}

// Append writes one form.
func Append(b []byte, form any) (_ []byte, ok bool) { return appendForm(b, form, maxDepth) }

// AppendSigns writes, for each form, whether it is an unsigned integer. MySQL computes with these in another way: `? - 8` of
// an unsigned 7 is an error. To the others a number is a number, and their keys do without.
func AppendSigns(b []byte, forms ...any) []byte {
	for _, f := range forms {
		sign := byte(0)
		if isUnsigned(f) {
			sign = 1
		}
		b = append(b, sign)
	}
	return b
}

func isUnsigned(form any) bool {
	switch form.(type) {
	case nil, string, int, int64, bool, float64, []byte, time.Time, typed, list, unknown, sql.NamedArg:
		return false
	case uint, uint64:
		return true
	}
	v := reflect.ValueOf(form)
	for range maxDepth {
		if v.Kind() != reflect.Pointer || v.IsNil() {
			break
		}
		v = v.Elem()
	}
	return v.CanUint()
}

// Same reports whether the database sees the same in two arguments.
func Same(form, other any) bool {
	x, ok := Append(nil, form)
	y, okToo := Append(nil, other)
	return ok && okToo && string(x) == string(y)
}

// appendForm writes a letter for the type, since 1 and "1" are not the same to a database, then the value.
func appendForm(b []byte, form any, depth int) ([]byte, bool) {
	switch v := form.(type) {
	case nil:
		return append(b, 'n'), true
	case string:
		return appendText(append(b, 's'), v), true
	case int:
		return appendInt(b, int64(v)), true
	case int64:
		return appendInt(b, v), true
	case uint:
		return appendUint(b, uint64(v)), true
	case bool:
		return appendBool(b, v), true
	case []byte:
		if v == nil {
			return append(b, 'n'), true
		}
		return append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...), true
	case time.Time:
		return appendTime(b, v), true
	case sql.NamedArg:
		return appendForm(appendText(append(b, 'N'), v.Name), v.Value, depth-1)
	case typed:
		return appendForm(appendType(b, v.typ), v.form, depth-1)
	case list:
		return appendList(b, v, depth)
	case unknown, driver.Valuer:
		return b, false
	}
	return appendReflected(b, reflect.ValueOf(form), depth)
}

func appendReflected(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if depth <= 0 {
		return b, false
	}
	if v.NumMethod() > 0 {
		b = appendType(b, v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 'n'), true
		}
		return appendForm(b, v.Elem().Interface(), depth-1)
	case reflect.Bool:
		return appendBool(b, v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendUint(b, v.Uint()), true
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v.Float())), true
	case reflect.String:
		return appendText(append(b, 's'), v.String()), true
	case reflect.Slice, reflect.Array:
		return appendElements(b, v, depth)
	}
	return b, false
}

// appendType writes the name of a type that has methods, since drivers ask for some of them: pgx sends
// the String of a number where the database wants a text, so that Color(0) and Size(0) are two texts.
func appendType(b []byte, t reflect.Type) []byte {
	b = append(b, 'M')
	for ; t.Kind() == reflect.Pointer && t.Name() == ""; t = t.Elem() {
		b = append(b, '*')
	}
	return appendText(appendText(b, t.PkgPath()), t.String())
}

// appendElements writes a list of which nothing was asked.
func appendElements(b []byte, v reflect.Value, depth int) (_ []byte, ok bool) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			return append(b, 'n'), true
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return appendForm(b, v.Bytes(), depth-1)
		}
	}
	b = binary.AppendUvarint(append(b, 'l'), uint64(v.Len()))
	for i := range v.Len() {
		if b, ok = appendForm(b, v.Index(i).Interface(), depth-1); !ok || len(b) > MaxSize {
			return b, false
		}
	}
	return b, true
}

func appendList(b []byte, l list, depth int) (_ []byte, ok bool) {
	if depth <= 0 {
		return b, false
	}
	if l.typ.NumMethod() > 0 {
		b = appendType(b, l.typ)
	}
	if l.forms == nil {
		return append(b, 'n'), true
	}
	b = binary.AppendUvarint(append(b, 'l'), uint64(len(l.forms)))
	for _, f := range l.forms {
		if b, ok = appendForm(b, f, depth-1); !ok || len(b) > MaxSize {
			return b, false
		}
	}
	return b, true
}

func appendInt(b []byte, i int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(i))
}

func appendUint(b []byte, u uint64) []byte {
	if u <= math.MaxInt64 {
		return appendInt(b, int64(u))
	}
	return binary.BigEndian.AppendUint64(append(b, 'u'), u)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 'T')
	}
	return append(b, 'F')
}

// appendTime writes the instant and the zone: some drivers send a time as it reads in its own zone.
func appendTime(b []byte, t time.Time) []byte {
	name, offset := t.Zone()
	b = binary.BigEndian.AppendUint64(append(b, 't'), uint64(t.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
	b = binary.BigEndian.AppendUint32(b, uint32(int32(offset)))
	return appendText(appendText(b, name), t.Location().String())
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
