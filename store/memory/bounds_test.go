package memory_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestEntriesAreBoundedByBytes(t *testing.T) {
	const limit, size = 1 << 20, 10_000
	s := memory.New(memory.MaxBytes(limit))
	defer s.Close()
	keys := make([]string, 500) // 5 MB
	for i := range keys {
		keys[i] = fmt.Sprint("entry:", i)
		must(t, s.Set(t.Context(), keys[i], make([]byte, size), 0))
	}
	l := store.Lookup{Keys: keys}
	must(t, s.Lookup(t.Context(), &l))
	kept := 0
	for _, v := range l.Values {
		kept += len(v)
	}
	if kept > limit || kept < limit/2 {
		t.Errorf("%d bytes are kept of a store for %d", kept, limit)
	}
	must(t, s.Set(t.Context(), "huge", make([]byte, 2*limit), 0))
	l = store.Lookup{Keys: []string{"huge"}}
	must(t, s.Lookup(t.Context(), &l))
	if l.Values[0] != nil {
		t.Error("an entry greater than the store is kept")
	}
}

// TestTagsAreBoundedAndMarksStay floods a small store with tags: those that bear a live mark stay, and
// the rest gives way to them.
func TestTagsAreBoundedAndMarksStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1024
		s := memory.New(memory.MaxTags(limit))
		defer s.Close()
		marked := flood(t, s, "marked", 500)
		w := store.NewWriter()
		must(t, s.Mark(t.Context(), marked, w, time.Hour))
		before := states(t, s, marked)
		all := flood(t, s, "other", 20*limit)
		for i, state := range states(t, s, marked) {
			if state != before[i] || !state.Marked {
				t.Fatalf("%s was %v, and is %v after others came", marked[i], before[i], state)
			}
		}
		if n := known(t, s, all) + len(marked); n > 2*limit {
			t.Errorf("%d tags are kept of a store for %d", n, limit)
		}
		time.Sleep(time.Hour) // the marks are past their deadline: nothing keeps their tags now
		all = append(all, flood(t, s, "later", 20*limit)...)
		if n := known(t, s, append(all, marked...)); n > limit || n < limit/2 {
			t.Errorf("%d tags are kept of a store for %d, when no mark is live", n, limit)
		}
	})
}

// TestMoreMarksThanRoom: a mark must land even where no tag can be evicted.
func TestMoreMarksThanRoom(t *testing.T) {
	s := memory.New(memory.MaxTags(1))
	defer s.Close()
	tags := make([]string, 1000)
	for i := range tags {
		tags[i] = fmt.Sprint("tag:", i)
	}
	must(t, s.Mark(t.Context(), tags, store.NewWriter(), time.Hour))
	for i, state := range states(t, s, tags) {
		if !state.Marked {
			t.Fatalf("%s is %v", tags[i], state)
		}
	}
}

func TestSetCopies(t *testing.T) {
	s := memory.New()
	defer s.Close()
	value := []byte("before")
	must(t, s.Set(t.Context(), "k", value, 0))
	copy(value, "after!")
	l := store.Lookup{Keys: []string{"k"}}
	must(t, s.Lookup(t.Context(), &l))
	if string(l.Values[0]) != "before" {
		t.Errorf("the entry turned into %q with its caller's buffer", l.Values[0])
	}
}

// TestExactTimes: what is a poll in the conformance suite is exact where the clock is.
func TestExactTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		defer s.Close()
		l := store.Lookup{Keys: []string{"k"}}
		must(t, s.Set(t.Context(), "k", []byte("v"), time.Minute))
		must(t, s.Mark(t.Context(), []string{"t"}, store.NewWriter(), time.Minute))
		time.Sleep(time.Minute - 1)
		must(t, s.Lookup(t.Context(), &l))
		got := make([]store.State, 1)
		must(t, s.Tokens(t.Context(), []string{"t"}, got))
		if l.Values[0] == nil || !got[0].Marked {
			t.Errorf("a nanosecond early: entry %q, tag %v", l.Values[0], got[0])
		}
		time.Sleep(1)
		must(t, s.Lookup(t.Context(), &l))
		must(t, s.Tokens(t.Context(), []string{"t"}, got))
		if l.Values[0] != nil || got[0].Marked {
			t.Errorf("on time: entry %q, tag %v", l.Values[0], got[0])
		}
	})
}

func TestVeryLongTimes(t *testing.T) {
	s := memory.New()
	defer s.Close()
	must(t, s.Set(t.Context(), "k", []byte("v"), 1<<63-1))
	must(t, s.Mark(t.Context(), []string{"t"}, store.NewWriter(), 1<<63-1))
	l := store.Lookup{Keys: []string{"k"}}
	must(t, s.Lookup(t.Context(), &l))
	got := make([]store.State, 1)
	must(t, s.Tokens(t.Context(), []string{"t"}, got))
	if l.Values[0] == nil || !got[0].Marked {
		t.Errorf("entry %q, tag %v: the time overflowed", l.Values[0], got[0])
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := memory.New()
	defer s.Close()
	l := hit(t, s)
	if n := testing.AllocsPerRun(1000, func() { _ = s.Lookup(t.Context(), l) }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}

// BenchmarkLookup is a hit: one entry of 1 kB with three tags.
func BenchmarkLookup(b *testing.B) {
	s := memory.New()
	defer s.Close()
	ctx := b.Context()
	b.Run("Alone", func(b *testing.B) {
		l := hit(b, s)
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Lookup(ctx, l)
		}
	})
	b.Run("Parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			l := hit(b, s)
			for pb.Next() {
				_ = s.Lookup(ctx, l)
			}
		})
	})
}

func hit(tb testing.TB, s *memory.Store) *store.Lookup {
	l := &store.Lookup{Keys: []string{"shop:e:entry"}, Tags: []string{"shop:n", "shop:r:default", "shop:t:users"}}
	must(tb, s.Set(tb.Context(), l.Keys[0], make([]byte, 1000), time.Hour))
	must(tb, s.Tokens(tb.Context(), l.Tags, make([]store.State, 3)))
	must(tb, s.Lookup(tb.Context(), l))
	return l
}

// flood makes n tags.
func flood(t *testing.T, s *memory.Store, name string, n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprint(name, ":", i)
	}
	must(t, s.Tokens(t.Context(), tags, make([]store.State, n)))
	return tags
}

func states(t *testing.T, s *memory.Store, tags []string) []store.State {
	l := store.Lookup{Tags: tags}
	must(t, s.Lookup(t.Context(), &l))
	return l.States
}

func known(t *testing.T, s *memory.Store, tags []string) (n int) {
	for _, state := range states(t, s, tags) {
		if state.Known {
			n++
		}
	}
	return n
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Falls if: an option that is nil, as from an if of the caller's, panics.
func TestOptionsMayBeNil(t *testing.T) {
	if err := memory.New(nil, memory.MaxBytes(1<<20)).Close(); err != nil {
		t.Error(err)
	}
}
