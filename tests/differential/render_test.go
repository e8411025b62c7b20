package differential_test

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// render writes a value with all that two answers could differ in: types, nil or empty, what pointers
// point to, times with their zones. Two values are deeply equal if they are written alike.
func render(v any) string {
	return string(appendValue(nil, reflect.ValueOf(v), 12))
}

// renderSet writes the elements of a slice in an order of their own, for answers without an order.
func renderSet(v any) string {
	rv := reflect.Indirect(reflect.ValueOf(v))
	if rv.Kind() != reflect.Slice || rv.IsNil() {
		return render(v)
	}
	rows := make([]string, rv.Len())
	for i := range rows {
		rows[i] = string(appendValue(nil, rv.Index(i), 12))
	}
	slices.Sort(rows)
	return rv.Type().String() + " in any order {" + strings.Join(rows, ", ") + "}"
}

var timeType = reflect.TypeFor[time.Time]()

func appendValue(b []byte, v reflect.Value, depth int) []byte {
	if !v.IsValid() {
		return append(b, "nil"...)
	}
	if depth == 0 {
		return append(b, "…"...)
	}
	if v.Type() == timeType && v.CanInterface() {
		t := v.Interface().(time.Time)
		b = t.AppendFormat(append(b, "time "...), time.RFC3339Nano)
		return append(append(b, " in "...), t.Location().String()...)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "nil"...)
		}
		return appendValue(append(b, '&'), v.Elem(), depth-1)
	case reflect.Interface:
		if v.IsNil() {
			return append(b, "nil"...)
		}
		b = append(b, v.Elem().Type().String()...)
		return append(appendValue(append(b, '('), v.Elem(), depth-1), ')')
	case reflect.Struct:
		b = append(b, '{')
		for i := range v.NumField() {
			if v.Field(i).IsZero() && v.Field(i).Kind() != reflect.Slice { // keep long texts readable
				continue
			}
			b = append(append(b, v.Type().Field(i).Name...), ':')
			b = append(appendValue(b, v.Field(i), depth-1), ' ')
		}
		return append(b, '}')
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.String:
		return strconv.AppendQuote(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Float32, reflect.Float64:
		return strconv.AppendUint(strconv.AppendFloat(b, v.Float(), 'g', -1, 64), math.Float64bits(v.Float())>>63, 10)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10)
	}
	return append(b, v.Type().String()...)
}

func appendList(b []byte, v reflect.Value, depth int) []byte {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, "nil[]"...)
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return strconv.AppendQuote(append(b, "bytes "...), string(v.Bytes()))
	}
	b = append(b, '[')
	for i := range v.Len() {
		b = append(appendValue(b, v.Index(i), depth-1), ", "...)
	}
	return append(b, ']')
}

func appendMap(b []byte, v reflect.Value, depth int) []byte {
	if v.IsNil() {
		return append(b, "nil map"...)
	}
	var pairs []string
	for it := v.MapRange(); it.Next(); {
		pairs = append(pairs, string(appendValue(append(appendValue(nil, it.Key(), depth-1), ':'), it.Value(), depth-1)))
	}
	slices.Sort(pairs)
	return append(b, "map{"+strings.Join(pairs, " ")+"}"...)
}
