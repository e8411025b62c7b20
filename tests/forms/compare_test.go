package forms_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
)

// sentinels are the errors that callers look for.
var sentinels = []error{
	gorm.ErrRecordNotFound, gorm.ErrInvalidData, gorm.ErrModelValueRequired, gorm.ErrUnsupportedRelation,
	gorm.ErrInvalidField, gorm.ErrInvalidValue, fromcache.ErrCacheMiss, context.Canceled, errHook,
}

func sentinelsOf(err error) []string {
	var is []string
	for _, s := range sentinels {
		if errors.Is(err, s) {
			is = append(is, s.Error())
		}
	}
	return is
}

// differences compares what two runs saw.
func differences(want, got []observation) []string {
	if len(want) != len(got) {
		return []string{fmt.Sprintf("it saw %d things, want %d:\n got %+v\nwant %+v", len(got), len(want), got, want)}
	}
	var all []string
	for i := range want {
		if want[i].name != got[i].name {
			return append(all, fmt.Sprintf("observation %d is %q, want %q", i, got[i].name, want[i].name))
		}
		if d := difference(want[i].name, want[i].value, got[i].value); d != "" {
			all = append(all, d)
		}
	}
	return all
}

func difference(name string, want, got any) string {
	wantErr, ok1 := want.(error)
	gotErr, ok2 := got.(error)
	if ok1 && ok2 { // drivers make a new value for each
		if wantErr.Error() != gotErr.Error() || reflect.TypeOf(want) != reflect.TypeOf(got) {
			return fmt.Sprintf("%s:\n got %T %v\nwant %T %v", name, got, got, want, want)
		}
		return ""
	}
	return first(name, reflect.ValueOf(want), reflect.ValueOf(got), 12)
}

// first finds where two values differ first; "" if they are deeply equal. NaN is equal to itself here.
func first(path string, want, got reflect.Value, depth int) string {
	bottom := fmt.Sprintf("%s:\n got %s\nwant %s", path, show(got), show(want))
	switch {
	case !want.IsValid() && !got.IsValid():
		return ""
	case !want.IsValid() || !got.IsValid() || want.Type() != got.Type():
		return bottom
	case !want.CanInterface() || !got.CanInterface():
		if fmt.Sprintf("%#v", want) == fmt.Sprintf("%#v", got) {
			return ""
		}
		return bottom
	case reflect.DeepEqual(want.Interface(), got.Interface()):
		return ""
	case depth == 0 || want.Type() == reflect.TypeFor[time.Time]():
		return bottom
	}
	switch want.Kind() {
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(want.Float()) && math.IsNaN(got.Float()) {
			return ""
		}
		return bottom
	case reflect.Pointer, reflect.Interface:
		if want.IsNil() || got.IsNil() {
			return bottom
		}
		return first(path, want.Elem(), got.Elem(), depth-1)
	case reflect.Struct:
		return each(want.NumField(), func(i int) string {
			return first(path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i), depth-1)
		})
	case reflect.Slice, reflect.Array:
		if want.Len() != got.Len() || want.Kind() == reflect.Slice && want.IsNil() != got.IsNil() || want.Type().Elem().Kind() == reflect.Uint8 {
			return bottom
		}
		return each(want.Len(), func(i int) string {
			return first(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i), depth-1)
		})
	case reflect.Map:
		if want.Len() != got.Len() || want.IsNil() != got.IsNil() {
			return bottom
		}
		keys := want.MapKeys()
		return each(len(keys), func(i int) string {
			return first(fmt.Sprintf("%s[%v]", path, keys[i]), want.MapIndex(keys[i]), got.MapIndex(keys[i]), depth-1)
		})
	}
	return bottom
}

func each(n int, difference func(i int) string) string {
	for i := range n {
		if d := difference(i); d != "" {
			return d
		}
	}
	return ""
}

func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	s := fmt.Sprintf("%#v", v)
	if v.Type() == reflect.TypeFor[time.Time]() && v.CanInterface() {
		s = fmt.Sprintf("%v in %q", v.Interface(), v.Interface().(time.Time).Location())
	}
	if len(s) > 400 {
		s = s[:400] + "…"
	}
	if v.Kind() == reflect.Slice {
		s += fmt.Sprintf(" (nil %v)", v.IsNil())
	}
	return v.Type().String() + " " + s
}
