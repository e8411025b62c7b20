package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// describe returns what a log may say of an error, or of a panic, of a load. Its text comes from the database or the
// application and often quotes arguments: `invalid input syntax for type date: "…"`. So the text stays out of the log,
// except the SQLSTATE. The caller, which has the arguments anyway, gets the error itself.
func describe(what any) string {
	err, ok := what.(error)
	switch {
	case what == nil:
		return ""
	case !ok:
		return fmt.Sprintf("%T", what)
	}
	for _, plain := range []error{ErrLoadTimeout, ErrCacheMiss, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, plain) {
			return plain.Error()
		}
	}
	var bug runtime.Error
	if errors.As(err, &bug) {
		return bug.Error()
	}
	var coded interface {
		error
		SQLState() string
	}
	if errors.As(err, &coded) {
		return fmt.Sprintf("%T, SQLSTATE %s", coded, coded.SQLState())
	}
	return fmt.Sprintf("%T", err)
}
