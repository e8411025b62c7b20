package region

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// ArgsError holds the errors of a call of a [MultiFunc], by argument; the values of the others are returned beside it.
// errors.Is and errors.As look into each of them. The cached function may return one itself, as a pointer, to fail for some
// arguments alone.
type ArgsError[K comparable] struct {
	Errs map[K]error
}

// Error names up to three of the arguments.
func (e *ArgsError[K]) Error() string {
	all := make([]string, 0, len(e.Errs))
	for arg, err := range e.Errs {
		all = append(all, fmt.Sprintf("%v: %v", arg, fault.Text(err)))
	}
	slices.Sort(all)
	if len(all) > 3 {
		all = append(all[:3], "…")
	}
	return fmt.Sprintf("gormcache: %d arguments failed: %s", len(e.Errs), strings.Join(all, "; "))
}

// Unwrap returns the errors.
func (e *ArgsError[K]) Unwrap() []error {
	errs := make([]error, 0, len(e.Errs))
	for _, err := range e.Errs {
		errs = append(errs, err)
	}
	return errs
}

// errorsByKey makes of an error by argument one by key.
func errorsByKey[K comparable](f *function[K], err error) error {
	var some *ArgsError[K]
	if !errors.As(err, &some) {
		return err
	}
	byKey := make(map[string]error, len(some.Errs))
	for arg, err := range some.Errs {
		byKey[f.template.Key(arg)] = err
	}
	return &KeysError{Errs: byKey}
}

// errorsByArgument makes of an error by key one by argument.
func errorsByArgument[K comparable](b *batch[K], err error) error {
	var some *KeysError
	if !errors.As(err, &some) {
		return err
	}
	return &ArgsError[K]{Errs: byArgument(b, some.Errs)}
}
