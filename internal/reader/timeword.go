package reader

import (
	"database/sql/driver"
	"reflect"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// timeWord finds an argument that PostgreSQL may read as the time of the query: a text such as "today", which
// it does wherever a time is expected.
func (rd *Reader) timeWord(args []any) (word string) {
	if rd.cfg.Dialect != sqltext.Postgres.String() {
		return ""
	}
	for _, a := range args {
		if word = timeWordOf(a, maxDepth); word != "" {
			return word
		}
	}
	return ""
}

func timeWordOf(a any, depth int) (word string) {
	switch v := a.(type) {
	case nil, int, int64, uint, bool:
		return ""
	case string:
		return sqltext.TimeWord(v)
	case []byte:
		return sqltext.TimeWord(string(v))
	case driver.Valuer:
		if value, err := valueOf(v); err == nil && depth > 0 {
			return timeWordOf(value, depth-1)
		}
		return ""
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.String:
		return sqltext.TimeWord(v.String())
	case reflect.Pointer:
		if !v.IsNil() && depth > 0 {
			return timeWordOf(v.Elem().Interface(), depth-1)
		}
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); depth == 0 || reflect.Bool <= k && k <= reflect.Complex128 {
			return ""
		}
		for i := 0; i < v.Len() && word == ""; i++ {
			word = timeWordOf(v.Index(i).Interface(), depth-1)
		}
	}
	return word
}
