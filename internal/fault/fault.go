// Package fault makes the errors of this module. The text of an error has the module's prefix once, however many errors
// of the module it wraps.
package fault

import (
	"fmt"
	"strings"
)

// prefix begins every error of the module.
const prefix = "gormcache: "

// wrapping is an error whose text has the prefix once. It is immutable.
type wrapping struct {
	text string
	err  error
}

// Errorf is fmt.Errorf with the module's prefix, which the format leaves out. Wrapped errors lose their prefix:
// "gormcache: Config.Store: gormcache: redisstore: gormcache: store not supported" is hard to read.
func Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &wrapping{prefix + Text(err), err}
}

// Text returns the error's text without the module's prefix, for a place that already names the module.
func Text(err error) string { return strings.ReplaceAll(err.Error(), prefix, "") }

// Error implements error.
func (w *wrapping) Error() string { return w.text }

// Unwrap returns the error that fmt.Errorf made.
func (w *wrapping) Unwrap() error { return w.err }
