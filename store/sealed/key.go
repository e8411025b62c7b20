package sealed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
)

// FormatVersion is the version of what [Store] writes. Entries of another one are misses.
const FormatVersion = 1

const (
	magic0, magic1 = 'g', 's'
	prefixSize     = 5 // up to the id
)

// errOpen never leaves the package: what does not open is a miss.
var errOpen = errors.New("gormcache: sealed: does not open")

// key seals and opens by one secret. It is safe for concurrent use.
type key struct {
	header []byte // of every entry sealed by it
	xaes   *xaes  // for Encrypt
	macs   *sync.Pool
}

func newKey(k Key, mode Mode) (*key, error) {
	derived, err := derive(k.Secret, mode)
	if err != nil {
		return nil, err
	}
	made := &key{header: append([]byte{magic0, magic1, FormatVersion, byte(mode), byte(len(k.ID))}, k.ID...)}
	if mode == Encrypt {
		made.xaes, err = newXAES(derived)
		return made, err
	}
	made.macs = &sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, derived)} }}
	return made, nil
}

// seal returns value as it is to be stored under name.
func (k *key) seal(name string, value []byte) ([]byte, error) {
	if k.xaes != nil {
		out := append(make([]byte, 0, len(k.header)+saltSize+gcmSize+len(value)), k.header...)
		b := bound(k.header, name)
		defer buffers.Put(b)
		return k.xaes.seal(out, value, *b)
	}
	out := append(make([]byte, 0, len(k.header)+len(value)+sha256.Size), k.header...)
	return k.sum(append(out, value...), name), nil
}

// open returns what was sealed under name; sealed has this key's header. The answer of a signed entry
// shares its memory.
func (k *key) open(name string, sealed []byte) ([]byte, error) {
	body := sealed[len(k.header):]
	if k.xaes != nil {
		b := bound(k.header, name)
		defer buffers.Put(b)
		return k.xaes.open(body, *b)
	}
	n := len(body) - sha256.Size
	if n < 0 || !k.valid(sealed, name) {
		return nil, errOpen
	}
	return body[:n:n], nil
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// bound is what GCM authenticates beside the ciphertext: the header, which contains its own length, and the
// name.
func bound(header []byte, name string) *[]byte {
	b, _ := buffers.Get().(*[]byte)
	*b = append(append((*b)[:0], header...), name...)
	return b
}

// mac is an HMAC with room for its input's name and its result.
type mac struct {
	hash.Hash
	name []byte
	tag  [sha256.Size]byte
}

// write starts anew with sealed and name. The name goes first, with its length, so that no two pairs of
// a name and an entry make the same input.
func (m *mac) write(sealed []byte, name string) {
	m.Reset()
	m.name = append(binary.BigEndian.AppendUint64(m.name[:0], uint64(len(name))), name...)
	_, _ = m.Write(m.name)
	_, _ = m.Write(sealed)
}

// sum appends to unsigned its tag under name.
func (k *key) sum(unsigned []byte, name string) []byte {
	m, _ := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.write(unsigned, name)
	return m.Sum(unsigned)
}

// valid reports whether sealed ends in its tag under name. It has room for one.
func (k *key) valid(sealed []byte, name string) bool {
	m, _ := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	n := len(sealed) - sha256.Size
	m.write(sealed[:n], name)
	return hmac.Equal(m.Sum(m.tag[:0]), sealed[n:])
}
