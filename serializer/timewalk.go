package serializer

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// timeWalk visits the times of a value in a fixed order: once before the value is encoded, to add their zones to the
// list, and once after it is decoded, to restore them.
type timeWalk struct {
	zones    *rows.ZoneList
	decoding bool
}

func (w *timeWalk) walk(v reflect.Value, depth int) error {
	if depth > rows.MaxDepth {
		return fmt.Errorf("%w: %v is cyclic, or nested too deeply", ErrUnsupported, v.Type())
	}
	t := v.Type()
	if t == timeType {
		return w.visit(v)
	}
	if !shapeOf(t).walk {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return w.walk(v.Elem(), depth+1)
		}
	case reflect.Interface:
		if !w.decoding && !v.IsNil() {
			return (&timeWalk{zones: new(rows.ZoneList)}).walk(v.Elem(), depth+1) // only to find cycles.
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := w.walk(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		return w.walkMap(v, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); kept(f) {
				if err := w.walk(v.Field(i), depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// walkMap visits the values in the order of their printed keys. Any order would do that is the same in both walks.
func (w *timeWalk) walkMap(v reflect.Value, depth int) error {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		return slices.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b)))
	})
	for _, key := range keys {
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.Set(v.MapIndex(key))
		if err := w.walk(elem, depth+1); err != nil {
			return err
		}
		if w.decoding {
			v.SetMapIndex(key, elem)
		}
	}
	return nil
}

// visit adds the zone of a time to the list, or restores it.
func (w *timeWalk) visit(v reflect.Value) error {
	if !v.CanInterface() {
		return nil // within an unexported embedded struct.
	}
	if !w.decoding {
		return w.zones.Add(v.Interface().(time.Time))
	}
	t := v.Addr().Interface().(*time.Time) // what is decoded into can be set, so it has an address; this copies nothing
	*t = w.zones.Restore(*t)
	return nil
}
