package entry

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"time"
	"unsafe"
)

// tokenSize is the length of a token in bytes: store.TokenSize.
const tokenSize = 12

// maxTokens is the greatest number of tokens in an entry.
const maxTokens = 1<<16 - 1

// Kind is what an entry's payload holds.
type Kind uint8

// The kinds of payload. Their numbers are part of the format.
const (
	KindRows   Kind = 1 // the rows of a query: see package rows
	KindValue  Kind = 2 // a typed value: see package serializer
	KindGone   Kind = 3 // a tombstone: the value was deleted by hand. It has no tokens, and no payload
	KindAbsent Kind = 4 // the answer that there is no value
)

// VersionSize is the length of Envelope.Version in bytes.
const VersionSize = 8

// Envelope is one entry as the store keeps it: the payload, and what a reader needs to check its validity.
//
//	0  2  magic "gc"
//	2  1  format version
//	3  1  kind
//	4  8  created, milliseconds since 1970
//	12 8  fresh, milliseconds
//	20 8  version
//	28 4  cost, milliseconds
//	32 2  number of tokens
//	34    tokens, 12 bytes each; then the payload
//	-4 4  CRC-32C of all the above followed by the entry's key
//
// All numbers are big-endian. An Envelope is plain data: safe for concurrent reading.
type Envelope struct {
	// Created is when the entry was made, by the clock of the machine that made it, in milliseconds since 1970. Clocks of
	// two machines differ: use Created for age, never for validity.
	Created int64
	// Fresh is how long after Created the entry counts as fresh. Later the entry is old, not wrong: if its tokens match, it
	// may be served stale while it is refreshed. Kept in whole milliseconds. 0 means no limit.
	Fresh time.Duration
	// Version is random: two entries of equal payloads that were made by two calls differ. So an entry that is the same byte
	// for byte has not been written in between.
	Version [VersionSize]byte
	// Cost is how long the load took. Kept in whole milliseconds, at most 49 days.
	Cost time.Duration
	// Kind is what Payload holds.
	Kind Kind
	// Tokens are the tokens that the entry's tags had before the database was asked, 12 bytes each, in the order of the
	// tags.
	Tokens []byte
	// Payload is the encoded rows or value.
	Payload []byte
}

const (
	magic0, magic1 = 'g', 'c'
	headerSize     = 34
	sumSize        = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Size returns the number of bytes that [Append] appends for e.
func (e *Envelope) Size() int { return headerSize + len(e.Tokens) + len(e.Payload) + sumSize }

// Append appends e, as the entry stored under key, to dst. It fails with [ErrUnsupported] if
// the tokens are not a whole number of at most 65,535, or if the kind is unknown.
func Append(dst []byte, key string, e *Envelope) ([]byte, error) {
	n := len(e.Tokens) / tokenSize
	if len(e.Tokens)%tokenSize != 0 || n > maxTokens {
		return dst, fmt.Errorf("%w: %d bytes of tokens", ErrUnsupported, len(e.Tokens))
	}
	if !e.Kind.known() {
		return dst, fmt.Errorf("%w: kind %d", ErrUnsupported, e.Kind)
	}
	start := len(dst)
	dst = append(dst, magic0, magic1, FormatVersion, byte(e.Kind))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Created))
	dst = binary.BigEndian.AppendUint64(dst, freshness(e.Fresh))
	dst = append(dst, e.Version[:]...)
	dst = binary.BigEndian.AppendUint32(dst, cost(e.Cost))
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	dst = append(dst, e.Tokens...)
	dst = append(dst, e.Payload...)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:], key)), nil
}

// Decode reads the entry found under key. It copies nothing and allocates nothing: Tokens and
// Payload alias b. It returns [ErrVersion] for an entry of another format, and [ErrCorrupt] for
// bytes that were not stored under this key. On an error e is left as it was.
func (e *Envelope) Decode(key string, b []byte) error {
	if len(b) < 3 || b[0] != magic0 || b[1] != magic1 {
		return ErrCorrupt
	}
	if b[2] != FormatVersion {
		return ErrVersion
	}
	if len(b) < headerSize+sumSize {
		return ErrCorrupt
	}
	body := b[:len(b)-sumSize]
	if checksum(body, key) != binary.BigEndian.Uint32(b[len(body):]) {
		return ErrCorrupt
	}
	kind := Kind(b[3])
	fresh := binary.BigEndian.Uint64(b[12:])
	end := headerSize + int(binary.BigEndian.Uint16(b[32:]))*tokenSize
	if !kind.known() || end > len(body) || fresh > uint64(maxFresh) {
		return ErrCorrupt
	}
	*e = Envelope{
		Created: int64(binary.BigEndian.Uint64(b[4:])),
		Fresh:   time.Duration(fresh) * time.Millisecond,
		Version: [VersionSize]byte(b[20:28]),
		Cost:    time.Duration(binary.BigEndian.Uint32(b[28:])) * time.Millisecond,
		Kind:    kind,
		Tokens:  body[headerSize:end:end],
		Payload: body[end:len(body):len(body)],
	}
	return nil
}

// freshness returns Fresh in milliseconds, rounded up: 0 stands for no limit.
func freshness(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64((d-1)/time.Millisecond) + 1
}

// maxFresh is the longest time in milliseconds that a time.Duration holds.
const maxFresh = int64(1<<63-1) / int64(time.Millisecond)

// cost returns a duration in milliseconds.
func cost(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32)) //nolint:gosec // it is within the range
}

// NewVersion returns a random [Envelope.Version].
func NewVersion() (v [VersionSize]byte) {
	binary.BigEndian.PutUint64(v[:], rand.Uint64())
	return v
}

// Age returns how old the entry is at the moment now. A machine whose clock is ahead may have made it: it is new then.
func (e *Envelope) Age(now time.Time) time.Duration {
	if e.Created >= now.UnixMilli() {
		return 0
	}
	ms := now.UnixMilli() - e.Created
	if ms < 0 || ms > maxFresh { // it is from before the calendar
		ms = maxFresh
	}
	return time.Duration(ms) * time.Millisecond
}

// IsOld reports whether the entry is older than Fresh at the moment now.
//
// An entry from further in the future than it may be fresh is old too: the clock of its maker has been set right since,
// and would otherwise keep the entry fresh for as long as it was ahead.
func (e *Envelope) IsOld(now time.Time) bool {
	return e.Fresh > 0 && (e.Age(now) > e.Fresh || e.Created-now.UnixMilli() > e.Fresh.Milliseconds())
}

func (k Kind) known() bool { return k >= KindRows && k <= KindAbsent }

// checksum covers the key too. Otherwise a store that answers with the bytes of another key (a bug, a bad proxy, a
// truncated hash) would serve one user the rows of another.
func checksum(body []byte, key string) uint32 {
	sum := crc32.Update(0, castagnoli, body)
	return crc32.Update(sum, castagnoli, unsafe.Slice(unsafe.StringData(key), len(key)))
}
