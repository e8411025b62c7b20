package serializer

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

// Marshal encodes a typed value for [Unmarshal] into the same type, with msgpack and its struct
// tags. It fails with [ErrUnsupported] for what msgpack cannot encode, a cycle of pointers, and a
// time in a zone that is neither a fixed offset nor in the time zone database.
//
// What comes back is deeply equal to v, with these exceptions:
//   - what msgpack leaves out: unexported fields and those tagged "-";
//   - a time's monotonic clock reading, and Local in a process whose Local differs;
//   - the zones of times within values of interface type (they come back in Local), within types that
//     encode themselves, and in the keys of maps;
//   - numbers, slices and maps within values of interface type: they come back as msgpack's own
//     choice of type, such as int8 or map[string]any.
func Marshal(v any) (b []byte, err error) {
	defer recovered(&err, ErrUnsupported)
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	w := timeWalk{zones: new(rows.ZoneList)}
	b = rows.AppendInt(nil, 0)
	if value.IsValid() {
		b = rows.AppendInt(nil, int64(shapeOf(pointee(value.Type())).fingerprint))
		if err := w.walk(value, 0); err != nil {
			return nil, err
		}
		// Methods with pointer receivers need a value that has an address.
		addressable := reflect.New(value.Type())
		addressable.Elem().Set(value)
		v = addressable.Interface()
	}
	b = w.zones.Append(b)
	buf := bytes.NewBuffer(b)
	if err := msgpack.NewEncoder(buf).Encode(v); err != nil {
		return nil, fault.Errorf("%w: %w", ErrUnsupported, err)
	}
	return buf.Bytes(), nil
}

// Unmarshal decodes into dst, a non-nil pointer to the type that was given to [Marshal]. It returns
// [ErrVersion] if that type has another shape than it had then (a field was added, renamed, or
// changed its type): what the old one kept would be a wrong value of the new one. It returns
// [ErrCorrupt] for bytes that Marshal did not write; dst may then hold a part of them.
func Unmarshal(b []byte, dst any) (err error) {
	defer recovered(&err, ErrCorrupt)
	ptr := reflect.ValueOf(dst)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return fmt.Errorf("%w: destination is a %T, not a pointer", ErrUnsupported, dst)
	}
	typ := pointee(ptr.Type())
	got, b, ok := rows.ReadInt(b)
	if !ok {
		return fmt.Errorf("%w: value's header", ErrCorrupt)
	}
	if want := int64(shapeOf(typ).fingerprint); got != want && got != 0 && typ.Kind() != reflect.Interface {
		return fmt.Errorf("%w: %v has changed its shape", ErrVersion, typ)
	}
	zones, b, ok := rows.ReadZoneList(b)
	if !ok || !rows.WellFormed(b) {
		return fmt.Errorf("%w: value", ErrCorrupt)
	}
	if err := msgpack.NewDecoder(bytes.NewReader(b)).Decode(dst); err != nil {
		return fault.Errorf("%w: %w", ErrCorrupt, err)
	}
	w := timeWalk{zones: zones, decoding: true}
	return w.walk(ptr.Elem(), 0)
}

// pointee returns what a type of pointers points to in the end: msgpack sees no pointers.
func pointee(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// recovered turns a panic of msgpack, or of a type's own methods, into an error: what a cache cannot
// encode is loaded afresh, it does not bring the program down.
func recovered(err *error, kind error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", kind, p)
	}
}

// encodesItself reports whether msgpack calls methods of t, or of *t, rather than look inside it.
func encodesItself(t reflect.Type) bool {
	for _, i := range selfEncoders {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

var selfEncoders = []reflect.Type{
	reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
}
