package serializer

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"sync"
	"time"
)

// shape is what Marshal and Unmarshal know about a type. It is immutable.
type shape struct {
	// walk is set if values of the type must be walked: they may hold times, whose zones msgpack
	// forgets, or be cyclic, which msgpack follows until the stack overflows and the program dies.
	walk bool
	// fingerprint changes when the type's encoding does. Never 0.
	fingerprint uint32
}

var (
	shapes   sync.Map // reflect.Type → shape; bounded by the types of the program.
	timeType = reflect.TypeFor[time.Time]()
)

func shapeOf(t reflect.Type) shape {
	if s, ok := shapes.Load(t); ok {
		return s.(shape)
	}
	d := describer{seen: map[reflect.Type]int{}}
	d.describe(t)
	s := shape{walk: d.walk, fingerprint: max(crc32.ChecksumIEEE([]byte(d.text.String())), 1)}
	shapes.Store(t, s)
	return s
}

// describer writes down a type as msgpack sees it.
type describer struct {
	text strings.Builder
	seen map[reflect.Type]int
	walk bool
}

func (d *describer) describe(t reflect.Type) {
	if t == timeType {
		d.text.WriteString("time ")
		d.walk = true
		return
	}
	if n, ok := d.seen[t]; ok {
		fmt.Fprintf(&d.text, "#%d ", n)
		return
	}
	if t.Kind() != reflect.Pointer && encodesItself(t) {
		d.text.WriteString(t.String() + " ")
		return
	}
	d.text.WriteString(t.Kind().String() + " ")
	switch t.Kind() {
	case reflect.Interface:
		d.walk = true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		d.seen[t] = len(d.seen)
		d.inside(t)
	}
}

func (d *describer) inside(t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); kept(f) {
				fmt.Fprintf(&d.text, "%s %q %v ", f.Name, f.Tag.Get("msgpack"), f.Anonymous)
				d.describe(f.Type)
			}
		}
		d.text.WriteString("end ")
	case reflect.Array:
		fmt.Fprintf(&d.text, "%d ", t.Len())
		d.describe(t.Elem())
	default:
		if t.Kind() == reflect.Map {
			d.describe(t.Key())
		}
		// A recursive type contains itself through a pointer, a slice, a map or an interface.
		d.walk = d.walk || recursive(t, t.Elem(), map[reflect.Type]bool{})
		d.describe(t.Elem())
	}
}

// recursive reports whether values of type from can contain values of type t.
func recursive(t, from reflect.Type, seen map[reflect.Type]bool) bool {
	if from == t {
		return true
	}
	if seen[from] || from == timeType || from.Kind() != reflect.Pointer && encodesItself(from) {
		return false
	}
	seen[from] = true
	switch from.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return recursive(t, from.Elem(), seen)
	case reflect.Struct:
		for i := range from.NumField() {
			if f := from.Field(i); kept(f) && recursive(t, f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// kept reports whether msgpack encodes the field.
func kept(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
	return name != "-" && (f.IsExported() || f.Anonymous)
}
