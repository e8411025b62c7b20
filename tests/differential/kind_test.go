package differential_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// kind is a kind of column: a Go type, how GORM declares it, and the few values that it takes, so that
// programs meet the same value often.
type kind struct {
	name   string
	tag    string
	text   bool // LIKE makes sense
	number bool // + makes sense
	values []any
}

func (k *kind) typ() reflect.Type { return reflect.TypeOf(k.values[0]) }

// args are the values to compare with: neither nil nor a pointer.
func (k *kind) args() (args []any) {
	for _, v := range k.values {
		rv := reflect.ValueOf(v)
		if rv.Kind() == reflect.Pointer {
			if rv.IsNil() {
				continue
			}
			v = rv.Elem().Interface()
		}
		args = append(args, v)
	}
	return args
}

var (
	east  = time.FixedZone("", 2*60*60)
	day0  = time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
	times = []time.Time{day0, day0.Add(time.Millisecond), day0.Add(48 * time.Hour).In(east), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}
)

var (
	kindInt     = &kind{name: "i64", number: true, values: []any{int64(0), int64(1), int64(2), int64(-1), int64(1) << 60}}
	kindString  = &kind{name: "s", tag: "size:64", text: true, values: []any{"", "a", "b", "A", "a b", "ü'%_", "1"}}
	kindPString = &kind{name: "ps", tag: "size:64", text: true, values: []any{(*string)(nil), ptr("a"), ptr(""), ptr("b")}}
	kindBool    = &kind{name: "b", values: []any{false, true}}
	kindTime    = &kind{name: "t", values: []any{times[0], times[1], times[2], times[3]}}
	kindPTime   = &kind{name: "pt", values: []any{(*time.Time)(nil), &times[0], &times[2]}}
	kindPFloat  = &kind{name: "pf", number: true, values: []any{(*float64)(nil), ptr(0.5), ptr(-1.0)}}
	kindBytes   = &kind{name: "bytes", values: []any{[]byte(nil), []byte{}, []byte{0, 255, 'a'}, []byte("a")}}
	kindDecimal = &kind{name: "dec", tag: "type:decimal(10,2)", values: []any{"0", "1.50", "-0.01", "12345678.90"}}
	kindJSON    = &kind{name: "j", tag: "type:text;serializer:json", values: []any{map[string]any(nil), map[string]any{"a": 1.5}, map[string]any{}}}
	// kindLink holds the key of another row, or none.
	kindLink = &kind{name: "link", values: []any{(*uint)(nil), ptr(uint(1)), ptr(uint(2)), ptr(uint(3))}}
)

// kinds are those of random columns.
var kinds = []*kind{
	kindInt, kindString, kindPString, kindBool, kindTime, kindPTime, kindPFloat, kindBytes, kindDecimal, kindJSON,
	{name: "i8", number: true, values: []any{int8(0), int8(1), int8(-128)}},
	{name: "u32", number: true, values: []any{uint32(0), uint32(1), uint32(1 << 31)}},
	{name: "f32", number: true, values: []any{float32(0), float32(0.25), float32(-3)}},
	{name: "pi", number: true, values: []any{(*int64)(nil), ptr(int64(0)), ptr(int64(7))}},
	{name: "pb", values: []any{(*bool)(nil), ptr(false), ptr(true)}},
	{name: "ns", tag: "size:64", text: true, values: []any{sql.NullString{}, sql.NullString{String: "a", Valid: true}, sql.NullString{Valid: true}}},
	{name: "ni", number: true, values: []any{sql.NullInt32{}, sql.NullInt32{Int32: 1, Valid: true}}},
	{name: "nt", values: []any{sql.NullTime{}, sql.NullTime{Time: times[1], Valid: true}}},
}

func ptr[T any](v T) *T { return &v }

// literal writes a value as the program would have it.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []byte:
		if v == nil {
			return "[]byte(nil)"
		}
		return f("[]byte(%q)", v)
	case string:
		return f("%q", v)
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.Pointer && rv.IsNil():
		return "nil"
	case rv.Kind() == reflect.Pointer:
		return "&" + literal(rv.Elem().Interface())
	case rv.Kind() == reflect.Slice:
		var all []string
		for i := range rv.Len() {
			all = append(all, literal(rv.Index(i).Interface()))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case rv.Kind() == reflect.Struct && rv.NumField() == 2: // sql.Null…
		if !rv.FieldByName("Valid").Bool() {
			return "NULL"
		}
		return literal(rv.Field(0).Interface())
	}
	return fmt.Sprint(v)
}

// literals writes a list of arguments, each after a comma.
func literals(args []any) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(", " + literal(a))
	}
	return b.String()
}
