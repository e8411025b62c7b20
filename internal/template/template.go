package template

import (
	"errors"
	"fmt"
	"reflect"
)

// Template makes keys from arguments of type K. It is immutable, and safe for concurrent use.
type Template[K any] struct {
	pattern string
	parts   []part
	key     func(K) string // instead of placeholders
}

// part is a literal, or a field with the literal before its value.
type part struct {
	literal string // with "{name=" at its end, before a value
	value   bool
	field   field
}

// Fields says which fields of an argument a pattern must name.
type Fields int

const (
	// All is for what depends on the whole argument, such as a cached value: two arguments that differ only in a field
	// that was forgotten would have one key.
	All Fields = iota
	// Some is for what is meant to be shared by many arguments, such as the lock of a user that an update names.
	Some
)

// Compile returns the template of a pattern for arguments of type K: a scalar, which one placeholder names, or a struct
// (or a pointer to one), whose fields the placeholders name. The error names all that is wrong, and the remedies.
func Compile[K any](pattern string, named Fields) (*Template[K], error) {
	parts, err := compile(pattern, reflect.TypeFor[K](), named)
	if err != nil {
		return nil, describe(pattern, err)
	}
	return &Template[K]{pattern: pattern, parts: parts}, nil
}

// Keyed returns a template whose keys are told apart by a function of the caller's own. The pattern has no placeholders.
// Arguments for which key gives the same text have the same key.
func Keyed[K any](pattern string, key func(K) string) (*Template[K], error) {
	pieces, err := parse(pattern)
	switch {
	case err != nil:
	case key == nil:
		err = errors.New("its key function is nil")
	case len(pieces) > 1 || pieces[0].placeholder:
		err = errors.New("it has placeholders and a key function: leave out one of the two")
	}
	if err != nil {
		return nil, describe(pattern, err)
	}
	return &Template[K]{pattern: pattern, key: key}, nil
}

func describe(pattern string, err error) error {
	return fmt.Errorf("the template %q: %w", pattern, err)
}

// String returns the pattern.
func (t *Template[K]) String() string { return t.pattern }

// Key returns the key of an argument.
func (t *Template[K]) Key(arg K) string {
	if t.key != nil {
		return string(append(appendText(append([]byte(t.pattern), '{'), t.key(arg)), '}'))
	}
	var buf [96]byte
	dst := buf[:0]
	v := reflect.ValueOf(&arg).Elem()
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.literal...)
		if p.value {
			dst = append(p.field.append(dst, v), '}')
		}
	}
	return string(dst)
}

// append appends the value that the field has in the argument v. A pointer that is nil on the way gives as many dashes as
// steps were taken, since "no struct" is another argument than "a struct whose field is nil".
func (f *field) append(dst []byte, v reflect.Value) []byte {
	for step := 0; ; step++ {
		if v.Kind() == reflect.Pointer && step < len(f.index) {
			if v.IsNil() {
				for range step + 1 {
					dst = append(dst, '-')
				}
				return dst
			}
			v = v.Elem()
		}
		if step == len(f.index) {
			return appendScalar(dst, v)
		}
		v = v.Field(f.index[step])
	}
}

// compile finds what each placeholder stands for in arguments of type t.
func compile(pattern string, t reflect.Type, named Fields) ([]part, error) {
	pieces, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pieces {
		if p.placeholder {
			names = append(names, p.text)
		}
	}
	fields, err := resolve(t, names, named)
	if err != nil {
		return nil, err
	}
	parts := make([]part, 0, len(names)+1)
	literal := ""
	for _, p := range pieces {
		if !p.placeholder {
			literal = p.text
			continue
		}
		parts = append(parts, part{literal: literal + "{" + p.text + "=", value: true, field: fields[p.text]})
		literal = ""
	}
	if literal != "" {
		parts = append(parts, part{literal: literal})
	}
	return parts, nil
}

// resolve returns the field of each placeholder.
func resolve(t reflect.Type, names []string, named Fields) (map[string]field, error) {
	if named == Some && len(names) == 0 {
		return nil, nil
	}
	if isScalar(t) {
		if len(names) != 1 {
			return nil, fmt.Errorf("it has %d placeholders, and the argument is one %s: write one, or pass a struct whose fields they name", len(names), t)
		}
		return map[string]field{names[0]: {name: names[0], typ: t}}, nil
	}
	inner := structOf(t)
	if inner == nil {
		return nil, fmt.Errorf("the argument is a %s: pass a scalar or a struct of scalars, or make the key by a function of your own (WithKeyFunc)", t)
	}
	if t != inner && len(names) == 0 {
		return nil, fmt.Errorf("it has no placeholder, and the argument is a pointer: pass a %s", inner)
	}
	c := &collector{}
	c.collect(inner, "", nil)
	return c.named(t, names, named)
}

// named finds the fields that placeholders name.
func (c *collector) named(t reflect.Type, names []string, fields Fields) (map[string]field, error) {
	all, errs := map[string]field{}, c.errs
	for _, f := range c.fields {
		all[f.name] = f
	}
	used := map[string]bool{}
	for _, name := range names {
		f, known := all[name]
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("no field of %s is named {%s}%s", t, name, near(c.fields, name)))
		case !isScalar(f.typ):
			errs = append(errs, fmt.Errorf("{%s} is a %s: it must be a scalar. Leave it out of the argument, or make the key by a function of your own (WithKeyFunc)", name, f.typ))
		}
		used[name] = true
	}
	for _, f := range c.fields {
		if fields == All && !used[f.name] {
			errs = append(errs, fmt.Errorf("it leaves out field %s of %s: write {%s}, or tag the field `%s:\"-\"` if the value does not depend on it", f.path, t, f.name, Tag))
		}
	}
	return all, errors.Join(errs...)
}
