package memcachestore

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// The value of a tag's item, version 1:
//
//	version (1 byte) token (12 bytes) { writer (12) item (12) span (4, seconds) noted (8, Unix milliseconds) } …
//
// A mark stands for as long as it is listed. Its deadline is the expiry of an item of its own (its name is made from
// the 12 random bytes), which the call that set the mark has stored on the same server before it listed the mark: so the
// server's clock alone decides. Who finds a listed mark without its item takes it off the list, and changes the token, by
// a cas: if the writer has renewed its mark in between, under another item, the cas fails.
//
// The span is what keeps a tag from expiring before its marks: it is never counted down. When the deadline was noted, by
// the clock of the writer's machine, serves messages only. Processes of different releases share tags while a program is
// deployed: a new format needs a new version, which makes the tags of the other unknown.
const (
	tagVersion = 1
	tagHead    = 1 + store.TokenSize
	markSize   = 2*store.TokenSize + 4 + 8
)

// tag is the state of one tag.
type tag struct {
	token store.Token
	marks []mark
}

// mark is one writer's mark.
type mark struct {
	writer store.Writer
	item   store.Token
	span   uint32
	noted  int64
}

// parseTag reads the value of a tag's item. It reports false for a malformed one.
func parseTag(value []byte) (t tag, ok bool) {
	if len(value) < tagHead || value[0] != tagVersion || (len(value)-tagHead)%markSize != 0 {
		return tag{}, false
	}
	copy(t.token[:], value[1:])
	for rest := value[tagHead:]; len(rest) > 0; rest = rest[markSize:] {
		m := mark{
			span:  binary.BigEndian.Uint32(rest[2*store.TokenSize:]),
			noted: int64(binary.BigEndian.Uint64(rest[2*store.TokenSize+4:])),
		}
		copy(m.writer[:], rest)
		copy(m.item[:], rest[store.TokenSize:])
		t.marks = append(t.marks, m)
	}
	return t, true
}

func (t *tag) bytes() []byte {
	b := make([]byte, 0, tagHead+len(t.marks)*markSize)
	b = append(append(b, tagVersion), t.token[:]...)
	for _, m := range t.marks {
		b = append(append(b, m.writer[:]...), m.item[:]...)
		b = binary.BigEndian.AppendUint32(b, m.span)
		b = binary.BigEndian.AppendUint64(b, uint64(m.noted))
	}
	return b
}

// state returns what readers see.
func (t *tag) state() store.State {
	s := store.State{Token: t.token, Known: true, Marked: len(t.marks) > 0}
	for i, m := range t.marks {
		if left := m.left(); i == 0 || left > s.Left {
			s.Writer, s.Left = m.writer, left
		}
	}
	return s
}

// left is about how long the mark still holds, for people: the writer's clock compared with this machine's.
func (m *mark) left() time.Duration { return time.Until(time.UnixMilli(m.noted)) }

// drop takes writer's mark and all dead ones off the list. died reports whether there was a dead one of another writer:
// the outcome of that writer is unknown, so the token must change.
func (t *tag) drop(writer store.Writer, alive func(store.Token) bool) (died, own bool) {
	t.marks = slices.DeleteFunc(t.marks, func(m mark) bool {
		if m.writer == writer {
			own = true
			return true
		}
		if alive(m.item) {
			return false
		}
		died = true
		return true
	})
	return died, own
}

// lifetime is how long the tag is to be kept: at least as long as each of its marks could hold.
func (t *tag) lifetime(ttl time.Duration) time.Duration {
	for _, m := range t.marks {
		ttl = max(ttl, time.Duration(m.span+2)*time.Second)
	}
	return ttl
}

// timer is the item whose expiry is the deadline of a mark or a claim. The server's seconds are ticks, so the first may
// end at once: one more keeps the timer from running out early.
type timer struct {
	item store.Token
	span uint32 // seconds
	ends int64  // for people: Unix milliseconds
}

func newTimer(d time.Duration) timer {
	d = max(d, 1)
	return timer{
		item: store.NewToken(),
		span: uint32(min((d-1)/time.Second+2, maxSeconds-2)),
		ends: time.Now().Add(d).UnixMilli(),
	}
}

// timerName returns the name of a timer's item.
func timerName(item store.Token) string { return "~t:" + base64.RawURLEncoding.EncodeToString(item[:]) }
