package catalog

import (
	"database/sql/driver"
	"reflect"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// maxDepth bounds pointers to pointers.
const maxDepth = 8

// resolve converts an argument as database/sql does, to nil, an int64, a uint64 or a string. ok is false for all other
// arguments.
func resolve(v any, d sqltext.Dialect) (_ any, ok bool) {
	for range maxDepth {
		switch u := v.(type) {
		case nil, int64, string, uint64:
			return u, true
		case driver.Valuer:
			return valueOf(u)
		}
		rv := reflect.ValueOf(v)
		// pgx uses its own interfaces, and Stringer, before the kind of a value.
		if d == sqltext.Postgres && rv.NumMethod() > 0 {
			return nil, false
		}
		switch rv.Kind() {
		case reflect.Pointer:
			if rv.IsNil() {
				return nil, true
			}
			if !rv.Elem().CanInterface() {
				return nil, false
			}
			v = rv.Elem().Interface()
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			return rv.Int(), true
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			return rv.Uint(), true
		case reflect.String:
			return rv.String(), true
		default:
			return nil, false
		}
	}
	return nil, false
}

// valueOf calls a Valuer as database/sql does: a nil pointer whose method belongs to its element is NULL, and does not
// panic. Any other panic gives ok = false here: it will happen again when the statement runs.
func valueOf(v driver.Valuer) (value any, ok bool) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() &&
		rv.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
		return nil, true
	}
	defer func() {
		if recover() != nil {
			value, ok = nil, false
		}
	}()
	value, err := v.Value()
	if err != nil {
		return nil, false
	}
	switch value.(type) {
	case nil, int64, uint64, string:
		return value, true
	}
	return nil, false
}
