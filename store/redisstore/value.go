package redisstore

import (
	"time"
	"unsafe"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// The value of a tag, version 1:
//
//	token (12 bytes) { writer (12 bytes) deadline (13 decimal digits) } …
//
// Readers see the token combined with what the server tells of itself, see incarnation; that is not part
// of the format, but entries carry it, so a change of it (of maskOf, of identity) makes all caches cold.
//
// The deadline is in milliseconds of Unix time by the server's clock. tag.lua writes it, and the two
// must agree. Processes of different releases share tags while a program is rolled out, so a change of
// the format must make old values unknown to new readers and new values unknown to old ones: choose
// lengths that are not 12 + 25n, and raise the version here and in the golden test.
const (
	deadlineSize = 13
	markSize     = store.TokenSize + deadlineSize
)

// parse reads the value of a tag. What makes no sense is not Known.
func parse(value string) (state store.State) {
	if len(value) < store.TokenSize || (len(value)-store.TokenSize)%markSize != 0 {
		return store.State{}
	}
	copy(state.Token[:], value)
	state.Known = true
	latest := int64(-1)
	for marks := value[store.TokenSize:]; marks != ""; marks = marks[markSize:] {
		deadline := int64(0)
		for _, digit := range []byte(marks[store.TokenSize:markSize]) {
			if digit < '0' || digit > '9' {
				return store.State{}
			}
			deadline = deadline*10 + int64(digit-'0')
		}
		state.Marked = true
		if deadline > latest {
			latest = deadline
			copy(state.Writer[:], marks)
		}
	}
	if state.Marked { // by the server's clock, read with this machine's: it is for people only
		state.Left = time.Until(time.UnixMilli(latest))
	}
	return state
}

// bytesOf returns the bytes of s without copying them. They must not be written to, which is what
// [store.Lookup] asks of everyone who gets a value; a copy would double the cost of a large hit. It
// is never nil: nil means a miss.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
