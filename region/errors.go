package region

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Errors that regions give.
var (
	// ErrUnknownRegion is wrapped by the error for a region that was not configured.
	ErrUnknownRegion = engine.ErrUnknownRegion
	// ErrCacheMiss is returned by a read that asked for cached data only, where there is none that may
	// be served. Where the store has failed, the error wraps what the store said too.
	ErrCacheMiss = engine.ErrCacheMiss
	// ErrExists is returned by [Insert] where there is a value.
	ErrExists = errors.New("gormcache: there is a value under this key")
	// ErrConflict is returned by [CompareAndSwap] where the value has another version by now, and by [Update] and [Add]
	// where others have changed the value each time.
	ErrConflict = engine.ErrConflict
	// ErrNotStored is wrapped by the errors of calls that store, where nothing has failed and yet nothing could be stored:
	// somebody is just writing to what the value depends on, the call runs in a transaction that has written, or the
	// plugin is closed. The error says which. Nothing old is served because of it.
	ErrNotStored = engine.ErrNotStored
	// ErrLoadTimeout is wrapped by the error of a load, or of the function that makes a value, that took longer than
	// Config.HardTimeout. Nothing was stored.
	ErrLoadTimeout = engine.ErrLoadTimeout
	// ErrOwnKey is returned where the function that makes a value asks for that very value.
	ErrOwnKey = engine.ErrOwnKey
	// ErrNoSwap is returned by [Insert], [Replace], [Update], [CompareAndSwap], [Add] and [Region.Touch] where the store
	// can't change a value by comparison.
	ErrNoSwap = store.ErrNoSwap
)

// KeysError holds the errors of a call for several keys, by key. errors.Is and errors.As look into each of them. A function
// that makes several values may return it to fail for some keys alone.
type KeysError struct {
	Errs map[string]error
}

// Error names up to three of the keys.
func (e *KeysError) Error() string {
	keys := e.keys()
	var b strings.Builder
	fmt.Fprintf(&b, "gormcache: %d keys failed", len(keys))
	for n, key := range keys[:min(len(keys), 3)] {
		fmt.Fprintf(&b, "%s %q: %v", []string{":", ";", ";"}[n], key, fault.Text(e.Errs[key]))
	}
	if len(keys) > 3 {
		b.WriteString("; …")
	}
	return b.String()
}

// Unwrap returns the errors, in the order of their keys.
func (e *KeysError) Unwrap() []error {
	errs := make([]error, 0, len(e.Errs))
	for _, key := range e.keys() {
		errs = append(errs, e.Errs[key])
	}
	return errs
}

func (e *KeysError) keys() []string {
	keys := make([]string, 0, len(e.Errs))
	for key := range e.Errs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
