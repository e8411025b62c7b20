package template

import (
	"fmt"
	"reflect"
	"strings"
)

// Tag is the key of the struct tag that names a field's placeholder.
const Tag = "cache"

// field is a part of an argument that a placeholder names.
type field struct {
	name  string // of the placeholder
	path  string // as Go code reaches it, for errors
	index []int  // through embedded structs; empty: the argument itself
	typ   reflect.Type
}

// collector collects the fields of a struct and of those that it embeds.
type collector struct {
	fields []field
	within []reflect.Type // the structs around the present one
	errs   []error
}

// collect adds the fields of the struct t, which is reached by index and path.
func (c *collector) collect(t reflect.Type, path string, index []int) {
	c.within = append(c.within, t)
	defer func() { c.within = c.within[:len(c.within)-1] }()
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup(Tag)
		if f.Name == "_" || tag == "-" {
			continue
		}
		at := field{name: f.Name, path: path + f.Name, typ: f.Type, index: append(index[:len(index):len(index)], i)}
		if tagged {
			at.name = tag
		}
		if inner := structOf(f.Type); f.Anonymous && !tagged && inner != nil {
			c.embedded(inner, at)
			continue
		}
		c.add(at)
	}
}

// embedded adds the fields of an embedded struct as if they stood in the outer one.
func (c *collector) embedded(inner reflect.Type, at field) {
	for _, outer := range c.within {
		if outer == inner {
			c.errs = append(c.errs, fmt.Errorf("%s embeds itself: pass a struct that does not", inner))
			return
		}
	}
	c.collect(inner, at.path+".", at.index)
}

// add adds one field. Two fields of one name are refused even where Go's rules would choose the outer one: the template
// would leave out the other.
func (c *collector) add(at field) {
	if !plain(at.name) {
		c.errs = append(c.errs, fmt.Errorf("field %s is tagged `%s:%q`: use letters, digits, '_', '.' and '-', or \"-\" to leave the field out", at.path, Tag, at.name))
		return
	}
	for _, other := range c.fields {
		if other.name == at.name {
			c.errs = append(c.errs, fmt.Errorf("fields %s and %s are both named %s: tag one of them `%s:\"another_name\"`, or \"-\" to leave it out", other.path, at.path, at.name, Tag))
			return
		}
	}
	c.fields = append(c.fields, at)
}

// structOf returns the struct that a type is or points to, or nil. A time is a scalar.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || isTime(t) {
		return nil
	}
	return t
}

// near returns a hint at a field that was perhaps meant by a placeholder.
func near(fields []field, name string) string {
	for _, f := range fields {
		if fold(f.name) == fold(name) {
			return fmt.Sprintf(": tag field %s `%s:%q`, or write {%s}", f.path, Tag, name, f.name)
		}
	}
	var names []string
	for _, f := range fields {
		names = append(names, "{"+f.name+"}")
	}
	if len(names) == 0 {
		return ": it has none"
	}
	return ": there are " + strings.Join(names, ", ")
}

func fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
}
