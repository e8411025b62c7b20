package template

import (
	"bytes"
	"reflect"
	"unsafe"
)

// Own returns the argument with all that its key is made of copied. A load may go on when its caller has gone on, who may
// use the memory for the next argument:
//
//	caller  asks for 5, is served an old value; a load of 5 begins in the background
//	caller  writes 6 where the argument points to, and asks for 6
//	load    reads 6, and stores it as 5
//
// Own does not copy what a caller's own key function looks at.
func (t *Template[K]) Own(arg K) K {
	if len(t.shared) == 0 {
		return arg
	}
	own := arg // arg itself would be allocated in any case
	v := reflect.ValueOf(&own).Elem()
	for i := range t.shared {
		t.shared[i].own(v)
	}
	return own
}

// shares reports whether an argument of type t shares the memory of the field with others.
func (f *field) shares(t reflect.Type) bool {
	for _, i := range f.index {
		if t.Kind() == reflect.Pointer {
			return true
		}
		t = t.Field(i).Type
	}
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice
}

// own copies what pointers on the way to the field point to, and what the field does.
func (f *field) own(v reflect.Value) {
	for _, i := range f.index {
		if v = pointee(v); !v.IsValid() {
			return
		}
		v = v.Field(i)
	}
	if v = pointee(v); v.IsValid() && v.Kind() == reflect.Slice && !v.IsNil() {
		settable(v).SetBytes(bytes.Clone(v.Bytes()))
	}
}

// pointee puts a copy of what a pointer points to in its place, and returns the copy; the zero Value if it is nil. What is no
// pointer is returned.
func pointee(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		return reflect.Value{}
	}
	v = settable(v)
	c := reflect.New(v.Type().Elem())
	c.Elem().Set(v.Elem())
	v.Set(c)
	return c.Elem()
}

// settable returns the value without the mark of an unexported field: it is a copy of ours.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
