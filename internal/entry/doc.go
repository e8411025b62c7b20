// Package entry encodes an entry of the cache: an envelope of fixed binary layout around a payload. The payload is a
// row set (package rows) or a typed value (package serializer).
//
//	entry   = Envelope{ kind, times, tokens, payload }     fixed header, CRC-32C
//	payload = row set  (rows.Encoder / rows.Parse)         msgpack, column by column
//	        | value    (serializer.Marshal / Unmarshal)    time zones, then msgpack
//
// # Hostile input
//
// The bytes come from a store that other programs can write to. Every decoder of the three packages returns an error
// that wraps [ErrCorrupt] or [ErrVersion], never panics, and allocates no more than a small multiple of the length of
// its input. Callers treat each of these errors as a miss.
package entry

import "errors"

// FormatVersion is the version of the whole format: envelope, row sets and values. Raise it with every change of the
// bytes that an older reader would misread. Readers refuse entries of another version with [ErrVersion], so while a
// program is deployed, its old and new processes see misses instead of garbage.
const FormatVersion = 2

// Package serializer shows these errors to users, under the same names.
var (
	// ErrVersion is returned by decoders for bytes that another version of the library wrote. The entry is intact;
	// this version cannot read it.
	ErrVersion = errors.New("gormcache: bytes of another format version")
	// ErrCorrupt is returned by decoders for bytes that are truncated, were changed, were stored under another key, or
	// were not written by this library.
	ErrCorrupt = errors.New("gormcache: corrupt bytes")
	// ErrUnsupported is returned by encoders for a value that would not decode to exactly the same value. The result is
	// then not cached.
	ErrUnsupported = errors.New("gormcache: value cannot be cached")
)
