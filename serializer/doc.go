// Package serializer turns the typed values of a region into bytes and back: msgpack, preceded by the shape of the type
// and by the time zones, which msgpack does not keep.
//
// The package starts no goroutine. Its only state is a bounded table of time zones and a table of the program's types.
//
// # Hostile input
//
// The bytes come from a store that other programs can write to. [Unmarshal] returns an error that wraps [ErrCorrupt] or
// [ErrVersion], never panics, and allocates no more than a small multiple of the length of its input. A region treats
// each of these errors as a miss.
package serializer

import (
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/internal/rows"
)

var (
	// ErrVersion is returned for bytes that another version of the library wrote, or that hold a value of a type that
	// has changed since. The bytes are intact; this program cannot read them.
	ErrVersion = entry.ErrVersion
	// ErrCorrupt is returned for bytes that are truncated, were changed, were stored under another key, or were not
	// written by this library.
	ErrCorrupt = entry.ErrCorrupt
	// ErrUnsupported is returned for a value that would not decode to exactly the same value. The result is then not
	// cached.
	ErrUnsupported = entry.ErrUnsupported
	// ErrTooLarge is the reason why a query's result is not cached: it exceeds the region's MaxRows or MaxBytes.
	ErrTooLarge = rows.ErrTooLarge
)
