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
// Readers see the token combined with the mask of the incarnation. The mask is not part of this format. But entries
// carry the combined token, so a change to maskOf or identity makes all caches cold.
//
// The deadline is in milliseconds of Unix time by the server's clock. tag.lua writes the value, so a change there needs
// the same change here. Processes of different releases share tags while a program is deployed, so a new format must
// make old values unknown to new readers and new values unknown to old readers: choose lengths other than 12 + 25n, and
// raise the version here and in the golden test.
const (
	deadlineSize = 13
	markSize     = store.TokenSize + deadlineSize
)

// parse reads the value of a tag. A malformed value gives a state that is not Known.
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
	if state.Marked { // server time compared with this machine's clock: for people only
		state.Left = time.Until(time.UnixMilli(latest))
	}
	return state
}

// bytesOf returns the bytes of s without copying them; a copy would double the cost of a large hit. The bytes must not be
// written to, as [store.Lookup] demands of all values. The result is never nil, which would mean a miss.
func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// wholeMillis rounds up to milliseconds: a short duration must not become 0, which means no expiry.
func wholeMillis(d time.Duration) time.Duration {
	if rest := d % time.Millisecond; rest > 0 {
		return d - rest + time.Millisecond
	}
	return d
}
