package gormcache

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
)

// How the values of settings are read. An error says what is expected; the caller adds the key and the value.

func text[T any](field func(*T) *string) func(*T, string) error {
	return func(c *T, s string) error {
		*field(c) = s
		return nil
	}
}

func number[T, N any](parse func(string) (N, error), field func(*T) *N) func(*T, string) error {
	return func(c *T, s string) error {
		n, err := parse(s)
		if err != nil {
			return fmt.Errorf("write a number (%T), or leave it out for the default", n)
		}
		*field(c) = n
		return nil
	}
}

func float(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func boolean[T any](field func(*T) *bool) func(*T, string) error {
	return func(c *T, s string) error {
		switch strings.ToLower(s) {
		case "true", "yes", "on", "1":
			*field(c) = true
		case "false", "no", "off", "0":
			*field(c) = false
		default:
			return errors.New("write true or false")
		}
		return nil
	}
}

// duration is that of a field whose zero value stands for a default.
func duration[T any](field func(*T) *time.Duration) func(*T, string) error {
	return func(c *T, s string) error {
		d, err := span(s)
		if err != nil {
			return err
		}
		if d == 0 {
			return errors.New("it must be positive: leave it out for the default")
		}
		*field(c) = d
		return nil
	}
}

// durationOrNone is that of a field which says by the value none that there is no such thing.
func durationOrNone[T any](none time.Duration, field func(*T) *time.Duration) func(*T, string) error {
	return func(c *T, s string) error {
		d, err := span(s)
		if err != nil {
			return err
		}
		if d == 0 {
			d = none
		}
		*field(c) = d
		return nil
	}
}

// ttl reads a TTL: "none" has no end, while 0 could be meant for that or for the contrary.
func ttl(c *region.Config, s string) error {
	if strings.EqualFold(s, "none") {
		c.TTL = region.NoExpiration
		return nil
	}
	d, err := span(s)
	if err == nil && d == 0 {
		err = errors.New(`write "none" for no expiration, or leave the region out`)
	}
	c.TTL = d
	return err
}

// span is a duration that is not negative: 0 for "none" and "0".
func span(s string) (time.Duration, error) {
	if strings.EqualFold(s, "none") {
		return 0, nil
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n != 0 {
		return 0, fmt.Errorf("add a unit, as in %ss or %sms", s, s)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, errors.New("write a duration with its unit, as in 1h30m, 50ms or 2s")
	case d < 0:
		return 0, errors.New(`it must not be negative: write "none" for none`)
	}
	return d, nil
}

func writePolicy(s string) (invalidate.Policy, error) {
	switch strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) {
	case "allowstale":
		return invalidate.AllowStale, nil
	case "failwrite":
		return invalidate.FailWrite, nil
	}
	return 0, errors.New("write allow_stale or fail_write")
}

// shortened is a value as it may stand in an error.
func shortened(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// flattened are the values of a map, and of the maps in it, as text by their keys, of keys that begin with prefix.
type flattened struct {
	prefix string
	values map[string]string
	errs   []error
}

// deepest is how many maps may lie in one another: no setting lies deeper, and a map may hold itself.
const deepest = 8

func (f *flattened) bad(key, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("%s "+format, append([]any{key}, args...)...))
}

func (f *flattened) add(key string, v reflect.Value, depth int) {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch ours := strings.HasPrefix(key, f.prefix); {
	case v.Kind() == reflect.Map && (ours || strings.HasPrefix(f.prefix, key+".")):
		if depth == deepest {
			f.bad(key, "lies in too many maps: no setting does")
			return
		}
		for it := v.MapRange(); it.Next(); {
			f.add(key+"."+fmt.Sprint(it.Key()), it.Value(), depth+1)
		}
	case ours:
		text, err := asText(v)
		if err != nil {
			f.bad(key, "%w", err)
			return
		}
		if _, twice := f.values[key]; twice {
			f.bad(key, "is there twice, once with dots and once in a map of its own: leave one of them out")
		}
		f.values[key] = text
	}
}

// asText is a value of a map as it would be written in an environment.
func asText(v reflect.Value) (string, error) {
	if !v.IsValid() || v.Kind() == reflect.Interface {
		return "", errors.New("is nil: give it a value, or leave it out for the default")
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return time.Duration(v.Int()).String(), nil
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		if n := v.Float(); n == math.Trunc(n) && math.Abs(n) < 1<<53 { // as JSON gives whole numbers
			return strconv.FormatInt(int64(n), 10), nil
		}
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	}
	return "", fmt.Errorf("is a %s: give a text, a number, a boolean or a time.Duration", v.Type())
}

// distance is how many signs must be changed, added or left out to make a of b (Levenshtein).
func distance(a, b string) int {
	const most = 200 // keys of any length come from outside
	a, b = a[:min(len(a), most)], b[:min(len(b), most)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
