package storetest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// swapTests are about stores with check-and-set. They are skipped for a store without.
var swapTests = []test{
	{"ReplacesWhatWasSeen", func(s *suite) {
		key := s.name()
		s.set(key, []byte("one"), long)
		s.wantSwap(true, key, []byte("one"), []byte("two"))
		s.wantEntry(key, "two")
		s.wantSwap(false, key, []byte("one"), []byte("three"))
		s.wantEntry(key, "two")
	}},
	{"MakesWhatIsMissing", func(s *suite) {
		key := s.name()
		s.wantSwap(false, key, []byte("one"), []byte("two"))
		if v := s.get(key); v != nil {
			s.Fatalf("a swap of what is not there made %q", v)
		}
		s.wantSwap(true, key, nil, []byte("two"))
		s.wantEntry(key, "two")
		s.wantSwap(false, key, nil, []byte("three"))
		s.wantEntry(key, "two")
	}},
	{"EmptyIsNotMissing", func(s *suite) {
		missing, empty := s.name(), s.name()
		s.wantSwap(false, missing, []byte{}, []byte("v"))
		s.wantSwap(true, empty, nil, []byte{})
		if v := s.get(empty); v == nil || len(v) != 0 {
			s.Fatalf("%#v, want an empty value that is not nil", v)
		}
		s.wantSwap(false, empty, nil, []byte("v"))
		s.wantSwap(true, empty, []byte{}, []byte("v"))
		s.wantEntry(empty, "v")
	}},
	{"SeesSetAndDelete", func(s *suite) {
		key := s.name()
		s.set(key, []byte("seen"), long)
		s.set(key, []byte("newer"), long)
		s.wantSwap(false, key, []byte("seen"), []byte("late"))
		s.ok("Delete", s.store.Delete(s.ctx, key))
		s.wantSwap(false, key, []byte("newer"), []byte("late"))
		if v := s.get(key); v != nil {
			s.Errorf("a swap brought %q back after Delete", v)
		}
	}},
	{"SaysWhichAreDone", func(s *suite) {
		keys := s.names(4)
		s.set(keys[0], []byte("a"), long)
		s.set(keys[1], []byte("other"), long)
		swaps := []store.Swap{
			{Key: keys[0], Old: []byte("a"), Value: []byte("A"), TTL: long},
			{Key: keys[1], Old: []byte("b"), Value: []byte("B"), TTL: long, Done: true},
			{Key: keys[2], Value: []byte("C"), TTL: long},
			{Key: keys[3], Old: []byte("d"), Value: []byte("D"), TTL: long, Done: true},
		}
		s.ok("Swap", s.swapper().Swap(s.ctx, swaps))
		for i, want := range []bool{true, false, true, false} {
			if swaps[i].Done != want {
				s.Errorf("swap %d: Done is %v, want %v", i, swaps[i].Done, want)
			}
		}
		s.wantEntry(keys[0], "A")
		s.wantEntry(keys[1], "other")
		s.wantEntry(keys[2], "C")
		s.ok("Swap of nothing", s.swapper().Swap(s.ctx, nil))
	}},
	{"ARepeatedSwapIsDone", func(s *suite) {
		key := s.name()
		for range 2 {
			s.wantSwap(true, key, nil, []byte("one"))
			s.wantEntry(key, "one")
		}
		for range 2 {
			s.wantSwap(true, key, []byte("one"), []byte("two"))
			s.wantEntry(key, "two")
		}
		s.set(key, []byte("three"), long)
		s.wantSwap(false, key, []byte("one"), []byte("two"))
		s.wantEntry(key, "three")
	}},
	{"ValuesAreBinary", func(s *suite) {
		key, old := s.name(), []byte(nil)
		for _, value := range [][]byte{{0}, []byte("\r\n$5\r\n"), {0xff, 0, 0xfe}, []byte("VALUE x 0 1\r\nEND\r\n")} {
			given, seen := bytes.Clone(value), bytes.Clone(old)
			swaps := []store.Swap{{Key: key, Old: seen, Value: given, TTL: long}}
			s.ok("Swap", s.swapper().Swap(s.ctx, swaps))
			if !swaps[0].Done || !bytes.Equal(given, value) || !bytes.Equal(seen, old) {
				s.Fatalf("%q for %q: done is %v, and the arguments are %q and %q", value, old, swaps[0].Done, given, seen)
			}
			clear(given) // the caller's again
			s.wantEntry(key, string(value))
			old = value
		}
	}},
	{"LargeValues", func(s *suite) {
		key, size := s.name(), (s.MaxValue-1024)/16
		one, two := bytes.Repeat([]byte("0123456789abcdef"), size), bytes.Repeat([]byte("fedcba9876543210"), size)
		s.wantSwap(true, key, nil, one)
		s.wantSwap(true, key, one, two)
		almost := bytes.Clone(two)
		almost[len(almost)/2] ^= 1
		s.wantSwap(false, key, almost, one)
		if v := s.get(key); !bytes.Equal(v, two) {
			s.Errorf("%d bytes swapped in, %d read, or others", len(two), len(v))
		}
	}},
	{"SwappedEntriesExpire", func(s *suite) {
		key, short, keeps, forever := s.name(), s.name(), s.name(), s.name()
		s.set(keeps, []byte("v"), s.Tick)
		s.ok("Swap", s.swapper().Swap(s.ctx, []store.Swap{
			{Key: key, Value: []byte("v"), TTL: s.Tick},
			{Key: short, Value: []byte("v"), TTL: time.Nanosecond},
			{Key: keeps, Old: []byte("v"), Value: []byte("w"), TTL: long},
			{Key: forever, Value: []byte("v")},
		}))
		s.until("the entries expire", func() bool { return s.get(key) == nil && s.get(short) == nil })
		s.wantEntry(keeps, "w")
		s.wantEntry(forever, "v")
		s.wantSwap(false, key, []byte("v"), []byte("w")) // what has expired is not there
		s.wantSwap(true, key, nil, []byte("w"))
	}},
	{"ANegativeTimeToLiveRemoves", func(s *suite) {
		key := s.name()
		s.set(key, []byte("v"), long)
		s.ok("Swap", s.swapper().Swap(s.ctx, []store.Swap{{Key: key, Old: []byte("other"), Value: []byte("w"), TTL: -1}}))
		s.wantEntry(key, "v")
		s.ok("Swap", s.swapper().Swap(s.ctx, []store.Swap{{Key: key, Old: []byte("v"), Value: []byte("w"), TTL: -1}}))
		if v := s.get(key); v != nil {
			s.Errorf("a swap whose time is over leaves %q", v)
		}
	}},
	{"OneOfManyWins", oneOfManyWins},
	{"NoIncrementIsLost", noIncrementIsLost},
}

// swapper returns the capability, or skips the test.
func (s *suite) swapper() store.Swapper {
	s.Helper()
	swapper := store.SwapperOf(s.store)
	if swapper == nil {
		s.Skip("the store is no store.Swapper")
	}
	return swapper
}

// swap makes one swap, and reports whether it is done.
func (s *suite) swap(key string, old, value []byte) bool {
	s.Helper()
	swaps := []store.Swap{{Key: key, Old: old, Value: value, TTL: long}}
	s.ok("Swap", s.swapper().Swap(s.ctx, swaps))
	return swaps[0].Done
}

func (s *suite) wantSwap(done bool, key string, old, value []byte) {
	s.Helper()
	if got := s.swap(key, old, value); got != done {
		s.Fatalf("a swap of %.40q by %.40q: Done is %v, want %v", old, value, got, done)
	}
}

func (s *suite) wantEntry(key, want string) {
	s.Helper()
	if v := s.get(key); v == nil || string(v) != want {
		s.Fatalf("the entry is %q, want %q", v, want)
	}
}

// oneOfManyWins has a crowd replace one entry that all of them saw.
func oneOfManyWins(s *suite) {
	s.swapper()
	for _, old := range [][]byte{nil, []byte("seen")} {
		for round := range 20 {
			key := s.name()
			if old != nil {
				s.set(key, old, long)
			}
			var wg sync.WaitGroup
			var winner atomic.Value
			for i := range 4 * crowd {
				wg.Go(func() {
					value := fmt.Sprintf("value %d", i)
					if s.swap(key, old, []byte(value)) && !winner.CompareAndSwap(nil, value) {
						s.Errorf("round %d: %q and %q both replaced %q", round, winner.Load(), value, old)
					}
				})
			}
			wg.Wait()
			if won, _ := winner.Load().(string); won == "" || string(s.get(key)) != won {
				s.Fatalf("round %d: %q won, and the entry is %q", round, won, s.get(key))
			}
		}
	}
}

// noIncrementIsLost counts up one entry from many goroutines.
func noIncrementIsLost(s *suite) {
	s.swapper()
	key := s.name()
	var wg sync.WaitGroup
	for w := range 2 * crowd {
		wg.Go(func() {
			for range rounds / 3 {
				for done := false; !done && s.ctx.Err() == nil; {
					seen := s.get(key)
					// The writer's number makes the bytes of two writers differ, as callers must.
					n, _, _ := bytes.Cut(seen, []byte(" "))
					count, _ := strconv.Atoi(string(n))
					done = s.swap(key, seen, fmt.Appendf(nil, "%d by %d", count+1, w))
				}
			}
		})
	}
	wg.Wait()
	if n, _, _ := bytes.Cut(s.get(key), []byte(" ")); string(n) != strconv.Itoa(2*crowd*(rounds/3)) {
		s.Errorf("%d increments made %s", 2*crowd*(rounds/3), n)
	}
}
