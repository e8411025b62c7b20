package argument

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

const (
	// maxDepth bounds pointers to pointers, lists in lists, and Valuers that give Valuers.
	maxDepth = 8
	// maxList bounds the elements of a list, since each has a byte in a key.
	maxList = MaxSize
)

// List is the arguments of one query. Its lists are as long, and may be one and the same. They must not be
// modified.
type List struct {
	// Given are the arguments as the application has given them.
	Given []any
	// Forms are their normal forms.
	Forms []any
	// Sent are the arguments as the database is to be given them.
	Sent []any
	// values are the arguments with what a Valuer gave in the Valuer's place.
	values []any
}

// Normal forms. Any other value is its own form, and so are pointers and lists, unless a Valuer must be asked
// somewhere in them.
type (
	// typed is what a pointer points to, with the pointer's type, which has methods.
	typed struct {
		typ  reflect.Type
		form any
	}
	// list is a slice or an array.
	list struct {
		typ   reflect.Type
		forms []any
	}
	// unknown is an argument that has no form.
	unknown struct{}
)

// Ask asks each Valuer among the arguments of a query. It allocates nothing where there is none.
func Ask(d sqltext.Dialect, given []any) List {
	for i, a := range given {
		if !settled(a) {
			return askFrom(d, given, i)
		}
	}
	return List{Given: given, Forms: given, Sent: given, values: given}
}

// askFrom asks from the first argument that must be asked.
func askFrom(d sqltext.Dialect, given []any, first int) List {
	n := len(given)
	both := make([]any, 2*n)
	l := List{Given: given, Forms: both[:n:n], Sent: given, values: both[n:]}
	copy(l.Forms, given)
	copy(l.values, given)
	for i := first; i < n; i++ {
		l.Forms[i], l.values[i] = ask(d, given[i], maxDepth)
	}
	if handsOver(d) {
		l.Sent = l.values
	}
	return l
}

// Of is the normal form of one argument. That of a form is the form itself.
func Of(d sqltext.Dialect, a any) (form any) {
	if settled(a) {
		return a
	}
	form, _ = ask(d, a, maxDepth)
	return form
}

// handsOver reports whether the drivers of a dialect take what a Valuer gives for the Valuer itself: those that
// convert arguments by the rule of database/sql. pgx, and drivers that are not known, go by the Go type.
func handsOver(d sqltext.Dialect) bool { return d == sqltext.SQLite || d == sqltext.MySQL }

// takes reports whether a driver of the dialect takes what a Valuer has given. What it refuses has no form: the
// database is to say so itself.
func takes(d sqltext.Dialect, value any) bool {
	if !handsOver(d) || driver.IsValue(value) {
		return true
	}
	_, unsigned := value.(uint64)
	return unsigned && d == sqltext.MySQL
}

// settled reports whether a value is its own form.
func settled(a any) bool {
	switch a.(type) {
	case nil, string, int, int64, uint, uint64, bool, float64, []byte, time.Time, typed, list, unknown:
		return true
	case driver.Valuer, sql.NamedArg:
		return false
	}
	switch t := reflect.TypeOf(a); t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return !mustAsk(t.Elem(), maxDepth)
	}
	return true
}

var (
	valuerType = reflect.TypeFor[driver.Valuer]()
	namedType  = reflect.TypeFor[sql.NamedArg]()
)

// mustAsk reports whether there may be a Valuer in values of a type. depth bounds types that contain themselves.
func mustAsk(t reflect.Type, depth int) bool {
	if k := t.Kind(); depth == 0 || k == reflect.Interface || t == namedType || t.NumMethod() > 0 && t.Implements(valuerType) {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return mustAsk(t.Elem(), depth-1)
	}
	return false
}

// ask finds the form of an argument, and its value: the argument itself, or what its Valuer gave. Where there is no
// form the value is the argument.
func ask(d sqltext.Dialect, a any, depth int) (form, value any) {
	if settled(a) {
		return a, a
	}
	switch v := a.(type) {
	case sql.NamedArg:
		if depth < maxDepth { // database/sql knows it as an argument only, not in something else
			return unknown{}, a
		}
		form, value = ask(d, v.Value, depth-1)
		if _, ok := form.(unknown); ok {
			return form, a
		}
		return sql.NamedArg{Name: v.Name, Value: form}, sql.NamedArg{Name: v.Name, Value: value}
	case driver.Valuer:
		given, ok := valueOf(v)
		if !ok || depth == 0 || !takes(d, given) {
			return unknown{}, a
		}
		form, value = ask(d, given, depth-1)
		if _, none := form.(unknown); none {
			return form, a
		}
		return form, value
	}
	switch v := reflect.ValueOf(a); {
	case depth == 0:
		return unknown{}, a
	case v.Kind() == reflect.Pointer:
		return pointer(d, v, depth)
	default:
		return elements(d, v, depth), a
	}
}

func pointer(d sqltext.Dialect, p reflect.Value, depth int) (form, value any) {
	if !p.IsNil() {
		form, value = ask(d, p.Elem().Interface(), depth-1)
	}
	switch form.(type) {
	case unknown:
		return form, p.Interface()
	case list: // what is in it is asked by the driver, or refused
		value = p.Interface()
	}
	if p.NumMethod() > 0 {
		return typed{p.Type(), form}, p.Interface()
	}
	return form, value
}

// elements is the form of a list, which some drivers take as one argument.
func elements(d sqltext.Dialect, v reflect.Value, depth int) (form any) {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		return list{typ: v.Type()}
	case v.Len() > maxList:
		return unknown{}
	}
	l := list{v.Type(), make([]any, v.Len())}
	for i := range l.forms {
		l.forms[i], _ = ask(d, v.Index(i).Interface(), depth-1)
		if _, ok := l.forms[i].(unknown); ok {
			return unknown{}
		}
	}
	return l
}

// valueOf asks a Valuer as database/sql does: a nil pointer whose method is that of its element is NULL, and
// not a panic. Any other panic will happen again where the statement is run, unless the driver does not ask.
func valueOf(v driver.Valuer) (value any, ok bool) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(valuerType) {
		return nil, true
	}
	defer func() {
		if recover() != nil {
			value, ok = nil, false
		}
	}()
	value, err := v.Value()
	return value, err == nil
}
