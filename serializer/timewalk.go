package serializer

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// maxDepth bounds how deep a value may be nested. Deeper ones are taken for cyclic.
const maxDepth = 1000

// timeWalk visits the times of a value in a fixed order: once before it is encoded, to note their
// zones, and once after it is decoded, to put them back.
type timeWalk struct {
	zones zones
	// numbers are the zones of the times in order. When decoding, a single one stands for all.
	numbers []uint32
	locs    []*time.Location // set when decoding.
	at      int
}

// append writes the zones: [[zone…], [number…]].
func (w *timeWalk) append(b []byte) []byte {
	numbers := w.numbers
	if len(numbers) > 0 && !slices.ContainsFunc(numbers, func(n uint32) bool { return n != numbers[0] }) {
		numbers = numbers[:1] // nearly always: a program's times are all UTC, or all Local.
	}
	b = appendArray(appendArray(b, 2), len(w.zones.list))
	for _, z := range w.zones.list {
		b = z.append(b)
	}
	b = appendArray(b, len(numbers))
	for _, n := range numbers {
		b = appendInt(b, int64(n))
	}
	return b
}

// read reads what append wrote.
func (w *timeWalk) read(r *reader) bool {
	if r.array(1) != 2 {
		return false
	}
	if w.locs = readZones(r); w.locs == nil {
		return false
	}
	n := r.array(1)
	w.numbers = make([]uint32, n)
	for i := range w.numbers {
		number := r.int()
		if number < 0 || number >= int64(len(w.locs)) {
			return false
		}
		w.numbers[i] = uint32(number)
	}
	return !r.bad
}

func (w *timeWalk) walk(v reflect.Value, depth int) error {
	if depth > maxDepth {
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
		if w.locs == nil && !v.IsNil() {
			return (&timeWalk{}).walk(v.Elem(), depth+1) // for cycles alone.
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

// walkMap visits the values in the order of their keys as printed: any order will do that both walks
// share.
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
		if w.locs != nil {
			v.SetMapIndex(key, elem)
		}
	}
	return nil
}

// visit notes the zone of a time, or puts it back.
func (w *timeWalk) visit(v reflect.Value) error {
	if !v.CanInterface() {
		return nil // within an unexported embedded struct.
	}
	t := v.Interface().(time.Time)
	if w.locs == nil {
		number, err := w.zones.number(t)
		w.numbers = append(w.numbers, number)
		return err
	}
	number := uint32(zoneUTC)
	if len(w.numbers) == 1 {
		number = w.numbers[0]
	} else if w.at < len(w.numbers) {
		number = w.numbers[w.at]
	}
	w.at++
	v.Set(reflect.ValueOf(timeOf(uint64(t.Unix()), uint32(t.Nanosecond()), w.locs[number])))
	return nil
}
