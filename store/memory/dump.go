package memory

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	envelope "github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// What [Store.Close] saves:
//
//	magic "gcmem", format version
//	number of tags, then of each: name, token (12 bytes)
//	number of entries, then of each: key, value, time left in ms (0: it does not expire), deadline in ms since 1970
//	CRC-32C of all that (4 bytes)
//
// Numbers are unsigned varints; names, keys and values have their lengths before them.
const (
	dumpKind  = "gcmem" // of all versions
	dumpMagic = dumpKind + "\x01"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDump    = errors.New("it is not what this version of gormcache saves, or was damaged")
)

// dump returns the values that depend on no table, and their tags. An entry does not name its tags. But tokens are random,
// so each of its tokens is that of one tag: if all are tokens of tags that stand for no table, it depends on no table.
// Without its tags the entry would be of no use, since they would have other tokens.
func (s *Store) dump() []byte {
	clean := s.tags.ofNoTable()
	used := map[string]store.Token{}
	var entries []byte
	count, now, clock := uint64(0), s.now(), time.Now()
	for key, e := range s.entries.All() {
		var env envelope.Envelope
		if now >= e.expires || env.Decode(key, e.value) != nil || !ofValue(env.Kind) || !depends(env.Tokens, clean, used) {
			continue
		}
		count++
		entries = appendString(appendString(entries, key), string(e.value))
		left, deadline := uint64(0), uint64(0)
		if e.expires != never {
			left = uint64(max((e.expires-now)/time.Millisecond, 1))
			deadline = uint64(max(clock.Add(e.expires-now).UnixMilli(), 0))
		}
		entries = binary.AppendUvarint(binary.AppendUvarint(entries, left), deadline)
	}
	out := binary.AppendUvarint([]byte(dumpMagic), uint64(len(used)))
	for _, tag := range slices.Sorted(maps.Keys(used)) {
		token := used[tag]
		out = append(appendString(out, tag), token[:]...)
	}
	out = append(binary.AppendUvarint(out, count), entries...)
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// ofValue reports whether an entry holds a value of a region, or the answer that there is none.
func ofValue(kind envelope.Kind) bool {
	return kind == envelope.KindValue || kind == envelope.KindAbsent
}

// depends reports whether all tokens of an entry are those of tags in clean, and adds these to used.
func depends(tokens []byte, clean map[store.Token]string, used map[string]store.Token) bool {
	if len(tokens) == 0 {
		return false // no value of a region: each depends on the region
	}
	of := map[string]store.Token{}
	for part := range slices.Chunk(tokens, store.TokenSize) {
		token := store.Token(part)
		tag, ok := clean[token]
		if !ok {
			return false
		}
		of[tag] = token
	}
	maps.Copy(used, of)
	return true
}

// ofNoTable returns the tags without marks that stand for no table, by their tokens.
func (ts *tags) ofNoTable() map[store.Token]string {
	clean := map[store.Token]string{}
	for i := range ts.shards {
		sh := &ts.shards[i]
		sh.RLock()
		for name, t := range sh.tags {
			if len(t.marks) == 0 && !store.OfTable(name) {
				clean[t.token] = name
			}
		}
		sh.RUnlock()
	}
	return clean
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// load puts what dump returned into an empty store. The time that is left of an entry is what was left, less the time that
// has passed since by the machine's clock; one that was set back gives no more than was left.
func (s *Store) load(content []byte) error {
	end := len(content) - 4
	if end < len(dumpMagic) || string(content[:len(dumpMagic)]) != dumpMagic ||
		crc32.Checksum(content[:end], castagnoli) != binary.BigEndian.Uint32(content[end:]) {
		return errDump
	}
	d := parser{rest: content[len(dumpMagic):end]}
	now, clock := s.now(), time.Now().UnixMilli()
	for range d.number() {
		name, token := string(d.take(d.number())), d.take(store.TokenSize)
		if d.failed {
			return errDump
		}
		s.tags.change(name, now, true, func(t *tag) { t.token = store.Token(token) })
	}
	for range d.number() {
		key, value := string(d.take(d.number())), d.take(d.number())
		left, deadline := d.number(), d.number()
		if d.failed {
			return errDump
		}
		var ttl time.Duration
		if left > 0 {
			passed := time.Duration(int64(deadline)-clock) * time.Millisecond
			if ttl = min(time.Duration(left)*time.Millisecond, passed); ttl <= 0 {
				continue
			}
		}
		s.entries.Set(key, newEntry(value, ttl, now))
	}
	if d.failed || len(d.rest) > 0 {
		return errDump
	}
	return nil
}

// parser reads numbers and bytes. After failed it gives zeros.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) number() uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 || p.failed {
		p.failed = true
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *parser) take(n uint64) []byte {
	if n > uint64(len(p.rest)) || p.failed {
		p.failed = true
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}
