package replay

import (
	"database/sql"
	"reflect"
	"time"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// setter stores the next n values of a column: the first at base, each following one stride bytes
// on. It reports false at a value that it cannot convert exactly as database/sql and GORM would.
type setter func(values *rows.Cursor, base unsafe.Pointer, stride uintptr, n int) bool

// onNull is what NULL does to a field.
type onNull bool

// GORM's behavior depends on which of its setters gets the nil that database/sql stored in the field's pool value. The
// setters of plain types, and those of scanners, do nothing; all others call the general setter, which sets the zero
// value.
const (
	keep  onNull = false
	reset onNull = true
)

// setterOf returns a setter for the field, nil if the field must be set through GORM.
func setterOf(f *schema.Field) setter {
	if f.Serializer != nil || !pooled(f) {
		return nil
	}
	t := f.FieldType
	if set := scannerSetters[t]; set != nil {
		return set
	}
	if t.Kind() == reflect.Pointer {
		return setterOfType(t.Elem(), true)
	}
	return setterOfType(t, false)
}

// pooled reports whether the field's pool holds the **T that GORM puts there. A plugin may have replaced the pool, and
// with it the conversion.
func pooled(f *schema.Field) bool {
	if f.NewValuePool == nil {
		return false
	}
	v := f.NewValuePool.Get()
	f.NewValuePool.Put(v)
	return reflect.TypeOf(v) == reflect.PointerTo(reflect.PointerTo(f.IndirectFieldType))
}

// setterOfType returns a setter for a field of type t, or *t. Types are identified by
// their memory layout: a field of type Status, which is an int32, is written through a *int32.
func setterOfType(t reflect.Type, pointer bool) setter {
	if t.Implements(scannerType) || reflect.PointerTo(t).Implements(scannerType) {
		return nil
	}
	named := t.PkgPath() != "" || t.Kind() == reflect.Slice && t.Name() != ""
	switch {
	case t == reflect.TypeFor[time.Time]():
		return choose(toTime, keep, pointer, keep)
	case t == reflect.TypeFor[[]byte]() && !pointer:
		return into(toBytes, reset)
	case named && !pointer && t.Kind() == reflect.Slice && t.Elem() == reflect.TypeFor[byte]():
		return into(toNamedBytes, reset)
	case t.Kind() == reflect.String && named:
		return choose(toNamedString, reset, pointer, reset)
	case t.Kind() == reflect.Bool && named:
		return choose(toNamedBool, reset, pointer, reset)
	}
	null := onNull(named)
	switch t.Kind() {
	case reflect.Bool:
		return choose(toBool, null, pointer, reset)
	case reflect.String:
		return choose(toString, null, pointer, reset)
	case reflect.Int:
		return choose(toInt[int], null, pointer, reset)
	case reflect.Int8:
		return choose(toInt[int8], null, pointer, reset)
	case reflect.Int16:
		return choose(toInt[int16], null, pointer, reset)
	case reflect.Int32:
		return choose(toInt[int32], null, pointer, reset)
	case reflect.Int64:
		return choose(toInt[int64], null, pointer, reset)
	case reflect.Uint:
		return choose(toUint[uint], null, pointer, reset)
	case reflect.Uint8:
		return choose(toUint[uint8], null, pointer, reset)
	case reflect.Uint16:
		return choose(toUint[uint16], null, pointer, reset)
	case reflect.Uint32:
		return choose(toUint[uint32], null, pointer, reset)
	case reflect.Uint64:
		return choose(toUint[uint64], null, pointer, reset)
	case reflect.Float32:
		return choose(toFloat32, null, pointer, reset)
	case reflect.Float64:
		return choose(toFloat64, null, pointer, reset)
	}
	return nil
}

func choose[T any](convert conversion[T], null onNull, pointer bool, nullPointer onNull) setter {
	if pointer {
		return intoPointer(convert, nullPointer)
	}
	return into(convert, null)
}

// into sets fields whose memory is that of a T.
func into[T any](convert conversion[T], null onNull) setter {
	return func(values *rows.Cursor, base unsafe.Pointer, stride uintptr, n int) bool {
		var zero T
		for i := range n {
			// base lies in the first of n structs, stride apart, at the offset of a field of
			// T's layout: see offsetOf. The compiler knows T, so write barriers are in place.
			field := (*T)(unsafe.Add(base, uintptr(i)*stride))
			if values.Null() {
				if null == reset {
					*field = zero
				}
				continue
			}
			t, ok := convert(values)
			if !ok {
				return false
			}
			*field = t
		}
		return true
	}
}

// arena is how many values behind pointers share one allocation at most. Keeping one of them keeps all in memory.
const arena = 128

// intoPointer sets fields whose memory is that of a *T.
func intoPointer[T any](convert conversion[T], null onNull) setter {
	return func(values *rows.Cursor, base unsafe.Pointer, stride uintptr, n int) bool {
		var room []T
		for i := range n {
			field := (**T)(unsafe.Add(base, uintptr(i)*stride)) // as in into.
			if values.Null() {
				if null == reset {
					*field = nil
				}
				continue
			}
			t, ok := convert(values)
			if !ok {
				return false
			}
			if len(room) == 0 {
				room = make([]T, min(n-i, arena))
			}
			room[0] = t
			*field, room = &room[0], room[1:]
		}
		return true
	}
}

// scannerSetters are for the scanners of database/sql and GORM. They convert like the plain type, and set Valid. GORM
// skips scanners on NULL.
var scannerSetters = map[reflect.Type]setter{
	reflect.TypeFor[gorm.DeletedAt](): into(func(c *rows.Cursor) (gorm.DeletedAt, bool) {
		t, ok := toTime(c)
		return gorm.DeletedAt{Time: t, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullTime](): into(func(c *rows.Cursor) (sql.NullTime, bool) {
		t, ok := toTime(c)
		return sql.NullTime{Time: t, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullString](): into(func(c *rows.Cursor) (sql.NullString, bool) {
		s, ok := toString(c)
		return sql.NullString{String: s, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullBool](): into(func(c *rows.Cursor) (sql.NullBool, bool) {
		b, ok := toBool(c)
		return sql.NullBool{Bool: b, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullInt64](): into(func(c *rows.Cursor) (sql.NullInt64, bool) {
		n, ok := toInt[int64](c)
		return sql.NullInt64{Int64: n, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullInt32](): into(func(c *rows.Cursor) (sql.NullInt32, bool) {
		n, ok := toInt[int32](c)
		return sql.NullInt32{Int32: n, Valid: true}, ok
	}, keep),
	reflect.TypeFor[sql.NullFloat64](): into(func(c *rows.Cursor) (sql.NullFloat64, bool) {
		f, ok := toFloat64(c)
		return sql.NullFloat64{Float64: f, Valid: true}, ok
	}, keep),
}
