package fromcache

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// timeWord finds an argument that PostgreSQL may read as the time of the query: a text such as "today", which
// it does wherever a time is expected.
func (c *Cache) timeWord(args []any) (word string) {
	if c.cfg.Dialect != sqltext.Postgres.String() {
		return ""
	}
	for _, a := range args {
		if word = timeWordOf(a, maxDepth); word != "" {
			return word
		}
	}
	return ""
}

// timeWordSaid is the word in what a value says of itself. Should it panic, as on a nil pointer, then in the driver too.
func timeWordSaid(v fmt.Stringer) (word string) {
	defer func() { _ = recover() }()
	return sqltext.TimeWord(v.String())
}

func timeWordOf(a any, depth int) (word string) {
	switch v := a.(type) {
	case nil, int, int64, uint, bool, time.Time:
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
	case fmt.Stringer: // which pgx asks where it can send the value in no other way
		if word = timeWordSaid(v); word != "" {
			return word
		}
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
