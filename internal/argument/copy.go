package argument

import (
	"bytes"
	"database/sql"
	"reflect"
	"time"
)

// Copies are the arguments for a load that outlives the caller. They share no memory with the caller, as far as
// they have forms: what arguments point to is the caller's, and may change after the read. A Valuer is replaced by
// the value that it gave, for all dialects.
func (l List) Copies() []any {
	copies := make([]any, len(l.values))
	for i, v := range l.values {
		copies[i] = copied(v)
	}
	return copies
}

func copied(value any) any {
	switch v := value.(type) {
	case nil, string, time.Time:
		return value
	case []byte:
		return bytes.Clone(v)
	case sql.NamedArg:
		return sql.NamedArg{Name: v.Name, Value: copied(v.Value)}
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Pointer:
		switch {
		case v.NumMethod() > 0: // which may be what the driver goes by
			return isolated(v).Interface()
		case v.IsNil():
			return nil
		}
		return copied(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		return isolated(v).Interface()
	}
	return value
}

// isolated copies a list with what its elements point to. Their types stay, since drivers go by them.
func isolated(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			return isolated(v.Elem())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clone := reflect.New(v.Type().Elem())
			clone.Elem().Set(isolated(v.Elem()))
			return clone.Convert(v.Type())
		}
	case reflect.Slice:
		if !v.IsNil() {
			clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			isolate(clone, v)
			return clone
		}
	case reflect.Array:
		clone := reflect.New(v.Type()).Elem()
		isolate(clone, v)
		return clone
	}
	return v
}

func isolate(clone, elements reflect.Value) {
	if k := elements.Type().Elem().Kind(); reflect.Bool <= k && k <= reflect.Complex128 || k == reflect.String {
		reflect.Copy(clone, elements)
		return
	}
	for i := range elements.Len() {
		clone.Index(i).Set(isolated(elements.Index(i)))
	}
}
