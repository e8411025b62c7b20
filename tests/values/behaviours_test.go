package values_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// behaviours runs the table over a store. open returns the same store, or another with nothing in it.
func behaviours(t *testing.T, open func(*testing.T) store.Store) {
	for name, check := range map[string]func(*world){
		"values of all kinds come back":          comeBack,
		"a miss is a miss":                       misses,
		"several at once":                        several,
		"delete":                                 deletes,
		"a delete defeats loads under way":       deleteDefeats,
		"a set defeats loads under way":          setDefeats,
		"a refresh wins over a touch":            touchLoses,
		"a load after a delete is its own":       afterDelete,
		"insert and replace":                     insertReplace,
		"compare and swap":                       compareAndSwap,
		"update":                                 updates,
		"counters lose nothing":                  counters,
		"counters have limits":                   counterLimits,
		"lookup":                                 lookups,
		"touch":                                  touches,
		"ages":                                   ages,
		"loads for several":                      loadsForSeveral,
		"absent is an answer":                    absent,
		"errors by key":                          errorsByKey,
		"loads are shared by key":                sharedByKey,
		"a value of a table":                     ofATable,
		"a value begun before it is read":        begun,
		"marks":                                  marks,
		"regions and namespaces":                 regions,
		"keys of any bytes":                      anyKeys,
		"what is not to be stored":               notStored,
		"what can't be stored":                   notEncodable,
		"what can't be read":                     notDecodable,
		"a function that panics":                 panics,
		"a function that uses the region":        usesTheRegion,
		"functions that wait for each other":     eachOther,
		"old values":                             oldValues,
		"modes":                                  modes,
		"errors are not cached":                  errorsPass,
		"the TTL of a call, and from the value":  ttls,
		"a closed plugin":                        closedPlugin,
		"an answer of another process in a race": race,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { check(newWorld(t, open(t))) })
	}
}

// same sets a value, and gets it in the other process.
func same[T any](w *world, key string, value T) {
	w.Helper()
	must(w.T, region.Set(w.ctx, w.r, key, value))
	got, err := region.Get[T](w.ctx, w.other, key)
	if err != nil || !reflect.DeepEqual(got, value) {
		w.Errorf("%s: %#v became %#v (%v)", key, value, got, err)
	}
	got, err = region.GetOrCreate(w.ctx, w.other, key, never[T](w))
	if err != nil || !reflect.DeepEqual(got, value) {
		w.Errorf("%s: %#v became %#v (%v)", key, value, got, err)
	}
}

func comeBack(w *world) {
	same(w, "zero", 0)
	same(w, "int", -7)
	same(w, "no text", "")
	same(w, "text", "t")
	same(w, "nil pointer", (*user)(nil))
	same(w, "pointer", &user{Name: "ada"})
	same(w, "nil list", []int(nil))
	same(w, "empty list", []int{})
	same(w, "list", []int{1, 2})
	same(w, "nil map", map[string]int(nil))
	same(w, "empty map", map[string]int{})
	same(w, "no user", user{})
	same(w, "user", user{"ada", time.Date(1815, 12, 10, 1, 2, 3, 4, time.UTC)})
	same(w, "bytes", []byte{0, 255})
	same(w, "nil", any(nil))
	same(w, "large", strings.Repeat("x", 1<<20))
	same(w, "float", math.Inf(1))
}

func misses(w *world) {
	gone(w, w.r, "nothing")
	if v := region.GetOr(w.ctx, w.r, "nothing", 5); v != 5 {
		w.Errorf("got %d", v)
	}
	if _, err := region.Lookup[int](w.ctx, w.r, "nothing"); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	before := w.p.Stats()
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	want(w, w.r, "k", 1)
	gone(w, w.r, "nothing")
	after := w.p.Stats()
	if h, m, f := after.Hits-before.Hits, after.Misses-before.Misses, after.Fills-before.Fills; h != 1 || m != 1 || f != 1 {
		w.Errorf("%d hits, %d misses, %d fills", h, m, f)
	}
}

func several(w *world) {
	must(w.T, region.SetMulti(w.ctx, w.r, map[string]int{"a": 0, "b": 2}))
	got, err := region.GetMulti[int](w.ctx, w.other, []string{"b", "x", "a", "b"})
	if must(w.T, err); !reflect.DeepEqual(got, map[string]int{"a": 0, "b": 2}) {
		w.Errorf("got %v", got)
	}
	got, err = region.GetMulti[int](w.ctx, w.other, nil)
	if must(w.T, err); len(got) != 0 {
		w.Errorf("got %v", got)
	}
	must(w.T, region.SetMulti(w.ctx, w.r, map[string]int{}))
	entries, err := region.LookupMulti[int](w.ctx, w.other, []string{"a", "x"})
	if must(w.T, err); len(entries) != 1 || entries["a"].Key != "a" || entries["a"].TTL <= 0 {
		w.Errorf("got %+v", entries)
	}
}

func deletes(w *world) {
	must(w.T, region.SetMulti(w.ctx, w.r, map[string]int{"a": 1, "b": 2, "c": 3}))
	must(w.T, w.other.Delete(w.ctx, "a", "b", "never was"))
	gone(w, w.r, "a")
	gone(w, w.r, "b")
	want(w, w.r, "c", 3)
	must(w.T, w.other.Delete(w.ctx))
	must(w.T, region.Set(w.ctx, w.r, "a", 4))
	want(w, w.other, "a", 4)
}

func deleteDefeats(w *world) {
	for _, before := range []string{"nothing", "a value"} {
		key := "k after " + before
		if before == "a value" {
			must(w.T, region.Set(w.ctx, w.r, key, "older"))
			must(w.T, w.r.Delete(w.ctx, key))
		}
		end := held(w, w.r, key, "old")
		must(w.T, w.other.Delete(w.ctx, key))
		end()
		gone(w, w.r, key)
		gone(w, w.other, key)
		n := 0
		must1(region.GetOrCreate(w.ctx, w.r, key, makes(&n, "new")))
		want(w, w.other, key, "new")
		if n != 1 {
			w.Errorf("%d loads after it", n)
		}
	}
	end := held(w, w.r, "k", "one") // and without one it is stored
	end()
	want(w, w.other, "k", "one")
}

func setDefeats(w *world) {
	end := held(w, w.r, "k", "old")
	must(w.T, region.Set(w.ctx, w.other, "k", "set"))
	end()
	want(w, w.r, "k", "set")
	// One that came and went, too: its value expired before the load ended.
	end = held(w, w.r, "short", "old")
	must(w.T, region.Set(w.ctx, w.other, "short", "set", region.WithTTL(time.Millisecond)))
	eventually(w.T, "the value expires", func() bool {
		_, err := region.Get[string](w.ctx, w.other, "short")
		return err != nil
	})
	end()
	gone(w, w.r, "short")
	// And so do the others that write by hand.
	end = held(w, w.r, "inserted", "old")
	must(w.T, region.Insert(w.ctx, w.other, "inserted", "new"))
	end()
	want(w, w.r, "inserted", "new")
	end = held(w, w.r, "added", int64(100))
	must1(region.Add(w.ctx, w.other, "added", 1))
	end()
	want(w, w.r, "added", int64(1))
}

func touchLoses(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "k", "old"))
	end := held(w, w.r, "k", "new", region.WithMode(region.Refresh))
	must(w.T, w.other.Touch(w.ctx, "k", time.Minute))
	end()
	want(w, w.other, "k", "new")
}

func afterDelete(w *world) {
	end := held(w, w.r, "k", "old")
	must(w.T, w.r.Delete(w.ctx, "k"))
	n := 0
	if v := must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, "new"))); v != "new" || n != 1 {
		w.Errorf("after the delete: %q", v)
	}
	end()
	want(w, w.other, "k", "new")
}

func insertReplace(w *world) {
	if err := region.Replace(w.ctx, w.r, "k", 1); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			switch err := region.Insert(w.ctx, []*region.Region{w.r, w.other}[n%2], "k", n); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, region.ErrExists):
				w.Error(err)
			}
		})
	}
	wg.Wait()
	if n := won.Load(); n != 1 {
		w.Errorf("%d of 20 have inserted it", n)
	}
	must(w.T, region.Replace(w.ctx, w.r, "k", -1))
	want(w, w.other, "k", -1)
	must(w.T, w.r.Delete(w.ctx, "k"))
	must(w.T, region.Insert(w.ctx, w.other, "k", 7))
	want(w, w.r, "k", 7)
}

func compareAndSwap(w *world) {
	if err := region.CompareAndSwap(w.ctx, w.r, region.Entry[int]{Key: "k"}, 1); !errors.Is(err, region.ErrConflict) {
		w.Error("no entry:", err)
	}
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	seen := must1(region.Lookup[int](w.ctx, w.r, "k"))
	must(w.T, region.Set(w.ctx, w.other, "k", 1)) // an equal value is another version
	if err := region.CompareAndSwap(w.ctx, w.r, seen, 2); !errors.Is(err, region.ErrConflict) {
		w.Error("another version:", err)
	}
	seen = must1(region.Lookup[int](w.ctx, w.r, "k"))
	must(w.T, region.CompareAndSwap(w.ctx, w.r, region.Entry[int]{Key: "k", Version: seen.Version}, 2))
	want(w, w.other, "k", 2)
	if err := region.CompareAndSwap(w.ctx, w.r, seen, 3); !errors.Is(err, region.ErrConflict) {
		w.Error("twice:", err)
	}
	// It keeps what the entry depends on.
	must1(region.GetOrCreate(w.ctx, w.r, "of a table", makes(new(int), 1), region.WithTables("things")))
	must(w.T, region.CompareAndSwap(w.ctx, w.other, must1(region.Lookup[int](w.ctx, w.other, "of a table")), 2))
	want(w, w.r, "of a table", 2)
	seen = must1(region.Lookup[int](w.ctx, w.r, "of a table"))
	w.commit("things")
	gone(w, w.r, "of a table")
	if err := region.CompareAndSwap(w.ctx, w.r, seen, 3); !errors.Is(err, region.ErrConflict) {
		w.Error("after a commit:", err)
	}
}

func updates(w *world) {
	add := func(old string, ok bool) (string, error) { return fmt.Sprint(old, ok, ";"), nil }
	must1(region.Update(w.ctx, w.r, "k", add))
	if v := must1(region.Update(w.ctx, w.other, "k", add)); v != "false;true;" {
		w.Errorf("got %q", v)
	}
	want(w, w.r, "k", "false;true;")
	fails := errors.New("no")
	if _, err := region.Update(w.ctx, w.r, "k", func(string, bool) (string, error) { return "x", fails }); !errors.Is(err, fails) {
		w.Error(err)
	}
	want(w, w.r, "k", "false;true;")
	// Always another in between.
	tried := 0
	_, err := region.Update(w.ctx, w.r, "k", func(string, bool) (string, error) {
		tried++
		return "lost", region.Set(w.ctx, w.other, "k", fmt.Sprint("won ", tried))
	})
	if !errors.Is(err, region.ErrConflict) || tried < 2 {
		w.Errorf("after %d tries: %v", tried, err)
	}
	want(w, w.r, "k", fmt.Sprint("won ", tried))
	// It depends on tables as they were before the function began.
	must1(region.Update(w.ctx, w.r, "t", add, region.WithTables("things")))
	must1(region.Update(w.ctx, w.other, "t", add)) // and keeps them
	want(w, w.r, "t", "false;true;")
	w.commit("things")
	gone(w, w.r, "t")
	if v := must1(region.Update(w.ctx, w.other, "t", add)); v != "false;" {
		w.Errorf("what a commit has dropped was updated: %q", v)
	}
	w.commit("things")
	want(w, w.r, "t", "false;") // it was not there any more, so nothing says that it depends on things
	must1(region.Update(w.ctx, w.r, "u", func(string, bool) (string, error) {
		w.commit("things")
		return "read before", nil
	}, region.WithTables("things")))
	gone(w, w.other, "u")
}

func counters(w *world) {
	const each, callers = 20, 8
	processes := []*region.Region{w.r, w.other, w.region(w.process(), "r"), w.region(w.process(), "r")}
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			r := processes[n%len(processes)]
			for range each {
				if _, err := region.Add(w.ctx, r, "n", 1); err != nil {
					w.Error(err)
				}
				if _, err := region.Update(w.ctx, r, "m", func(old int, _ bool) (int, error) { return old + 1, nil }); err != nil {
					w.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(w, w.r, "n", int64(each*callers))
	want(w, w.r, "m", each*callers)
}

func counterLimits(w *world) {
	if n := must1(region.Add(w.ctx, w.r, "n", 5)); n != 5 {
		w.Errorf("got %d", n)
	}
	if n := must1(region.Add(w.ctx, w.other, "n", -7)); n != -2 {
		w.Errorf("got %d", n)
	}
	if n := must1(region.Add(w.ctx, w.other, "n", -7, region.WithFloor(-3))); n != -3 {
		w.Errorf("got %d", n)
	}
	if _, err := region.Add(w.ctx, w.r, "none", 1, region.WithExisting()); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	gone(w, w.r, "none")
	must(w.T, region.Set(w.ctx, w.r, "n", int64(math.MaxInt64-1)))
	must1(region.Add(w.ctx, w.r, "n", 1))
	if _, err := region.Add(w.ctx, w.r, "n", 1); err == nil {
		w.Error("it has overflowed")
	}
	want(w, w.r, "n", int64(math.MaxInt64))
	// A counter ends when it would have: adding does not prolong it.
	must1(region.Add(w.ctx, w.r, "window", 1, region.WithTTL(time.Minute)))
	must1(region.Add(w.ctx, w.other, "window", 1, region.WithTTL(time.Hour)))
	must1(region.Add(w.ctx, w.other, "window", 1))
	if e := must1(region.Lookup[int64](w.ctx, w.r, "window")); e.Value != 3 || e.TTL > time.Minute || e.TTL < 30*time.Second {
		w.Errorf("got %+v", e)
	}
}

func lookups(w *world) {
	before := time.Now().Add(-time.Second)
	must(w.T, region.Set(w.ctx, w.r, "k", user{Name: "ada"}, region.WithTTL(time.Minute)))
	e := must1(region.Lookup[user](w.ctx, w.other, "k"))
	if e.Key != "k" || e.Value.Name != "ada" || e.Created.Before(before) || e.Age < 0 || e.Age > time.Minute ||
		e.TTL > time.Minute || e.TTL < time.Second || e.Stale || e.Version == (region.Version{}) {
		w.Errorf("got %+v", e)
	}
	must(w.T, region.Set(w.ctx, w.r, "for ever", 1, region.WithTTL(region.NoExpiration)))
	if e := must1(region.Lookup[int](w.ctx, w.other, "for ever")); e.TTL != region.NoExpiration {
		w.Errorf("got %+v", e)
	}
}

func touches(w *world) {
	if err := w.r.Touch(w.ctx, "k", time.Minute); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	must1(region.GetOrCreate(w.ctx, w.r, "k", makes(new(int), 1), region.WithTables("things")))
	before := must1(region.Lookup[int](w.ctx, w.r, "k"))
	must(w.T, w.other.Touch(w.ctx, "k", 10*time.Hour))
	after := must1(region.Lookup[int](w.ctx, w.r, "k"))
	if after.Version != before.Version || !after.Created.Equal(before.Created) || after.TTL < 9*time.Hour || after.TTL > 10*time.Hour {
		w.Errorf("%+v became %+v", before, after)
	}
	want(w, w.r, "k", 1)
	if v := must1(region.Get[int](w.ctx, w.r, "k", region.WithTouch(20*time.Hour))); v != 1 {
		w.Errorf("got %d", v)
	}
	if e := must1(region.Lookup[int](w.ctx, w.r, "k")); e.TTL < 19*time.Hour {
		w.Errorf("touched by a read: %+v", e)
	}
	w.commit("things") // what it depends on it still does
	gone(w, w.r, "k")
	if err := w.r.Touch(w.ctx, "k", time.Minute); !errors.Is(err, region.ErrCacheMiss) {
		w.Error("a touch has brought it back:", err)
	}
	gone(w, w.r, "k")
}

func ages(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	eventually(w.T, "it gets old", func() bool {
		_, err := region.Get[int](w.ctx, w.r, "k", region.WithMaxAge(20*time.Millisecond))
		return errors.Is(err, region.ErrCacheMiss)
	})
	want(w, w.r, "k", 1)
	n := 0
	must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 2), region.WithMaxAge(20*time.Millisecond)))
	if want(w, w.other, "k", 2); n != 1 {
		w.Errorf("%d loads", n)
	}
	must1(region.GetOrCreate(w.ctx, w.r, "k", never[int](w), region.WithMaxAge(time.Hour)))
}

// asked makes values, and notes for which keys.
func asked(all *[][]string, values map[string]int, err error) func(context.Context, []string) (map[string]int, error) {
	return func(_ context.Context, missing []string) (map[string]int, error) {
		slices.Sort(missing)
		*all = append(*all, missing)
		return values, err
	}
}

func loadsForSeveral(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "a", 1))
	var calls [][]string
	keys := []string{"a", "b", "c", "b"}
	made := map[string]int{"b": 2, "c": 3, "unasked": 9}
	for _, r := range []*region.Region{w.r, w.other} {
		got, err := region.GetOrCreateMulti(w.ctx, r, keys, asked(&calls, made, nil))
		if must(w.T, err); !reflect.DeepEqual(got, map[string]int{"a": 1, "b": 2, "c": 3}) {
			w.Errorf("got %v", got)
		}
	}
	if !reflect.DeepEqual(calls, [][]string{{"b", "c"}}) {
		w.Errorf("made: %v", calls)
	}
	gone(w, w.r, "unasked")
	want(w, w.r, "c", 3) // they are values as any other
	must1(region.GetOrCreate(w.ctx, w.r, "b", never[int](w)))
}

func absent(w *world) {
	var calls [][]string
	for range 2 {
		got, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"a", "b"}, asked(&calls, map[string]int{"a": 0}, nil), region.WithTables("things"))
		if must(w.T, err); !reflect.DeepEqual(got, map[string]int{"a": 0}) {
			w.Errorf("got %v", got)
		}
	}
	if len(calls) != 1 {
		w.Errorf("made: %v", calls)
	}
	gone(w, w.r, "b")
	n := 0
	if v := must1(region.GetOrCreate(w.ctx, w.other, "b", makes(&n, 5))); v != 5 || n != 1 { // it never says that there is none
		w.Errorf("got %d", v)
	}
	w.commit("things")
	if _, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"a"}, asked(&calls, map[string]int{"a": 0}, nil), region.WithTables("things")); err != nil || len(calls) != 2 {
		w.Errorf("after a commit: %v (%v)", calls, err)
	}
	// A Delete takes the answer away, and a Set.
	must1(region.GetOrCreateMulti(w.ctx, w.r, []string{"x", "y"}, asked(&calls, nil, nil)))
	must(w.T, w.other.Delete(w.ctx, "x"))
	must(w.T, region.Set(w.ctx, w.other, "y", 1))
	calls = nil
	must1(region.GetOrCreateMulti(w.ctx, w.r, []string{"x", "y"}, asked(&calls, nil, nil)))
	if !reflect.DeepEqual(calls, [][]string{{"x"}}) {
		w.Errorf("made: %v", calls)
	}
	calls = nil
	for range 2 {
		must1(region.GetOrCreateMulti(w.ctx, w.region(w.p, "never"), []string{"x"}, asked(&calls, nil, nil)))
	}
	if len(calls) != 2 {
		w.Errorf("with a negative NegativeTTL: %v", calls)
	}
}

func errorsByKey(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "a", 1))
	down, odd := errors.New("down"), errors.New("odd")
	var calls [][]string
	got, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"a", "b", "c"}, asked(&calls, nil, down))
	var keys *region.KeysError
	if !errors.As(err, &keys) || !errors.Is(err, down) || len(keys.Errs) != 2 || !errors.Is(keys.Errs["b"], down) || !reflect.DeepEqual(got, map[string]int{"a": 1}) {
		w.Errorf("%v, %v", got, err)
	}
	some := &region.KeysError{Errs: map[string]error{"c": odd}}
	got, err = region.GetOrCreateMulti(w.ctx, w.r, []string{"a", "b", "c", "d"}, asked(&calls, map[string]int{"b": 2}, fmt.Errorf("wrapped: %w", some)))
	if !errors.As(err, &keys) || len(keys.Errs) != 1 || !errors.Is(keys.Errs["c"], odd) || !reflect.DeepEqual(got, map[string]int{"a": 1, "b": 2}) {
		w.Errorf("%v, %v", got, err)
	}
	calls = nil
	must1(region.GetOrCreateMulti(w.ctx, w.other, []string{"a", "b", "c", "d"}, asked(&calls, map[string]int{"c": 3}, nil)))
	if !reflect.DeepEqual(calls, [][]string{{"c"}}) { // d is absent
		w.Errorf("made: %v", calls)
	}
}

func sharedByKey(w *world) {
	end := held(w, w.r, "a", 1)
	got := make(chan map[string]int)
	made := make(chan []string, 2)
	go func() {
		m, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"a", "b"}, func(_ context.Context, missing []string) (map[string]int, error) {
			made <- missing
			return map[string]int{"a": -1, "b": 2}, nil
		})
		if err != nil {
			w.Error(err)
		}
		got <- m
	}()
	if keys := <-made; !reflect.DeepEqual(keys, []string{"b"}) {
		w.Errorf("it made %v, and a is being made", keys)
	}
	end()
	if m := <-got; !reflect.DeepEqual(m, map[string]int{"a": 1, "b": 2}) {
		w.Errorf("got %v", m)
	}
	if n := w.p.Stats().Coalesced; n != 1 {
		w.Errorf("%d coalesced", n)
	}
}

func ofATable(w *world) {
	n := 0
	read := func(r *region.Region, tables ...string) string {
		w.Helper()
		return must1(region.GetOrCreate(w.ctx, r, "k", makes(&n, fmt.Sprint("made ", n+1)), region.WithTables(tables...), region.WithTags("mine")))
	}
	read(w.r, "things", "Public.People")
	read(w.other, "people", "things") // in any order, and as GORM may write them
	if n != 1 {
		w.Errorf("made %d times", n)
	}
	w.commit("others")
	read(w.r, "things", "people")
	want(w, w.other, "k", "made 1") // what it depends on need not be named
	if m := must1(region.GetMulti[string](w.ctx, w.other, []string{"k", "x"})); m["k"] != "made 1" {
		w.Errorf("got %v", m)
	}
	if v := must1(region.GetOrCreate(w.ctx, w.other, "k", never[string](w), region.WithTables("people"))); v != "made 1" {
		w.Errorf("got %q", v)
	}
	for _, table := range []string{"things", "people"} {
		w.commit(table)
		gone(w, w.other, "k")
		was := n
		if v := read(w.r, "things", "people"); v != fmt.Sprint("made ", was+1) {
			w.Errorf("after a commit to %s: %q", table, v)
		}
	}
	// One who names more than the entry depends on does not take it.
	was := n
	if read(w.r, "things", "people", "others"); n != was+1 {
		w.Error("it was taken for a value of a table that it does not depend on")
	}
	// Nor one who names another than those.
	w.commit("elsewhere") // it is known
	was = n
	if must1(region.GetOrCreate(w.ctx, w.other, "k", makes(&n, "of others"), region.WithTables("elsewhere"))); n != was+1 {
		w.Error("it was taken for a value of a table that it does not depend on")
	}
	// A load that began before the commit is stored under the tokens of before: nobody takes it.
	end := held(w, w.r, "later", "old", region.WithTables("things"))
	w.commit("things")
	end()
	gone(w, w.other, "later")
	// Nor does anybody join it.
	end = held(w, w.r, "late", "old", region.WithTables("things"))
	w.commit("things")
	if v := must1(region.GetOrCreate(w.ctx, w.r, "late", makes(&n, "new"), region.WithTables("things"))); v != "new" {
		w.Errorf("it has joined a load that began before the commit: %q", v)
	}
	end()
	want(w, w.other, "late", "new")
}

func begun(w *world) {
	if err := region.Set(w.ctx, w.r, "k", 1, region.WithTables("things")); err == nil || !strings.Contains(err.Error(), "r.Begin") {
		w.Errorf("tables without tokens: %v", err)
	}
	if err := region.SetMulti(w.ctx, w.r, map[string]int{"k": 1}, region.WithTags("mine")); err == nil || !strings.Contains(err.Error(), "region.From") {
		w.Errorf("tags without tokens: %v", err)
	}
	b := must1(w.r.Begin(w.ctx, region.WithTables("things"), region.WithTags("mine"))) // as the error says
	must(w.T, region.Set(w.ctx, w.r, "k", 1, region.From(b)))
	must(w.T, region.SetMulti(w.ctx, w.r, map[string]int{"l": 2}, region.From(b), region.WithTables("Things")))
	must(w.T, region.Insert(w.ctx, w.r, "m", 3, region.From(b)))
	want(w, w.other, "k", 1)
	want(w, w.other, "l", 2)
	want(w, w.other, "m", 3)
	w.commit("things")
	for _, key := range []string{"k", "l", "m"} {
		gone(w, w.other, key)
	}
	must(w.T, region.Set(w.ctx, w.r, "k", 1, region.From(b))) // what was read before the commit
	gone(w, w.other, "k")
	if err := region.Set(w.ctx, w.r, "k", 1, region.From(b), region.WithTables("others")); err == nil {
		w.Error("a table was added that was not begun with")
	}
	if err := region.Set(w.ctx, w.region(w.p, "never"), "k", 1, region.From(b)); err == nil {
		w.Error("it was begun in another region")
	}
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	w.commit("things")
	want(w, w.other, "k", 1) // it depends on nothing
}

func marks(w *world) {
	tags, writer := []string{w.ns.Table("things")}, store.NewWriter()
	must(w.T, w.store.Mark(w.ctx, tags, writer, time.Minute))
	n := 0
	for range 2 {
		must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 1), region.WithTables("things")))
	}
	if n != 2 {
		w.Errorf("made %d times while a writer was about to commit", n)
	}
	b := must1(w.r.Begin(w.ctx, region.WithTables("things")))
	if err := region.Set(w.ctx, w.r, "k", 1, region.From(b)); !errors.Is(err, region.ErrNotStored) {
		w.Error(err)
	}
	if _, err := region.Update(w.ctx, w.r, "k", func(int, bool) (int, error) { return 1, nil }, region.WithTables("things")); !errors.Is(err, region.ErrNotStored) {
		w.Error(err)
	}
	must(w.T, w.store.Settle(w.ctx, tags, writer, 0))
	gone(w, w.r, "k")
	must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 1), region.WithTables("things")))
	want(w, w.other, "k", 1)
}

func regions(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	must1(region.Add(w.ctx, w.r, "n", 1))
	second := w.region(w.q, "never")
	gone(w, second, "k")
	must(w.T, region.Set(w.ctx, second, "k", 2))
	w.settle(w.ns.Region("r")) // as invalidate.Region does
	gone(w, w.other, "k")
	gone(w, w.other, "n")
	want(w, second, "k", 2)
	w.settle(w.ns.Epoch()) // as invalidate.All does
	gone(w, second, "k")
	must(w.T, region.Set(w.ctx, second, "k", 3))
	want(w, w.region(w.p, "never"), "k", 3)
}

func anyKeys(w *world) {
	keys := []string{"", " ", "\x00", "\x00\x00", "é", "e\u0301", "\xff\xfe", "a:b", "a:b:", "{a}", "a\r\nb", "%s", strings.Repeat("k", 1<<16), strings.Repeat("k", 1<<16) + "!", "k", "K"}
	values := map[string]int{}
	for n, key := range keys {
		values[key] = n
	}
	must(w.T, region.SetMulti(w.ctx, w.r, values))
	if got := must1(region.GetMulti[int](w.ctx, w.other, keys)); !reflect.DeepEqual(got, values) {
		w.Errorf("got %v", got)
	}
	for n, key := range keys {
		want(w, w.other, key, n)
	}
	must(w.T, w.r.Delete(w.ctx, keys...))
	if got := must1(region.GetMulti[int](w.ctx, w.other, keys)); len(got) != 0 {
		w.Errorf("after deleting them: %v", got)
	}
}

func notStored(w *world) {
	picky := w.region(w.p, "picky")
	n := 0
	for range 2 {
		if v := must1(region.GetOrCreate(w.ctx, picky, "k", makes(&n, "no"))); v != "no" {
			w.Errorf("got %q", v)
		}
		must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 5), region.WithCacheIf(func(v int) bool { return v != 5 })))
	}
	if n != 4 {
		w.Errorf("made %d times", n)
	}
	must(w.T, region.Set(w.ctx, picky, "k", "no"))
	gone(w, picky, "k")
	must1(region.GetOrCreate(w.ctx, picky, "k", makes(&n, "yes")))
	must1(region.GetOrCreate(w.ctx, picky, "k", never[string](w)))
	must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 6), region.WithCacheIf(func(v int) bool { return v != 5 })))
	want(w, w.other, "k", 6)
	// It is shared all the same with those who wait.
	end := held(w, picky, "shared", "no")
	got := make(chan string)
	go func() { got <- must1(region.GetOrCreate(w.ctx, picky, "shared", never[string](w))) }()
	eventually(w.T, "it waits", func() bool { return waiting() == 1 })
	end()
	if v := <-got; v != "no" {
		w.Errorf("got %q", v)
	}
	small := w.region(w.p, "small")
	n = 0
	for range 2 {
		must1(region.GetOrCreate(w.ctx, small, "k", makes(&n, strings.Repeat("x", 200))))
	}
	if s := w.p.Stats(); n != 2 || s.Bypassed[observe.TooLarge] != 2 {
		w.Errorf("beyond MaxBytes: made %d times, %v", n, s.Bypassed)
	}
	if err := region.Set(w.ctx, small, "k", strings.Repeat("x", 200)); err == nil {
		w.Error("a value beyond MaxBytes was set")
	}
}

type odd struct{ F func() int }

func notEncodable(w *world) {
	n := 0
	for range 2 {
		v := must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, odd{F: func() int { return 7 }})))
		if v.F() != 7 {
			w.Error("another value")
		}
	}
	m := must1(region.GetOrCreateMulti(w.ctx, w.r, []string{"k", "l"}, func(context.Context, []string) (map[string]any, error) {
		return map[string]any{"k": func() int { return 7 }, "l": "fine"}, nil
	}))
	if m["k"].(func() int)() != 7 || m["l"] != "fine" {
		w.Errorf("got %v", m)
	}
	want(w, w.other, "l", any("fine"))
	if s := w.p.Stats(); n != 2 || s.Bypassed[observe.Unencodable] != 3 {
		w.Errorf("made %d times, %v", n, s.Bypassed)
	}
	if err := region.Set(w.ctx, w.r, "k", odd{}); err == nil {
		w.Error("it was set")
	}
	var keys *region.KeysError
	err := region.SetMulti(w.ctx, w.r, map[string]any{"bad": func() {}, "good": 1})
	if !errors.As(err, &keys) || keys.Errs["bad"] == nil || len(keys.Errs) != 1 {
		w.Error(err)
	}
	if m := must1(region.GetMulti[any](w.ctx, w.r, []string{"good", "bad"})); len(m) != 1 {
		w.Errorf("got %v", m)
	}
}

func notDecodable(w *world) {
	must(w.T, region.Set(w.ctx, w.r, "k", "text"))
	before := w.q.Stats().Rejected
	if _, err := region.Get[user](w.ctx, w.other, "k"); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	n := 0
	must1(region.GetOrCreate(w.ctx, w.other, "k", makes(&n, user{Name: "ada"})))
	must1(region.GetOrCreate(w.ctx, w.other, "k", never[user](w))) // it has taken its place
	if got := w.q.Stats().Rejected - before; got != 2 || n != 1 {
		w.Errorf("%d rejected, made %d times", got, n)
	}
	// Bytes that nobody has written for this key.
	l := store.Lookup{Keys: []string{w.ns.Value("r", "k")}}
	must(w.T, w.store.Lookup(w.ctx, &l))
	for name, raw := range map[string][]byte{
		"empty": {}, "foreign": []byte("hello"), "cut": l.Values[0][:len(l.Values[0])-1], "flipped": flip(l.Values[0]),
	} {
		must(w.T, w.store.Set(w.ctx, w.ns.Value("r", "k"), raw, time.Hour))
		before := w.q.Stats().Rejected
		gone(w, w.other, "k")
		n := 0
		must1(region.GetOrCreate(w.ctx, w.other, "k", makes(&n, "new")))
		must1(region.GetOrCreate(w.ctx, w.other, "k", never[string](w)))
		if w.q.Stats().Rejected == before {
			w.Errorf("%s: not counted", name)
		}
		must(w.T, w.store.Set(w.ctx, w.ns.Value("r", "k"), raw, time.Hour))
		must1(region.Add(w.ctx, w.other, "k", 1))
		want(w, w.r, "k", int64(1))
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

func panics(w *world) {
	goOn, waits := make(chan struct{}), make(chan string)
	go func() {
		defer func() {
			if recover() != "oops" {
				w.Error("the panic has not reached its caller")
			}
			waits <- ""
		}()
		_, _ = region.GetOrCreateMulti(w.ctx, w.r, []string{"a", "b"}, func(context.Context, []string) (map[string]string, error) {
			waits <- ""
			<-goOn
			panic("oops")
		})
	}()
	<-waits
	got := make(chan string)
	n := 0
	go func() { got <- must1(region.GetOrCreate(w.ctx, w.r, "a", makes(&n, "a"))) }()
	eventually(w.T, "it waits", func() bool { return waiting() == 1 })
	close(goOn)
	<-waits
	if v := <-got; v != "a" || n != 1 {
		w.Errorf("the one who waited got %q", v)
	}
	must1(region.GetOrCreate(w.ctx, w.r, "b", makes(&n, "b")))
	want(w, w.other, "b", "b")
}

func usesTheRegion(w *world) {
	v := must1(region.GetOrCreate(w.ctx, w.r, "outer", func(ctx context.Context) (string, error) {
		inner, err := region.GetOrCreate(ctx, w.r, "inner", func(ctx context.Context) (string, error) {
			_, err := region.GetOrCreate(ctx, w.r, "outer", never[string](w))
			if !errors.Is(err, region.ErrOwnKey) {
				w.Errorf("its own key, from within another: %v", err)
			}
			return "in", region.Set(ctx, w.r, "beside", "b")
		})
		return inner + " out", err
	}))
	if want(w, w.other, "outer", "in out"); v != "in out" {
		w.Errorf("got %q", v)
	}
	want(w, w.other, "inner", "in")
	want(w, w.other, "beside", "b")
	_, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"x", "y"}, func(ctx context.Context, _ []string) (map[string]int, error) {
		return region.GetOrCreateMulti(ctx, w.r, []string{"y", "z"}, func(context.Context, []string) (map[string]int, error) { return map[string]int{"z": 1}, nil })
	})
	if !errors.Is(err, region.ErrOwnKey) {
		w.Error(err)
	}
	want(w, w.other, "z", 1)
	// When it has ended its context is no obstacle.
	var after context.Context
	must1(region.GetOrCreate(w.ctx, w.r, "ends", func(ctx context.Context) (int, error) { after = ctx; return 1, nil }))
	must(w.T, w.r.Delete(w.ctx, "ends"))
	if v := must1(region.GetOrCreate(after, w.r, "ends", makes(new(int), 2))); v != 2 {
		w.Errorf("got %d", v)
	}
}

// Two functions each make a value that the other one asks for. Neither needs its own.
func eachOther(w *world) {
	var began sync.WaitGroup
	began.Add(2)
	makeOf := func(mine, other string) func(context.Context, []string) (map[string]string, error) {
		return func(ctx context.Context, _ []string) (map[string]string, error) {
			began.Done()
			began.Wait()
			got, err := region.GetOrCreate(ctx, w.r, other, func(context.Context) (string, error) { return other, nil })
			return map[string]string{mine: mine, mine + " too": got}, err
		}
	}
	var wg sync.WaitGroup
	for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			m, err := region.GetOrCreateMulti(w.ctx, w.r, []string{pair[0], pair[0] + " too"}, makeOf(pair[0], pair[1]))
			if err != nil || m[pair[0]+" too"] != pair[1] {
				w.Errorf("%v, %v", m, err)
			}
		})
	}
	wg.Wait()
}

func oldValues(w *world) {
	r, other := w.region(w.p, "stale"), w.region(w.q, "stale")
	n := 0
	must1(region.GetOrCreate(w.ctx, r, "k", makes(&n, "one")))
	eventually(w.T, "it gets old", func() bool {
		_, err := region.Get[string](w.ctx, other, "k")
		return errors.Is(err, region.ErrCacheMiss)
	})
	e := must1(region.Lookup[string](w.ctx, other, "k", region.WithStale()))
	if e.Value != "one" || !e.Stale || e.TTL != 0 {
		w.Errorf("got %+v", e)
	}
	refreshed := make(chan struct{})
	v := must1(region.GetOrCreate(w.ctx, r, "k", func(context.Context) (string, error) {
		defer close(refreshed)
		return "two", nil
	}))
	if v != "one" {
		w.Errorf("the one who found it old got %q", v)
	}
	<-refreshed
	eventually(w.T, "the refreshed value is there", func() bool {
		return region.GetOr(w.ctx, other, "k", "", region.WithStale()) == "two"
	})
	if s := w.p.Stats(); s.Stale != 1 {
		w.Errorf("%d stale", s.Stale)
	}
	// Several at once: one call makes all that are old.
	old := w.region(w.p, "old")
	must(w.T, region.SetMulti(w.ctx, old, map[string]int{"a": 1, "b": 1}))
	eventually(w.T, "they get old", func() bool {
		m, err := region.GetMulti[int](w.ctx, old, []string{"a", "b"})
		return err == nil && len(m) == 0
	})
	calls := make(chan []string, 3)
	m := must1(region.GetOrCreateMulti(w.ctx, old, []string{"a", "b", "c"}, func(_ context.Context, missing []string) (map[string]int, error) {
		slices.Sort(missing)
		calls <- missing
		return map[string]int{"a": 2, "b": 2, "c": 2}, nil
	}))
	if !reflect.DeepEqual(m, map[string]int{"a": 1, "b": 1, "c": 2}) {
		w.Errorf("got %v", m)
	}
	all := [][]string{<-calls, <-calls}
	slices.SortFunc(all, slices.Compare)
	if !reflect.DeepEqual(all, [][]string{{"a", "b"}, {"c"}}) {
		w.Errorf("made: %v", all)
	}
	eventually(w.T, "they are refreshed", func() bool { return region.GetOr(w.ctx, old, "b", 0, region.WithStale()) == 2 })
	// What was deleted is not old but gone.
	must(w.T, w.other.Delete(w.ctx, "k"))
	must(w.T, other.Delete(w.ctx, "k"))
	if v, err := region.Get[string](w.ctx, r, "k", region.WithStale()); err == nil {
		w.Errorf("got %q", v)
	}
}

func modes(w *world) {
	if _, err := region.GetOrCreate(w.ctx, w.r, "k", never[int](w), region.WithMode(region.OnlyIfCached)); !errors.Is(err, region.ErrCacheMiss) {
		w.Error(err)
	}
	got, err := region.GetOrCreateMulti(w.ctx, w.r, []string{"k"}, func(context.Context, []string) (map[string]int, error) {
		w.Error("made")
		return nil, nil
	}, region.WithMode(region.OnlyIfCached))
	if err != nil || len(got) != 0 {
		w.Errorf("%v, %v", got, err)
	}
	must(w.T, region.Set(w.ctx, w.r, "k", 1))
	n := 0
	if v := must1(region.GetOrCreate(w.ctx, w.r, "k", makes(&n, 2), region.WithMode(region.Refresh))); v != 2 {
		w.Errorf("got %d", v)
	}
	want(w, w.other, "k", 2)
}

func errorsPass(w *world) {
	fails, n := errors.New("no"), 0
	for range 2 {
		_, err := region.GetOrCreate(w.ctx, w.r, "k", func(context.Context) (int, error) { n++; return 5, fails })
		if err != fails { //nolint:errorlint // the very error
			w.Error(err)
		}
	}
	if gone(w, w.r, "k"); n != 2 {
		w.Errorf("made %d times", n)
	}
	must(w.T, region.Set(w.ctx, w.r, "k", 1)) // and one of a refresh leaves what is there
	if _, err := region.GetOrCreate(w.ctx, w.r, "k", func(context.Context) (int, error) { return 5, fails }, region.WithMode(region.Refresh)); !errors.Is(err, fails) {
		w.Error(err)
	}
	want(w, w.other, "k", 1)
}

func ttls(w *world) {
	must1(region.GetOrCreate(w.ctx, w.r, "a", makes(new(int), 1), region.WithTTL(time.Minute)))
	must1(region.GetOrCreate(w.ctx, w.r, "b", makes(new(int), 3), region.WithTTLFunc(func(v int) time.Duration { return time.Duration(v) * time.Minute })))
	must1(region.GetOrCreate(w.ctx, w.r, "c", makes(new(int), 0), region.WithTTLFunc(func(v int) time.Duration { return time.Duration(v) * time.Minute })))
	must(w.T, region.Set(w.ctx, w.r, "d", 4, region.WithTTLFunc(func(v int) time.Duration { return time.Duration(v) * time.Minute })))
	must1(region.Update(w.ctx, w.r, "e", func(int, bool) (int, error) { return 5, nil }, region.WithTTLFunc(func(v int) time.Duration { return time.Duration(v) * time.Minute })))
	for key, most := range map[string]time.Duration{"a": time.Minute, "b": 3 * time.Minute, "c": time.Hour, "d": 4 * time.Minute, "e": 5 * time.Minute} {
		if e := must1(region.Lookup[int](w.ctx, w.other, key)); e.TTL > most || e.TTL < most-30*time.Second {
			w.Errorf("%s lives for %v, not %v", key, e.TTL, most)
		}
	}
	must(w.T, region.Set(w.ctx, w.r, "short", 1, region.WithTTL(10*time.Millisecond)))
	eventually(w.T, "it expires", func() bool {
		_, err := region.Get[int](w.ctx, w.other, "short")
		return errors.Is(err, region.ErrCacheMiss)
	})
	if v, err := region.Get[int](w.ctx, w.other, "short"); err == nil {
		w.Errorf("got %d", v)
	}
}

func closedPlugin(w *world) {
	must(w.T, region.Set(w.ctx, w.other, "k", 1))
	must(w.T, w.q.Close())
	gone(w, w.other, "k")
	if err := region.Set(w.ctx, w.other, "k", 2); !errors.Is(err, region.ErrNotStored) {
		w.Error(err)
	}
	if _, err := region.Add(w.ctx, w.other, "k", 2); !errors.Is(err, region.ErrNotStored) {
		w.Error(err)
	}
	if v := must1(region.GetOrCreate(w.ctx, w.other, "k", makes(new(int), 3))); v != 3 {
		w.Errorf("got %d", v)
	}
	want(w, w.r, "k", 1)
	must(w.T, w.other.Delete(w.ctx, "k"))
	gone(w, w.r, "k")
}

// race has callers of both processes load, set, delete and read two keys that always have one value, or the next.
func race(w *world) {
	var version atomic.Int64
	read := func(context.Context) (int64, error) { return version.Load(), nil }
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 4 {
		r := []*region.Region{w.r, w.other}[n%2]
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := region.GetOrCreate(w.ctx, r, "k", read); err != nil {
					w.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		now := version.Add(1)
		must(w.T, w.r.Delete(w.ctx, "k"))
		for _, r := range []*region.Region{w.r, w.other} {
			if v, err := region.GetOrCreate(w.ctx, r, "k", read); err != nil || v < now {
				w.Errorf("after the delete of version %d: %d, %v", now, v, err)
			}
			if v, err := region.Get[int64](w.ctx, r, "k"); err == nil && v < now {
				w.Errorf("after the delete of version %d there is %d", now, v)
			}
		}
	}
	close(stop)
	wg.Wait()
}
