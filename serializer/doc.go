// Package serializer turns what the cache keeps into bytes and back: the envelope around an entry,
// the rows of a query, and the typed values of a region.
//
//	entry   = Envelope{ tokens, times, kind, payload }        fixed binary header, CRC-32C
//	payload = rows    (RowsEncoder / Parse)                   column-wise msgpack
//	        | value   (Marshal / Unmarshal)                   zones + msgpack
//
// The package holds no state but two small bounded tables of time zones and types, starts no
// goroutine and imports nothing of this module.
//
// # What may come in
//
// Bytes come from a store that other programs can write to. Everything that decodes treats them as
// hostile: it returns an error that wraps [ErrCorrupt] or [ErrVersion], never panics, and allocates
// no more than a small multiple of the length of its input. A caller treats every error as a miss.
//
// # Sharing
//
// Strings that [Parse] hands out alias its input. The input must therefore never change: a store
// gives each entry bytes of its own and does not use them again. One string kept alive keeps its
// whole entry alive.
package serializer

import "errors"

// FormatVersion is the version of everything this package writes. Raise it with every change of the
// bytes that an older reader would misunderstand: entries of another version are refused with
// [ErrVersion], so that a deployment that mixes versions sees misses and never garbage.
const FormatVersion = 1

var (
	// ErrVersion is returned by [Envelope.Decode] and [Parse] for bytes that another version of the
	// library wrote. The entry is not broken; it is simply not ours to read.
	ErrVersion = errors.New("gormcache: bytes of another format version")
	// ErrCorrupt is returned by everything that decodes, for bytes that are truncated, changed,
	// found under another key, or never were ours.
	ErrCorrupt = errors.New("gormcache: corrupt bytes")
	// ErrUnsupported is returned by everything that encodes, for a value that would not come back
	// exactly as it was. The result is then not cached.
	ErrUnsupported = errors.New("gormcache: value cannot be cached")
	// ErrTooLarge is returned by [RowsEncoder.Add] when a result exceeds its [Limits].
	ErrTooLarge = errors.New("gormcache: result too large")
)
