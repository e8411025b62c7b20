package storetest

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/seed-4f7f0efa/gormcache/store"
)

const (
	// rounds is how often each concurrent writer writes.
	rounds = 60
	// crowd is how many writers, and how many readers, run at once.
	crowd = 3
)

var concurrencyTests = []test{
	{"ATokenNeverComesBack", aTokenNeverComesBack},
	{"NoMarkIsLost", noMarkIsLost},
	{"ReadersNeverSeeOldData", readersNeverSeeOldData},
	{"EntriesAreWhole", entriesAreWhole},
}

// aTokenNeverComesBack has writers settle while readers look: a token that was there when a Settle
// began is dead when it returns, and no read that starts later may see it. An entry filled under it
// would come to life again.
func aTokenNeverComesBack(s *suite) {
	tag := s.name()
	var (
		dead  sync.Map // store.Token → when it died, by the clock below
		clock atomic.Int64
	)
	look := func(read func() store.State) store.State {
		began := clock.Add(1)
		state := read()
		if died, ok := dead.Load(state.Token); ok && state.Known && died.(int64) < began {
			s.Errorf("token %s was settled away, and is back", state.Token)
		}
		return state
	}
	s.crowd(func() {
		before := look(func() store.State { return s.state(tag) })
		w := store.NewWriter()
		s.mark(w, long, tag)
		s.settle(w, 0, tag)
		if before.Known {
			dead.Store(before.Token, clock.Add(1))
		}
	}, func() {
		look(func() store.State { return s.state(tag) })
		look(func() store.State { return s.tokens(tag)[0] })
		w := store.NewWriter()
		s.mark(w, long, tag)
		s.unmark(w, tag)
	})
}

// noMarkIsLost has writers mark and settle one tag at once: between its own two calls each is to
// find the tag marked, whatever the others do.
func noMarkIsLost(s *suite) {
	tag := s.name()
	s.crowd(func() {
		w := store.NewWriter()
		s.mark(w, long, tag)
		if state := s.state(tag); !state.Marked {
			s.Errorf("tag is %s between Mark and Settle", show(state))
		}
		if state := s.tokens(tag)[0]; !state.Marked {
			s.Errorf("Tokens gives %s between Mark and Settle", show(state))
		}
		s.settle(w, 0, tag)
	}, func() {
		w := store.NewWriter()
		s.mark(w, long, tag)
		s.unmark(w, tag)
	})
	if state := s.state(tag); !state.Clean() {
		s.Errorf("tag is %s when all writers are done", show(state))
	}
}

// readersNeverSeeOldData runs the whole protocol: writers mark, commit, settle; readers look up,
// load, fill. The database is a number that grows. No read may give less than what was committed
// when it began.
func readersNeverSeeOldData(s *suite) {
	key, tag := s.name(), s.name()
	var db, committed, hits atomic.Int64
	write := func() {
		w := store.NewWriter()
		s.mark(w, long, tag)
		n := db.Add(1)
		s.settle(w, 0, tag)
		for old := committed.Load(); old < n && !committed.CompareAndSwap(old, n); old = committed.Load() {
		}
	}
	read := func() {
		for range 4 {
			atLeast := committed.Load()
			got, hit := s.readThrough(key, tag, func() int64 { return db.Load() })
			if got < atLeast {
				s.Errorf("read %d (hit: %v), but %d had been committed before the read began", got, hit, atLeast)
			}
			if hit {
				hits.Add(1)
			}
		}
	}
	s.crowd(write, read)
	if read(); hits.Load() == 0 {
		read()
	}
	if hits.Load() == 0 {
		s.Error("there was not one hit")
	}
}

// readThrough is the read of the protocol: an entry is a token and the number loaded after it.
func (s *suite) readThrough(key, tag string, load func() int64) (n int64, hit bool) {
	l := store.Lookup{Keys: []string{key}, Tags: []string{tag}}
	s.ok("Lookup", s.store.Lookup(s.ctx, &l))
	state, entry := l.States[0], l.Values[0]
	if state.Clean() && len(entry) == store.TokenSize+8 && store.Token(entry[:store.TokenSize]) == state.Token {
		return int64(binary.BigEndian.Uint64(entry[store.TokenSize:])), true
	}
	if !state.Clean() {
		state = s.tokens(tag)[0]
	}
	n = load()
	if state.Clean() {
		s.set(key, binary.BigEndian.AppendUint64(state.Token[:], uint64(n)), long)
	}
	return n, false
}

// entriesAreWhole sets one entry from many goroutines: readers are to see one of the values, whole.
func entriesAreWhole(s *suite) {
	key := s.name()
	value := func(b byte) []byte {
		v := make([]byte, 1000+int(b))
		for i := range v {
			v[i] = b
		}
		return v
	}
	var next atomic.Int64
	s.crowd(func() {
		s.set(key, value(byte(next.Add(1))), long)
		if next.Load()%5 == 0 {
			s.ok("Delete", s.store.Delete(s.ctx, key))
		}
	}, func() {
		v := s.get(key)
		if v == nil {
			return
		}
		for _, b := range v {
			if b != v[0] || len(v) != 1000+int(v[0]) {
				s.Errorf("a value is torn: %d bytes, of %d and %d", len(v), v[0], b)
				return
			}
		}
	})
}

// crowd runs write and read over and over on several goroutines, and waits for all.
func (s *suite) crowd(write, read func()) {
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for range crowd {
		writers.Go(func() {
			for range rounds {
				write()
			}
		})
		readers.Go(func() {
			for {
				read()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
