package storetest

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var entryTests = []test{
	{"AMissingKeyIsNil", func(s *suite) {
		if v := s.get(s.name()); v != nil {
			s.Errorf("a key never set gives %q", v)
		}
	}},
	{"SetThenLookup", func(s *suite) {
		key := s.name()
		s.set(key, []byte("one"), long)
		if v := s.get(key); string(v) != "one" {
			s.Errorf("got %q", v)
		}
		s.set(key, []byte("two"), 0)
		if v := s.get(key); string(v) != "two" {
			s.Errorf("overwritten, got %q", v)
		}
	}},
	{"AnEmptyValueIsNoMiss", func(s *suite) {
		for _, empty := range [][]byte{{}, nil} {
			key := s.name()
			s.set(key, empty, long)
			if v := s.get(key); v == nil || len(v) != 0 {
				s.Errorf("%#v set, %#v read: want an empty value that is not nil", empty, v)
			}
		}
	}},
	{"ValuesAreBinary", func(s *suite) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for _, value := range [][]byte{all, {0}, {0, 0, 0}, []byte("\r\n$5\r\n"), []byte("VALUE x 0 1\r\nEND\r\n"), {0xff}} {
			key, given := s.name(), bytes.Clone(value)
			s.set(key, given, long)
			if v := s.get(key); !bytes.Equal(v, value) {
				s.Errorf("%q set, %q read", value, v)
			}
			if !bytes.Equal(given, value) {
				s.Errorf("Set changed its argument from %q to %q", value, given)
			}
		}
	}},
	{"LargeValues", func(s *suite) {
		// A kilobyte below the limit, for stores whose limit counts the key and a header too.
		value := bytes.Repeat([]byte("0123456789abcdef"), (s.MaxValue-1024)/16)
		key := s.name()
		s.set(key, value, long)
		if v := s.get(key); !bytes.Equal(v, value) {
			s.Errorf("%d bytes set, %d read, or others", len(value), len(v))
		}
	}},
	{"LongKeys", func(s *suite) {
		key := s.name()
		key += string(bytes.Repeat([]byte("k"), store.MaxKeySize-len(key)))
		s.set(key, []byte("v"), long)
		if v := s.get(key); string(v) != "v" {
			s.Errorf("a key of %d bytes: got %q", len(key), v)
		}
		if token := s.token(key[:len(key)-1] + "t"); s.state(key[:len(key)-1]+"t").Token != token {
			s.Errorf("a tag of %d bytes is not kept", len(key))
		}
	}},
	{"EntriesExpire", func(s *suite) {
		key, keeps := s.name(), s.name()
		s.set(key, []byte("v"), s.Tick)
		s.set(keeps, []byte("v"), long)
		s.until("the entry expires", func() bool { return s.get(key) == nil })
		if s.get(keeps) == nil {
			s.Error("another, with time left, is gone too")
		}
	}},
	{"ShortTimesToLiveAreNotForEver", func(s *suite) {
		key := s.name()
		s.set(key, []byte("v"), time.Nanosecond)
		s.until("an entry of 1 ns expires", func() bool { return s.get(key) == nil })
	}},
	{"SetRenewsTheTimeToLive", func(s *suite) {
		key, other := s.name(), s.name()
		s.set(key, []byte("a"), s.Tick)
		s.set(key, []byte("b"), long)
		s.set(other, []byte("a"), s.Tick)
		s.until("an entry set at the same time expires", func() bool { return s.get(other) == nil })
		if v := s.get(key); string(v) != "b" {
			s.Errorf("got %q: the first Set's time to live ended the second's value", v)
		}
	}},
	{"Delete", func(s *suite) {
		keys := s.names(3)
		for _, key := range keys {
			s.set(key, []byte("v"), long)
		}
		s.ok("Delete", s.store.Delete(s.ctx, keys[0], keys[2], s.name()))
		if s.get(keys[0]) != nil || s.get(keys[2]) != nil {
			s.Error("a deleted entry is still there")
		}
		if s.get(keys[1]) == nil {
			s.Error("an entry not named is gone")
		}
		s.ok("Delete of what is gone", s.store.Delete(s.ctx, keys[0]))
		s.ok("Delete of nothing", s.store.Delete(s.ctx))
	}},
	{"SetAllSetsEach", setAllSetsEach},
	{"LookupKeepsTheOrder", lookupKeepsTheOrder},
	{"LookupOfNothing", func(s *suite) {
		s.ok("Lookup", s.store.Lookup(s.ctx, &store.Lookup{}))
	}},
	{"ALookupUsedAgainShowsNothingOld", func(s *suite) {
		key, tag := s.name(), s.name()
		s.set(key, []byte("v"), long)
		s.token(tag)
		l := store.Lookup{Keys: []string{key, s.name()}, Tags: []string{tag}}
		s.ok("Lookup", s.store.Lookup(s.ctx, &l))
		l.Keys, l.Tags = []string{s.name()}, []string{s.name(), tag}
		s.ok("Lookup", s.store.Lookup(s.ctx, &l))
		if len(l.Values) != 1 || l.Values[0] != nil {
			s.Errorf("values %q: want one nil", l.Values)
		}
		if len(l.States) != 2 || l.States[0] != (store.State{}) || !l.States[1].Clean() {
			s.Errorf("states %v: want an unknown and a clean one", l.States)
		}
	}},
	{"ValuesStayValid", func(s *suite) {
		key := s.name()
		s.set(key, []byte("before"), long)
		v := s.get(key)
		s.set(key, []byte("after!"), long)
		s.ok("Delete", s.store.Delete(s.ctx, key))
		if string(v) != "before" {
			s.Errorf("a value read earlier turned into %q", v)
		}
	}},
}

// setAllSetsEach is about stores that are a store.Batch; for others it says nothing that Set does not.
func setAllSetsEach(s *suite) {
	keys := s.names(5)
	s.set(keys[0], []byte("before"), long)
	s.set(keys[3], []byte("before"), long)
	entries := []store.Entry{
		{Key: keys[0], Value: []byte("a"), TTL: long},
		{Key: keys[1], Value: nil, TTL: long},
		{Key: keys[2], Value: []byte("short"), TTL: s.Tick},
		{Key: keys[3], Value: []byte("gone"), TTL: -1},
		{Key: keys[4], Value: []byte("for ever"), TTL: 0},
	}
	s.ok("SetAll", store.SetAll(s.ctx, s.store, entries))
	clear(entries[0].Value) // the caller's again
	if v := s.get(keys[0]); string(v) != "a" {
		s.Errorf("overwritten, got %q", v)
	}
	if v := s.get(keys[1]); v == nil || len(v) != 0 {
		s.Errorf("%#v, want an empty value that is not nil", v)
	}
	if v := s.get(keys[3]); v != nil {
		s.Errorf("an entry whose time is over gives %q", v)
	}
	s.until("the short entry expires", func() bool { return s.get(keys[2]) == nil })
	if v := s.get(keys[4]); string(v) != "for ever" {
		s.Errorf("without expiration, got %q", v)
	}
	s.ok("SetAll of nothing", store.SetAll(s.ctx, s.store, nil))
	canceled, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := store.SetAll(canceled, s.store, entries); err == nil {
		s.Error("a context that has ended is no error")
	}
}

// lookupKeepsTheOrder asks for many keys and tags at once, present and missing in turn, one twice.
func lookupKeepsTheOrder(s *suite) {
	const n = 100
	l := store.Lookup{Keys: s.names(n), Tags: s.names(n)}
	want := make([]store.Token, n)
	for i := range n {
		if i%3 != 0 {
			s.set(l.Keys[i], fmt.Appendf(nil, "value %d", i), long)
			want[i] = s.token(l.Tags[i])
		}
	}
	l.Keys, l.Tags = append(l.Keys, l.Keys[1]), append(l.Tags, l.Tags[1])
	s.ok("Lookup", s.store.Lookup(s.ctx, &l))
	for i := range n {
		present := i%3 != 0
		if got := l.Values[i]; present && string(got) != fmt.Sprintf("value %d", i) || !present && got != nil {
			s.Errorf("key %d gives %q", i, got)
		}
		if got := l.States[i]; got.Known != present || got.Marked || present && got.Token != want[i] {
			s.Errorf("tag %d is %s", i, show(got))
		}
	}
	if string(l.Values[n]) != "value 1" || l.States[n].Token != want[1] {
		s.Error("a key or tag asked for twice is not answered twice")
	}
}
