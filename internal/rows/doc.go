// Package rows encodes the answer to a query as a row set, and reads the values back without decoding them all.
//
//	[version, rows, [zone…], [column…]]
//	zone   = [kind, name, offset]
//	column = [name, database type, scan type, flags, length, precision, scale, block]
//	block  = a binary that holds the array of the column's values
//
// The encoding is a subset of msgpack, with two extensions: a []byte that is nil, and an instant with the number of its
// time zone. Values stand column by column, so that a [Cursor] walks down one column.
//
// [Parse] treats its input as hostile, as package entry says. Cursors trust what Parse has checked.
//
// # Sharing
//
// The strings of a [Set] alias the bytes that were parsed, so those bytes must never change: a store returns a new slice
// for each entry and does not reuse it. One string that is kept keeps its whole entry in memory.
//
// Package serializer uses this package's msgpack reader and time zones for typed values.
package rows

import "errors"

// ErrTooLarge is returned by [Encoder.Add] when a result exceeds its [Limits].
var ErrTooLarge = errors.New("gormcache: result too large")
