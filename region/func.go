package region

import (
	"context"
	"errors"
	"reflect"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
)

// Func is a cached function, which [Cached] returns. It is immutable, and safe for concurrent use.
type Func[K, T any] struct {
	*function[K]
	fn func(context.Context, K) (T, error)
}

// Cached returns fn with its values kept in a region. The template names what they are and tells arguments apart:
//
//	read := region.Cached(r, "read_user-{user_id}", readUser, region.WithTTL(5*time.Minute), region.WithTables("users"))
//	u, err := read.Call(ctx, 5)
//
// An argument is a scalar, which the one placeholder stands for under any name: a number, a text, a bool, bytes, a time or a
// pointer to one of them. Or it is a struct of such fields, or a pointer to it: {user_id} is the field tagged
// `cache:"user_id"`, or called so. Each field must be named, also those of embedded structs, or be tagged `cache:"-"`: a
// value that depended on a forgotten one would be returned for others. For other arguments: [WithKeyFunc].
//
// Two arguments have one key only if they are equal. Numbers are compared by value, so int 1 is int64 1, and neither is "1"
// or 1.0; times by their instant, offset and zone, so let them all be UTC; other types by what they hold, not by String.
// Processes that use the same template in a region of the same name share the values, whatever their versions.
// So do functions of one process, also that of a [CachedMulti]; functions whose values are of different types can't.
//
// What is wrong with the template or an option is the error of Err, and of all calls.
//
// The options hold for all calls, and those of [Func.With] for some. All that is said at [GetOrCreate] holds for fn.
//
// The idea is cache_on_arguments of Python's dogpile.cache, and cached of py-cachify.
func Cached[K, T any](r *Region, pattern string, fn func(ctx context.Context, arg K) (T, error), opts ...Option) *Func[K, T] {
	return &Func[K, T]{newFunction[K]("Cached", r, pattern, engine.Function{Result: reflect.TypeFor[T]()}, fn, opts), fn}
}

// With returns the function with more options: read.With(region.In(tx)).Call(ctx, 5).
func (f *Func[K, T]) With(opts ...Option) *Func[K, T] {
	return &Func[K, T]{f.function.with(opts), f.fn}
}

// Call returns the value for an argument, and makes it if it is not cached, as [GetOrCreate] does.
func (f *Func[K, T]) Call(ctx context.Context, arg K) (T, error) {
	switch {
	case f.err != nil:
		return *new(T), f.err
	case f.isRefreshed(ctx):
		return f.Refresh(ctx, arg)
	}
	return f.call(ctx, arg, f.opts)
}

// Refresh makes the value for an argument anew and stores it, as the layers below do. If that fails, what was cached stays.
func (f *Func[K, T]) Refresh(ctx context.Context, arg K) (T, error) {
	if f.err != nil {
		return *new(T), f.err
	}
	return f.call(f.refreshBelow(ctx), arg, f.refreshed())
}

func (f *Func[K, T]) call(ctx context.Context, arg K, opts []Option) (T, error) {
	arg = f.template.Own(arg)
	key := f.template.Key(arg)
	return GetOrCreate(ctx, f.region, key, func(ctx context.Context) (T, error) {
		v, err := f.fn(ctx, arg)
		if err == nil {
			err = f.unchanged(arg, key)
		}
		return v, err
	}, opts...)
}

// Get returns the value for an argument if it is cached here, and [ErrCacheMiss] otherwise.
func (f *Func[K, T]) Get(ctx context.Context, arg K) (T, error) {
	if f.err != nil {
		return *new(T), f.err
	}
	return Get[T](ctx, f.region, f.template.Key(arg), f.opts...)
}

// Set stores a value for an argument, as [Set] does, and drops it from the layers below. Where the function has
// [WithTables] or [WithTags], call Begin before the value is read, and set it by f.With(region.From(b)).Set(ctx, arg, v).
func (f *Func[K, T]) Set(ctx context.Context, arg K, v T) error {
	if f.err != nil {
		return f.err
	}
	below := f.resetBelow(ctx, []K{arg})
	return errors.Join(below, Set(ctx, f.region, f.template.Key(arg), v, f.opts...))
}

// Original calls the function itself: nothing is taken from the region, nor stored in it.
func (f *Func[K, T]) Original(ctx context.Context, arg K) (T, error) {
	if f.fn == nil {
		return *new(T), f.err
	}
	return f.fn(ctx, arg)
}
