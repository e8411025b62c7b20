package region

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// MultiFunc is a cached function of many arguments at once, which [CachedMulti] returns. It is immutable, and safe for
// concurrent use.
type MultiFunc[K comparable, T any] struct {
	*function[K]
	fn func(context.Context, []K) (map[K]T, error)
}

// CachedMulti returns fn with each of its values kept in a region under a key of its own. A call asks fn for those values
// only that are missing, all at once and each argument once. The template is as for [Cached], for one of the arguments:
//
//	users := region.CachedMulti(r, "user-{id}", readUsers)
//	found, err := users.Call(ctx, []int{1, 2, 3})
//
// An argument that fn leaves out has no value. That is remembered for the region's NegativeTTL, and it is absent from what
// the call returns. If fn returns an [*ArgsError], these arguments alone have failed;
// any other error is that of all arguments it was called with. A call returns the other values, and an *ArgsError.
//
// The idea is cache_multi_on_arguments of Python's dogpile.cache.
func CachedMulti[K comparable, T any](r *Region, pattern string, fn func(ctx context.Context, args []K) (map[K]T, error), opts ...Option) *MultiFunc[K, T] {
	of := engine.Function{Result: reflect.TypeFor[T](), Multi: true}
	return &MultiFunc[K, T]{newFunction[K]("CachedMulti", r, pattern, of, fn, opts), fn}
}

// With returns the function with more options, as [Func.With] does.
func (f *MultiFunc[K, T]) With(opts ...Option) *MultiFunc[K, T] {
	return &MultiFunc[K, T]{f.function.with(opts), f.fn}
}

// Call returns the values for arguments, and makes those that are not cached.
func (f *MultiFunc[K, T]) Call(ctx context.Context, args []K) (map[K]T, error) {
	if f.err == nil && f.isRefreshed(ctx) {
		return f.Refresh(ctx, args)
	}
	return f.call(ctx, args, f.opts)
}

// Refresh makes the values for arguments anew and stores them, as the layers below do. If that fails, what was cached stays.
func (f *MultiFunc[K, T]) Refresh(ctx context.Context, args []K) (map[K]T, error) {
	return f.call(f.refreshBelow(ctx), args, f.refreshed())
}

func (f *MultiFunc[K, T]) call(ctx context.Context, args []K, opts []Option) (map[K]T, error) {
	b, err := f.batch(args)
	if err != nil {
		return nil, err
	}
	made, err := GetOrCreateMulti(ctx, f.region, b.keys, func(ctx context.Context, missing []string) (map[string]T, error) {
		asked := b.first(missing)
		made, err := f.fn(ctx, slices.Clone(asked))
		for i, key := range missing {
			if err == nil {
				err = f.unchanged(asked[i], key)
			}
		}
		byKey := make(map[string]T, len(made))
		for arg, v := range made {
			byKey[f.template.Key(arg)] = v
		}
		return byKey, errorsByKey(f.function, err)
	}, opts...)
	return byArgument(b, made), errorsByArgument(b, err)
}

// Get returns those values for arguments that are cached here. The others are absent.
func (f *MultiFunc[K, T]) Get(ctx context.Context, args []K) (map[K]T, error) {
	b, err := f.batch(args)
	if err != nil {
		return nil, err
	}
	found, err := GetMulti[T](ctx, f.region, b.keys, f.opts...)
	return byArgument(b, found), err
}

// Set stores values for arguments, as [SetMulti] does, and drops them from the layers below. Where the function has
// [WithTables] or [WithTags], call Begin before the values are read, and set them by f.With(region.From(b)).Set(ctx, values).
func (f *MultiFunc[K, T]) Set(ctx context.Context, values map[K]T) error {
	b, err := f.batch(slices.Collect(maps.Keys(values)))
	if err != nil || len(values) == 0 {
		return err
	}
	byKey := make(map[string]T, len(values))
	for _, key := range b.keys {
		byKey[key] = values[b.args[key][0]]
	}
	below := f.resetBelow(ctx, b.first(b.keys))
	return errors.Join(below, errorsByArgument(b, SetMulti(ctx, f.region, byKey, f.opts...)))
}

// Original calls the function itself: nothing is taken from the region, nor stored in it.
func (f *MultiFunc[K, T]) Original(ctx context.Context, args []K) (map[K]T, error) {
	if f.fn == nil {
		return nil, f.err
	}
	return f.fn(ctx, args)
}

// batch is the arguments of one call. Arguments that the template does not tell apart have one key: the function is asked
// for the first, and each gets the answer.
type batch[K comparable] struct {
	keys []string // each once, in the order of the call
	args map[string][]K
	own  map[string]K // the first of each, for a load that goes on after the call
}

func (f *MultiFunc[K, T]) batch(args []K) (*batch[K], error) {
	if f.err != nil {
		return nil, f.err
	}
	b := &batch[K]{args: make(map[string][]K, len(args)), own: make(map[string]K, len(args))}
	for i := range args {
		// With WithKeyFunc, K may be an interface, and what is in it a slice.
		if !reflect.ValueOf(&args[i]).Elem().Comparable() {
			return nil, fault.Errorf("region.CachedMulti: the template %q: %w", f.template, errNoKey(args[i]))
		}
		key := f.template.Key(args[i])
		if b.args[key] == nil {
			b.keys = append(b.keys, key)
			b.own[key] = f.template.Own(args[i])
		}
		b.args[key] = append(b.args[key], args[i])
	}
	return b, nil
}

func errNoKey(arg any) error {
	return fmt.Errorf("a %T can't be a key of the map of values: pass arguments that can be compared", arg)
}

// first returns the arguments to ask for.
func (b *batch[K]) first(keys []string) []K {
	args := make([]K, len(keys))
	for i, key := range keys {
		args[i] = b.own[key]
	}
	return args
}

// byArgument returns values by argument. A value for one that was not asked for is left out.
func byArgument[K comparable, T any](b *batch[K], values map[string]T) map[K]T {
	found := make(map[K]T, len(values))
	for key, v := range values {
		for _, arg := range b.args[key] {
			found[arg] = v
		}
	}
	return found
}
