package region

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/template"
)

// functionOptions are the options of [Cached] and [CachedMulti] that values by key do not have.
type functionOptions struct {
	key   any   // func(K) string
	below []any // Resetter[K]
}

// WithKeyFunc makes the keys of a cached function by a function of your own, for arguments that a template can't tell
// apart, such as lists. The template then has no placeholders, and tells the function from others of its region. Arguments
// for which key returns the same text share a value. It is an option of [Cached] and [CachedMulti] only.
func WithKeyFunc[K any](key func(arg K) string) Option {
	return func(o *valueOptions) { o.function.key = key }
}

// Resetter is a cached function as the layers above see it: a [Func], or a [MultiFunc].
type Resetter[K any] interface {
	Reset(ctx context.Context, args ...K) error
}

// Over names the cached function that another one calls: Reset, Set and Refresh of the function above reach the one below
// it too, for the same argument. So a value that is kept in two regions, such as one in the process and one in Redis, is
// dropped from both.
//
//	far := region.Cached(shared, "user-{id}", readUser)
//	near := region.Cached(local, "user-{id}", far.Call, region.Over(far))
//
// What the one below depends on, by [WithTables] and [WithTags], the one above depends on too. Both functions have the same type of argument. It is an option of [Cached] and [CachedMulti] only.
func Over[K any](below Resetter[K]) Option {
	return func(o *valueOptions) { o.function.below = append(o.function.below, below) }
}

// function is what [Func] and [MultiFunc] have in common. It is immutable, and safe for concurrent use.
type function[K any] struct {
	region   *Region
	template *template.Template[K]
	opts     []Option
	below    []Resetter[K]
	origin   *function[K] // without what With has added
	err      error        // what all calls return
}

// newFunction checks all that can be checked before the first call. maker is the name of the caller, code is the function.
func newFunction[K any](maker string, r *Region, pattern string, f engine.Function, code any, opts []Option) *function[K] {
	fn := &function[K]{region: r, opts: slices.Clone(opts)}
	fn.origin = fn
	fn.err = fn.build(pattern, f, code)
	if fn.err != nil {
		fn.err = fault.Errorf("region.%s: %w", maker, fn.err)
	}
	return fn
}

func (f *function[K]) build(pattern string, of engine.Function, code any) error {
	if f.region == nil || f.region.engine == nil {
		return fmt.Errorf("the template %q: the region is nil: take it from Plugin.Region, and look at its error", pattern)
	}
	if reflect.ValueOf(code).IsNil() {
		return fmt.Errorf("the template %q: the function is nil: pass the one that makes the value", pattern)
	}
	var o valueOptions
	for _, opt := range f.opts {
		if opt != nil {
			opt(&o)
		}
	}
	var err error
	if f.template, err = newTemplate[K](pattern, o.function.key); err != nil {
		return err
	}
	for _, b := range o.function.below {
		below, ok := b.(Resetter[K])
		if !ok || isNil(below) {
			return fmt.Errorf("the template %q: region.Over(%T): it must be a cached function of %s, and not nil", pattern, b, reflect.TypeFor[K]())
		}
		f.below = append(f.below, below)
		if l, ok := b.(layer); ok {
			f.opts = append(f.opts, l.dependencies()...)
		}
	}
	of.Code = place(code)
	return f.enlist(of)
}

// newTemplate returns the template of a pattern, or of a pattern and the caller's own function.
func newTemplate[K any](pattern string, key any) (*template.Template[K], error) {
	if key == nil {
		return template.Compile[K](pattern, template.All)
	}
	own, ok := key.(func(K) string)
	if !ok {
		return nil, fmt.Errorf("the template %q: region.WithKeyFunc has a %T: it must be a func(%s) string", pattern, key, reflect.TypeFor[K]())
	}
	return template.Keyed(pattern, own)
}

// enlist finds functions that have the same template, and so the same keys. A function for one value and one for many may
// share their values. Two types of values can't: each would throw away what the other has stored. Two functions of one type
// may be the same thing written twice, or two things, which would answer each other's calls.
func (f *function[K]) enlist(of engine.Function) error {
	for _, other := range f.region.engine.Enlist(f.template.String(), of) {
		if other.Result != of.Result {
			return fmt.Errorf("the template %q makes a %s here, and a %s in %s: name one of them differently", f.template, of.Result, other.Result, other.Code)
		}
		if other.Multi == of.Multi && other.Code != of.Code {
			f.region.engine.Warn("two functions have the same template, so each returns values of the other; if they differ in what they make, name one of them differently",
				"template", f.template.String(), "function", of.Code, "other", other.Code)
		}
	}
	return nil
}

// place returns where a function's code is. One that is inlined has many addresses, and one place.
func place(code any) string {
	pc := reflect.ValueOf(code).Pointer()
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	file, line := f.FileLine(f.Entry())
	if file == "<autogenerated>" { // a method value
		return f.Name()
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Err returns what is wrong with the region, the template or an option, or nil. A program may look at it when it starts;
// otherwise each call returns it.
func (f *function[K]) Err() error { return f.err }

// Key returns the key that the region has for an argument, for what the function does not do itself, such as [Lookup], or
// to find the argument of an error in [KeysError].
func (f *function[K]) Key(arg K) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	return f.template.Key(arg), nil
}

// Begin notes what the tables and tags of the function are, as [Region.Begin] does, for a value that is to be Set.
func (f *function[K]) Begin(ctx context.Context) (*Begun, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.region.Begin(ctx, f.opts...)
}

// Reset drops the values of arguments, here and in the layers below. A call that is making one of them meanwhile does not
// store what it makes. Values made from the rows of a table need no Reset if the function names it by [WithTables].
func (f *function[K]) Reset(ctx context.Context, args ...K) error {
	if f.err != nil || len(args) == 0 {
		return f.err
	}
	// From below: a call between the two would find here what was dropped, or store it here once more.
	//
	//	Reset  drops 5 above
	//	Call   misses 5 above, finds 5 below, stores it above
	//	Reset  drops 5 below: above it lives on
	below := f.resetBelow(ctx, args)
	return errors.Join(below, f.region.Delete(ctx, f.keys(args)...))
}

func (f *function[K]) resetBelow(ctx context.Context, args []K) error {
	var errs []error
	for _, b := range f.below {
		errs = append(errs, b.Reset(ctx, args...))
	}
	return errors.Join(errs...)
}

func (f *function[K]) keys(args []K) []string {
	keys := make([]string, len(args))
	for i, arg := range args {
		keys[i] = f.template.Key(arg)
	}
	return keys
}

// with returns the function with more options for all its calls.
func (f *function[K]) with(opts []Option) *function[K] {
	more := *f
	more.opts = slices.Concat(f.opts, opts)
	var o valueOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if f.err == nil && (o.function.key != nil || o.function.below != nil) {
		more.err = fault.Errorf("region: With: the template %q: WithKeyFunc and Over are given where the function is made", f.template)
	}
	return &more
}

// refreshed are the function's options, and that it refreshes.
func (f *function[K]) refreshed() []Option { return append(slices.Clip(f.opts), WithMode(Refresh)) }

// refreshing is the key of a context whose calls refresh the layers in its value.
type refreshing struct{}

// layer is a cached function of this package.
type layer interface {
	self() any
	dependencies() []Option
}

func (f *function[K]) self() any { return f.origin }

// dependencies are the options that say what the function's values are made from.
func (f *function[K]) dependencies() []Option {
	var o valueOptions
	for _, opt := range f.opts {
		if opt != nil {
			opt(&o)
		}
	}
	return []Option{WithTables(o.tables...), WithTags(o.tags...)}
}

// unchanged returns an error if an argument has another key by now: a caller whose load goes on in the background has
// changed what the argument points to, and the value would be stored for another. It can be only where [WithKeyFunc] looks at
// more than the argument itself.
func (f *function[K]) unchanged(arg K, key string) error {
	if f.template.Key(arg) != key {
		return fault.Errorf("the template %q: the argument of %s was changed while its value was made: pass one that stays as it is", f.template, key)
	}
	return nil
}

// refreshBelow returns a context in which the functions below refresh as well. They keep what they have if that fails, which
// they would not after a Reset.
func (f *function[K]) refreshBelow(ctx context.Context) context.Context {
	if len(f.below) == 0 {
		return ctx
	}
	var layers []any
	for _, b := range f.below {
		if l, ok := b.(layer); ok {
			layers = append(layers, l.self())
		}
	}
	return context.WithValue(ctx, refreshing{}, layers)
}

// isRefreshed reports whether a layer above refreshes.
func (f *function[K]) isRefreshed(ctx context.Context) bool {
	layers, _ := ctx.Value(refreshing{}).([]any)
	return slices.Contains(layers, f.self())
}
