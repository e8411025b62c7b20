package reader

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"math"
	"reflect"
	"time"
)

// maxDepth bounds pointers to pointers and lists in lists.
const maxDepth = 8

// appendArguments writes a query's arguments so that two lists are written alike only if the database
// would see the same. ok is false if one can't be written, or if it all gets too large.
func appendArguments(b []byte, args []any) (_ []byte, ok bool) {
	b = binary.AppendUvarint(b, uint64(len(args)))
	for _, a := range args {
		if b, ok = appendArgument(b, a, maxDepth); !ok || len(b) > maxKeyInput {
			return b, false
		}
	}
	return b, len(b) <= maxKeyInput
}

// appendArgument writes one argument: a letter for its type, since 1 and "1" are not the same to a
// database, then the value.
func appendArgument(b []byte, a any, depth int) ([]byte, bool) {
	switch v := a.(type) {
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
		return appendArgument(appendText(append(b, 'N'), v.Name), v.Value, depth-1)
	case driver.Valuer:
		if depth == 0 {
			return b, false
		}
		value, err := valueOf(v)
		if err != nil {
			return b, false
		}
		return appendArgument(b, value, depth-1)
	}
	return appendReflected(b, reflect.ValueOf(a), depth)
}

func appendReflected(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if depth == 0 {
		return b, false
	}
	if v.Kind() != reflect.Invalid && v.NumMethod() > 0 {
		b = appendType(b, v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 'n'), true
		}
		return appendArgument(b, v.Elem().Interface(), depth-1)
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
		return appendList(b, v, depth)
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

// appendList writes the arrays that some drivers take as one argument.
func appendList(b []byte, v reflect.Value, depth int) (_ []byte, ok bool) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			return append(b, 'n'), true
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return appendArgument(b, v.Bytes(), depth-1)
		}
	}
	b = binary.AppendUvarint(append(b, 'l'), uint64(v.Len()))
	for i := range v.Len() {
		if b, ok = appendArgument(b, v.Index(i).Interface(), depth-1); !ok || len(b) > maxKeyInput {
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

// valueOf asks a Valuer as database/sql does: a nil pointer whose method is that of its element is
// NULL, and not a panic.
func valueOf(v driver.Valuer) (driver.Value, error) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() &&
		rv.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
		return nil, nil
	}
	return v.Value()
}

// detach returns the argument as a value that shares no memory with the caller, as far as the key
// could be written.
func detach(a any) any {
	switch v := a.(type) {
	case []byte:
		return bytes.Clone(v)
	case sql.NamedArg:
		return sql.NamedArg{Name: v.Name, Value: detach(v.Value)}
	case time.Time:
		return v
	case driver.Valuer:
		value, err := valueOf(v)
		if err != nil {
			return a
		}
		return detach(value)
	}
	switch rv := reflect.ValueOf(a); rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			return nil
		}
		return detach(rv.Elem().Interface())
	case reflect.Slice, reflect.Array:
		return isolated(rv).Interface()
	}
	return a
}

// isolated copies a list with what its elements point to. Their types stay, since drivers go by them.
func isolated(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			return isolated(v.Elem())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clone := reflect.New(v.Type().Elem())
			clone.Elem().Set(isolated(v.Elem()))
			return clone.Convert(v.Type())
		}
	case reflect.Slice:
		if !v.IsNil() {
			clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			isolate(clone, v)
			return clone
		}
	case reflect.Array:
		clone := reflect.New(v.Type()).Elem()
		isolate(clone, v)
		return clone
	}
	return v
}

func isolate(clone, list reflect.Value) {
	if k := list.Type().Elem().Kind(); reflect.Bool <= k && k <= reflect.Complex128 || k == reflect.String {
		reflect.Copy(clone, list)
		return
	}
	for i := range list.Len() {
		clone.Index(i).Set(isolated(list.Index(i)))
	}
}
