// Package fault words the errors of this module: each says once where it comes from, however many errors of the
// module it wraps.
package fault

import (
	"fmt"
	"strings"
)

// prefix is how every error of the module begins.
const prefix = "gormcache: "

// wrapping is an error whose text has one prefix. It does not change.
type wrapping struct {
	text string
	err  error
}

// Errorf is fmt.Errorf with the module's prefix, which the format leaves out. Wrapped errors lose theirs, since
// "gormcache: Config.Store: gormcache: redisstore: gormcache: store not supported" hides what it has to say.
func Errorf(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &wrapping{prefix + Text(err), err}
}

// Text is the error's text without the module's prefix: for a place that names the module already.
func Text(err error) string { return strings.ReplaceAll(err.Error(), prefix, "") }

// Error implements error.
func (w *wrapping) Error() string { return w.text }

// Unwrap gives what fmt.Errorf made, and so what that wraps.
func (w *wrapping) Unwrap() error { return w.err }
