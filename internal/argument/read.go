package argument

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// TimeWord finds a form that PostgreSQL may read as the time of the query: a text such as "today", which it
// does wherever a time is expected. "": there is none.
func TimeWord(forms []any) (word string) {
	for _, f := range forms {
		if word = timeWord(f, maxDepth); word != "" {
			return word
		}
	}
	return ""
}

func timeWord(form any, depth int) (word string) {
	switch v := form.(type) {
	case nil, int, int64, uint, bool, unknown:
		return ""
	case string:
		return sqltext.TimeWord(v)
	case []byte:
		return sqltext.TimeWord(string(v))
	case sql.NamedArg:
		return timeWord(v.Value, depth-1)
	case typed:
		return timeWord(v.form, depth-1)
	case list:
		return TimeWord(v.forms)
	case time.Time:
		return ""
	case fmt.Stringer: // which pgx asks where it can send the value in no other way
		if word = timeWordSaid(v); word != "" {
			return word
		}
	}
	switch v := reflect.ValueOf(form); v.Kind() {
	case reflect.String:
		return sqltext.TimeWord(v.String())
	case reflect.Pointer:
		if !v.IsNil() && depth > 0 {
			return timeWord(v.Elem().Interface(), depth-1)
		}
	case reflect.Slice, reflect.Array:
		k := v.Type().Elem().Kind()
		if k == reflect.Uint8 && v.Kind() == reflect.Slice {
			return sqltext.TimeWord(string(v.Bytes()))
		}
		if depth <= 0 || reflect.Bool <= k && k <= reflect.Complex128 {
			return ""
		}
		for i := 0; i < v.Len() && word == ""; i++ {
			word = timeWord(v.Index(i).Interface(), depth-1)
		}
	}
	return word
}

// timeWordSaid is the word in what a value says of itself. Should it panic, as on a nil pointer, then in the driver too.
func timeWordSaid(v fmt.Stringer) (word string) {
	defer func() { _ = recover() }()
	return sqltext.TimeWord(v.String())
}

// Basic reduces a form to what database/sql makes of it, if that is nil, an int64, a uint64 or a string. ok is
// false for everything else.
func Basic(d sqltext.Dialect, form any) (_ any, ok bool) {
	for range maxDepth {
		switch v := form.(type) {
		case nil, int64, string, uint64:
			return v, true
		case typed:
			if d == sqltext.Postgres {
				return nil, false
			}
			form = v.form
			continue
		case list, unknown, driver.Valuer:
			return nil, false
		}
		rv := reflect.ValueOf(form)
		// pgx asks values for methods of its own, and for String, before it looks at their kind.
		if d == sqltext.Postgres && rv.NumMethod() > 0 {
			return nil, false
		}
		switch rv.Kind() {
		case reflect.Pointer:
			if rv.IsNil() {
				return nil, true
			}
			form = rv.Elem().Interface()
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
