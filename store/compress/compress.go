// Package compress is a store whose large entries take less room and less time on the network: it compresses them on their
// way into the store behind it.
//
//	s, err := compress.New(redisstore.New(client))
//
// An entry of [MinBytes] or more is compressed by S2, one of [ZstdBytes] or more by Zstandard, which is slower and makes
// it smaller. An entry that would not become smaller by an eighth stays as it is. Tags and claims pass as they are.
//
// Compress, then seal: sealed bytes do not become smaller.
//
//	s, err := sealed.New(redisstore.New(client), keys)
//	…
//	c, err := compress.New(s)
//
// The size of a sealed entry then depends on how well it compresses. Where an attacker can put text of his own into an
// entry beside a secret, and sees the entry's size, that may reveal the secret: do not compress there.
//
// # Switching on
//
// An entry that is not compressed is read as it is. So processes with this store read the entries of those without; the
// others miss compressed entries until they are deployed anew, and count them as rejected. The Namespace stays.
//
// # Format
//
//	0  2  magic "gz"
//	2  1  format version
//	3  1  method: 0 none, 1 S2 block, 2 Zstandard frame
//	4  4  length of the entry, big-endian
//	8     the entry, by that method
//
// Bytes with another beginning are the entry itself; an entry that begins with the magic is kept by method 0.
//
// The package is a module of its own, since it needs github.com/klauspost/compress.
package compress

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// FormatVersion is the version of what [Store] writes. Entries of another one are misses.
const FormatVersion = 1

const (
	// DefaultMinBytes is the default of [MinBytes].
	DefaultMinBytes = 1 << 10
	// DefaultZstdBytes is the default of [ZstdBytes].
	DefaultZstdBytes = 32 << 10
	// DefaultMaxBytes is the default of [MaxBytes].
	DefaultMaxBytes = 16 << 20
)

const (
	magic      = "gz"
	headerSize = 8

	methodNone = 0
	methodS2   = 1
	methodZstd = 2
)

// Option changes a setting of [New].
type Option func(*codec)

// MinBytes is the size from which on entries are compressed. Defaults to [DefaultMinBytes], as does anything below 1.
func MinBytes(n int) Option { return func(c *codec) { c.min = orDefault(n, DefaultMinBytes) } }

// ZstdBytes is the size from which on entries are compressed by Zstandard, smaller ones by S2. Defaults to
// [DefaultZstdBytes], as does anything below 1.
func ZstdBytes(n int) Option { return func(c *codec) { c.zstd = orDefault(n, DefaultZstdBytes) } }

// MaxBytes bounds what an entry may decompress to: whoever may write to the store can make a reader allocate that much.
// Larger entries are not compressed. All processes that share the store should have the same bound, or those with a lower
// one miss the largest entries. Defaults to [DefaultMaxBytes], as does anything below 1.
func MaxBytes(n int) Option { return func(c *codec) { c.max = orDefault(n, DefaultMaxBytes) } }

func orDefault(n, otherwise int) int {
	if n < 1 {
		return otherwise
	}
	return n
}

// Store is a store whose entries are compressed. It has the optional capabilities of the store behind, and is safe for
// concurrent use.
type Store struct{ *coded }

type coded = store.Coded

// New returns next with its entries compressed.
func New(next store.Store, opts ...Option) (*Store, error) {
	if next == nil {
		return nil, errors.New("gormcache: compress: the store is nil: give one, such as redisstore.New(client)")
	}
	c := &codec{min: DefaultMinBytes, zstd: DefaultZstdBytes, max: DefaultMaxBytes}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	c.max = min(c.max, math.MaxInt32)
	var err error
	// No checksums: entries have their own. No goroutines: whole entries are encoded and decoded by their callers.
	c.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fault.Errorf("compress: %w", err)
	}
	c.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(uint64(max(c.max, 1<<20))))
	if err != nil {
		return nil, fault.Errorf("compress: %w", err)
	}
	return &Store{store.NewCoded(next, store.Code{Encode: c.encode, Decode: c.decode})}, nil
}

// codec compresses and decompresses. It is safe for concurrent use.
type codec struct {
	min, zstd, max int
	encoder        *zstd.Encoder
	decoder        *zstd.Decoder
}

// encode returns how an entry is kept, which may be value itself.
func (c *codec) encode(_ string, value []byte) ([]byte, error) {
	if len(value) >= c.min && len(value) <= c.max {
		kept := c.compress(value)
		if len(kept) <= len(value)-len(value)/8 {
			return kept, nil
		}
	}
	if !begins(value) {
		return value, nil
	}
	return append(header(methodNone, len(value), headerSize+len(value)), value...), nil
}

func (c *codec) compress(value []byte) []byte {
	if len(value) >= c.zstd {
		return c.encoder.EncodeAll(value, header(methodZstd, len(value), headerSize+len(value)))
	}
	kept := header(methodS2, len(value), headerSize+s2.MaxEncodedLen(len(value)))
	return kept[:headerSize+len(s2.Encode(kept[headerSize:cap(kept)], value))]
}

// header returns the header of an entry of n bytes, with room for size bytes in all.
func header(method byte, n, size int) []byte {
	b := append(make([]byte, 0, size), magic...)
	return binary.BigEndian.AppendUint32(append(b, FormatVersion, method), uint32(n)) //nolint:gosec // n is at most MaxInt32, or is not read
}

func begins(b []byte) bool { return len(b) >= len(magic) && string(b[:len(magic)]) == magic }

// decode returns the entry that is kept so. The bytes may come from anybody: it allocates no more than max for them.
func (c *codec) decode(_ string, kept []byte) ([]byte, bool) {
	if !begins(kept) {
		return kept, true
	}
	if len(kept) < headerSize || kept[2] != FormatVersion {
		return nil, false
	}
	body := kept[headerSize:]
	if kept[3] == methodNone {
		return body, true
	}
	size := binary.BigEndian.Uint32(kept[4:])
	if uint64(size) > uint64(c.max) {
		return nil, false
	}
	n := int(size)
	var value []byte
	var err error
	switch kept[3] {
	case methodS2:
		if have, lerr := s2.DecodedLen(body); lerr != nil || have != n {
			return nil, false
		}
		value, err = s2.Decode(make([]byte, 0, n), body)
	case methodZstd:
		value, err = c.decoder.DecodeAll(body, make([]byte, 0, n))
	default:
		return nil, false
	}
	return value, err == nil && len(value) == n
}
