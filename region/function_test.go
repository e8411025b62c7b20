package region_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// processes returns the region "r" of n engines that share a store, as n processes do, and what they log.
func processes(t *testing.T, n int) ([]*region.Region, *bytes.Buffer) {
	t.Helper()
	s := memory.New()
	var (
		all []*region.Region
		log bytes.Buffer
	)
	for range n {
		e := engine.New(engine.Config{
			Store: s, Namespace: "test", WriteTimeout: time.Second,
			Regions:  map[string]engine.Policy{"r": engine.Policy(region.Config{TTL: time.Hour}.WithDefaults())},
			Recorder: observe.NewRecorder(nil), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		t.Cleanup(func() { e.Close() })
		r, err := e.Region("r")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, region.Of(r))
	}
	t.Cleanup(func() { _ = s.Close() })
	return all, &log
}

// source counts the calls of a function.
type source struct {
	calls atomic.Int64
	asked []string // what the last call of many was asked for
	err   error
}

func (s *source) read(_ context.Context, id int) (user, error) {
	return user{fmt.Sprintf("user %d, read %d", id, s.calls.Add(1))}, s.err
}

func (s *source) readMany(_ context.Context, ids []int) (map[int]user, error) {
	n := s.calls.Add(1)
	s.asked = nil
	found := map[int]user{}
	for _, id := range ids {
		s.asked = append(s.asked, strconv.Itoa(id))
		if id > 0 {
			found[id] = user{fmt.Sprintf("user %d, read %d", id, n)}
		}
	}
	return found, s.err
}

// want fails the test unless a call gave v.
func want[T comparable](t *testing.T, v T) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil || got != v {
			t.Fatalf("%v, %v; want %v", got, err, v)
		}
	}
}

// miss fails the test unless a call found nothing.
func miss[T any](t *testing.T) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if !errors.Is(err, region.ErrCacheMiss) {
			t.Fatalf("%v, %v; want ErrCacheMiss", got, err)
		}
	}
}

// All forms of a function speak of the same value, in all processes.
func TestFormsOfAFunction(t *testing.T) {
	ctx := t.Context()
	rs, _ := processes(t, 2)
	var s source
	read, other := region.Cached(rs[0], "read_user-{user_id}", s.read), region.Cached(rs[1], "read_user-{user_id}", s.read)
	if err := errors.Join(read.Err(), other.Err()); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(read.Get(ctx, 5))
	want(t, user{"user 5, read 1"})(read.Call(ctx, 5))
	want(t, user{"user 5, read 1"})(read.Call(ctx, 5)) // still cached
	want(t, user{"user 5, read 1"})(other.Call(ctx, 5))
	want(t, user{"user 5, read 1"})(other.Get(ctx, 5))
	want(t, user{"user 6, read 2"})(read.Call(ctx, 6))
	want(t, user{"user 5, read 3"})(read.Original(ctx, 5))
	want(t, user{"user 5, read 1"})(read.Get(ctx, 5))
	want(t, user{"user 5, read 4"})(read.Refresh(ctx, 5))
	want(t, user{"user 5, read 4"})(other.Get(ctx, 5))
	if err := read.Set(ctx, 5, user{"set"}); err != nil {
		t.Fatal(err)
	}
	want(t, user{"set"})(other.Call(ctx, 5))
	if err := other.Reset(ctx, 5); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(read.Get(ctx, 5))
	want(t, user{"user 6, read 2"})(read.Get(ctx, 6)) // nothing else was reset
	if err := other.Reset(ctx, 5, 6, 7); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(read.Get(ctx, 6))
	want(t, user{"user 5, read 5"})(read.Call(ctx, 5))
}

// A key that a user has from Key is the region's: what is done by key is done to the function's value.
func TestAFunctionsKeyIsTheRegions(t *testing.T) {
	ctx, r := t.Context(), open(t)
	var s source
	read := region.Cached(r, "read_user-{user_id}", s.read)
	want(t, user{"user 5, read 1"})(read.Call(ctx, 5))
	key, err := read.Key(5)
	if err != nil || key != "read_user-{user_id=5}" {
		t.Fatal(key, err)
	}
	want(t, user{"user 5, read 1"})(region.Get[user](ctx, r, key))
	if err := r.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(read.Get(ctx, 5))
}

// Errors pass through and are not cached. A refresh that fails keeps what there was.
func TestErrorsOfAFunction(t *testing.T) {
	ctx, r := t.Context(), open(t)
	s := source{err: errors.New("no user")}
	read := region.Cached(r, "user-{id}", s.read)
	for range 2 {
		if _, err := read.Call(ctx, 5); !errors.Is(err, s.err) {
			t.Fatal(err)
		}
	}
	if s.calls.Load() != 2 {
		t.Errorf("%d calls", s.calls.Load())
	}
	s.err = nil
	want(t, user{"user 5, read 3"})(read.Call(ctx, 5))
	s.err = errors.New("down")
	if _, err := read.Refresh(ctx, 5); !errors.Is(err, s.err) {
		t.Fatal(err)
	}
	want(t, user{"user 5, read 3"})(read.Call(ctx, 5))
}

// The options of the function hold for all calls, those of a call for it.
func TestOptionsOfAFunction(t *testing.T) {
	ctx, r := t.Context(), open(t)
	var s source
	read := region.Cached(r, "user-{id}", s.read, region.WithMode(region.OnlyIfCached))
	miss[user](t)(read.Call(ctx, 5))
	want(t, user{"user 5, read 1"})(read.With(region.WithMode(region.Normal)).Call(ctx, 5))
	want(t, user{"user 5, read 1"})(read.Call(ctx, 5))
	want(t, user{"user 5, read 2"})(read.With(region.WithMode(region.Refresh)).Call(ctx, 5))
	want(t, user{"user 5, read 3"})(read.Refresh(ctx, 5))
	want(t, user{"user 5, read 3"})(read.Call(ctx, 5))
	for _, opt := range []region.Option{region.WithKeyFunc(strconv.Itoa), region.Over(read)} {
		if _, err := read.With(opt).Call(ctx, 5); err == nil || !strings.Contains(err.Error(), "where the function is made") {
			t.Error(err)
		}
	}
}

// Falls if: what is wrong is found out by no call, or the error does not name it.
func TestBadFunctionsAreNamed(t *testing.T) {
	ctx, r := t.Context(), open(t)
	var s source
	var none *region.Func[int, user]
	far := region.Cached(r, "far-{id}", func(context.Context, string) (user, error) { return user{}, nil })
	for _, c := range []struct {
		f     *region.Func[int, user]
		wants []string
	}{
		{region.Cached(r, "user-{id", s.read), []string{"region.Cached", `"user-{id"`, "not closed"}},
		{region.Cached(r, "user", s.read), []string{"0 placeholders"}},
		{region.Cached[int, user](r, "user-{id}", nil), []string{"user-{id}", "function is nil"}},
		{region.Cached(nil, "user-{id}", s.read), []string{"user-{id}", "Plugin.Region"}},
		{region.Cached(&region.Region{}, "user-{id}", s.read), []string{"Plugin.Region"}},
		{region.Cached(r, "user-{id}", s.read, region.WithKeyFunc(strconv.Itoa)), []string{"placeholders and a key function"}},
		{region.Cached(r, "user", s.read, region.WithKeyFunc(strconv.Quote)), []string{"func(string) string", "func(int) string"}},
		{region.Cached(r, "user", s.read, region.WithKeyFunc[int](nil)), []string{"key function is nil"}},
		{region.Cached(r, "user-{id}", s.read, region.Over(far)), []string{"region.Over", "function of int"}},
		{region.Cached(r, "user-{id}", s.read, region.Over(none)), []string{"region.Over", "not nil"}},
		{region.Cached(r, "user-{id}", s.read, region.Over[int](nil)), []string{"region.Over", "not nil"}},
	} {
		_, call := c.f.Call(ctx, 5)
		_, get := c.f.Get(ctx, 5)
		_, refresh := c.f.Refresh(ctx, 5)
		_, key := c.f.Key(5)
		for i, err := range []error{c.f.Err(), call, get, refresh, key, c.f.Reset(ctx, 5), c.f.Reset(ctx), c.f.Set(ctx, 5, user{})} {
			for _, want := range append(c.wants, "gormcache: region.Cached: ") {
				if err == nil || strings.Count(err.Error(), want) != 1 {
					t.Errorf("%d: %v: want %q", i, err, want)
				}
			}
		}
	}
	if s.calls.Load() != 0 {
		t.Errorf("%d calls", s.calls.Load())
	}
	many := region.CachedMulti(r, "user-{id}-{id}", s.readMany)
	_, call := many.Call(ctx, []int{5})
	_, get := many.Get(ctx, nil)
	_, refresh := many.Refresh(ctx, nil)
	_, nothing := region.CachedMulti[int, user](r, "user-{id}", nil).Original(ctx, nil)
	for i, err := range []error{many.Err(), call, get, refresh, nothing, many.Reset(ctx), many.Set(ctx, nil)} {
		if err == nil || !strings.Contains(err.Error(), "gormcache: region.CachedMulti: ") {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Two functions with one template have the same keys. If their values are of different types, that is an error; if they
// have the same, each answers the other's calls, which is said once, unless they are one function.
//
// Falls if: a function can be given another function's values, and nothing says so.
func TestFunctionsWithOneTemplate(t *testing.T) {
	ctx := t.Context()
	rs, log := processes(t, 2)
	var s source
	name := func(_ context.Context, id int) (string, error) { return fmt.Sprint("name ", id), nil }
	mail := func(_ context.Context, id int) (string, error) { return fmt.Sprint("mail ", id), nil }
	for _, fn := range []func(context.Context, int) (string, error){name, name} {
		if err := region.Cached(rs[0], "user-{id}", fn).Err(); err != nil {
			t.Fatal(err)
		}
	}
	many := region.CachedMulti(rs[0], "user-{id}", func(context.Context, []int) (map[int]string, error) { return nil, nil })
	if many.Err() != nil || log.Len() != 0 {
		t.Fatal(many.Err(), log)
	}
	for _, err := range []error{region.Cached(rs[0], "user-{id}", s.read).Err(), region.CachedMulti(rs[0], "user-{id}", s.readMany).Err()} {
		if err == nil || !strings.Contains(err.Error(), "makes a region_test.user here, and a string in") || !strings.Contains(err.Error(), "function_test.go:") {
			t.Error(err)
		}
	}
	want(t, "name 1")(region.Cached(rs[0], "user-{id}", name).Call(ctx, 1))
	want(t, "name 1")(region.Cached(rs[0], "user-{id}", mail).Call(ctx, 1))
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "name one of them differently") || !strings.Contains(got, "region=r") {
		t.Errorf("log: %s", got)
	}
	log.Reset()
	// The remedy, and another region of another plugin.
	want(t, "mail 1")(region.Cached(rs[0], "mail-{id}", mail).Call(ctx, 1))
	if err := region.Cached(rs[1], "user-{id}", s.read).Err(); err != nil || log.Len() != 0 {
		t.Error(err, log)
	}
}

// A function that is made for each request costs no memory, and a method is one function, whatever it is bound to.
func TestAFunctionMadeOftenIsOne(t *testing.T) {
	rs, log := processes(t, 1)
	for i := range 3000 {
		if err := region.Cached(rs[0], "user-{id}", new(source).read).Err(); err != nil {
			t.Fatal(err)
		}
		if err := region.Cached(rs[0], "composed "+strconv.Itoa(i)+"-{id}", new(source).read).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if log.Len() != 0 {
		t.Error(log)
	}
	other := func(context.Context, int) (string, error) { return "", nil }
	if region.Cached(rs[0], "user-{id}", other).Err() == nil || region.Cached(rs[0], "composed 2999-{id}", other).Err() != nil {
		t.Error("what is written down is forgotten, or what is composed is remembered")
	}
}

// A program in its next version has another type under the same template: what the old one stored is made anew, and what
// the new one resets is reset for the old one too.
func TestValuesOfAnotherVersion(t *testing.T) {
	ctx := t.Context()
	rs, _ := processes(t, 2)
	type next struct{ Name, Mail string }
	var s source
	old := region.Cached(rs[0], "user-{id}", s.read)
	new := region.Cached(rs[1], "user-{id}", func(context.Context, int) (next, error) { return next{"new", "mail"}, nil })
	want(t, user{"user 5, read 1"})(old.Call(ctx, 5))
	miss[next](t)(new.Get(ctx, 5))
	want(t, next{"new", "mail"})(new.Call(ctx, 5))
	if _, err := old.Call(ctx, 5); err != nil {
		t.Fatal(err)
	}
	want(t, user{"user 6, read " + strconv.FormatInt(s.calls.Load()+1, 10)})(old.Call(ctx, 6))
	if err := new.Reset(ctx, 6); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(old.Get(ctx, 6))
}

// An argument that a struct holds: what differs in a field is another value.
func TestArgumentsOfAFunction(t *testing.T) {
	ctx, r := t.Context(), open(t)
	type input struct {
		Tenant string `cache:"tenant"`
		ID     int    `cache:"id"`
		Trace  string `cache:"-"`
	}
	calls := 0
	read := region.Cached(r, "user-{tenant}-{id}", func(_ context.Context, in input) (string, error) {
		calls++
		return fmt.Sprintf("%s/%d", in.Tenant, in.ID), nil
	})
	for range 2 {
		for _, in := range []input{{"a", 1, "x"}, {"a", 2, "x"}, {"b", 1, "x"}, {"a-1", 1, ""}, {"a", 11, ""}, {"", 0, ""}} {
			want(t, fmt.Sprintf("%s/%d", in.Tenant, in.ID))(read.Call(ctx, in))
		}
	}
	want(t, "a/1")(read.Get(ctx, input{"a", 1, "another trace"}))
	if calls != 6 {
		t.Errorf("%d calls", calls)
	}
}

// A value that is set by hand is dropped by what has changed since Begin, and so are those that the function made.
func TestAFunctionsTags(t *testing.T) {
	ctx, r := t.Context(), open(t)
	var s source
	read := region.Cached(r, "user-{id}", s.read, region.WithTags("users"))
	if err := read.Set(ctx, 5, user{"untold"}); err == nil || !strings.Contains(err.Error(), "r.Begin") {
		t.Fatal(err)
	}
	b, err := read.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.With(region.From(b)).Set(ctx, 5, user{"set"}); err != nil {
		t.Fatal(err)
	}
	want(t, user{"set"})(read.Call(ctx, 5))
	if _, err := region.Cached(r, "user-{", s.read).Begin(ctx); err == nil {
		t.Error("a bad function begins")
	}
}

// The key of a caller's own for arguments that no template takes.
func TestWithKeyFunc(t *testing.T) {
	ctx, r := t.Context(), open(t)
	calls := 0
	sum := region.Cached(r, "sum", func(_ context.Context, of []int) (int, error) {
		calls++
		n := 0
		for _, i := range of {
			n += i
		}
		return n, nil
	}, region.WithKeyFunc(func(of []int) string { return fmt.Sprint(slices.Sorted(slices.Values(of))) }))
	want(t, 6)(sum.Call(ctx, []int{1, 2, 3}))
	want(t, 6)(sum.Call(ctx, []int{3, 2, 1}))
	want(t, 7)(sum.Call(ctx, []int{1, 2, 4}))
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
	if err := sum.Reset(ctx, []int{2, 1, 3}); err != nil {
		t.Fatal(err)
	}
	miss[int](t)(sum.Get(ctx, []int{1, 2, 3}))
}

// layers returns a function over another one, each in a region of its own.
func layers(t *testing.T, s *source, opts ...region.Option) (near, far *region.Func[int, user]) {
	t.Helper()
	far = region.Cached(open(t), "user-{id}", s.read)
	return region.Cached(open(t), "user-{id}", far.Call, append(opts, region.Over(far))...), far
}

// What is reset, set or refreshed above is so below. A reset below is not seen above: that is what a layer is.
//
// Falls if: a value that was dropped comes back from the layer below.
func TestLayers(t *testing.T) {
	ctx := t.Context()
	var s source
	near, far := layers(t, &s)
	want(t, user{"user 5, read 1"})(near.Call(ctx, 5))
	want(t, user{"user 5, read 1"})(far.Get(ctx, 5))
	want(t, user{"user 6, read 2"})(near.Call(ctx, 6))
	if err := near.Reset(ctx, 5); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(far.Get(ctx, 5))
	want(t, user{"user 6, read 2"})(far.Get(ctx, 6)) // still cached
	want(t, user{"user 5, read 3"})(near.Call(ctx, 5))

	want(t, user{"user 5, read 4"})(near.Refresh(ctx, 5))
	want(t, user{"user 5, read 4"})(far.Get(ctx, 5))
	s.err = errors.New("down")
	if _, err := near.Refresh(ctx, 5); !errors.Is(err, s.err) {
		t.Fatal(err)
	}
	want(t, user{"user 5, read 4"})(near.Get(ctx, 5))
	want(t, user{"user 5, read 4"})(far.Get(ctx, 5))
	s.err = nil

	if err := near.Set(ctx, 5, user{"set"}); err != nil {
		t.Fatal(err)
	}
	want(t, user{"set"})(near.Call(ctx, 5))
	miss[user](t)(far.Get(ctx, 5))
}

// Three layers, the middle one over the lowest.
func TestLayersOfLayers(t *testing.T) {
	ctx := t.Context()
	var s source
	middle, low := layers(t, &s)
	high := region.Cached(open(t), "user-{id}", middle.Call, region.Over(middle))
	want(t, user{"user 5, read 1"})(high.Call(ctx, 5))
	want(t, user{"user 5, read 2"})(high.Refresh(ctx, 5))
	want(t, user{"user 5, read 2"})(low.Get(ctx, 5))
	if err := high.Reset(ctx, 5); err != nil {
		t.Fatal(err)
	}
	miss[user](t)(middle.Get(ctx, 5))
	miss[user](t)(low.Get(ctx, 5))
}

// The layer below is reset first. Otherwise a call in between fills the layer above with what is about to be dropped.
//
// Falls if: the layer above is reset first.
func TestLayersAreResetFromBelow(t *testing.T) {
	ctx := t.Context()
	var s source
	far := region.Cached(open(t), "user-{id}", s.read)
	between := &meddler{below: far}
	near := region.Cached(open(t), "user-{id}", far.Call, region.Over(between))
	want(t, user{"user 5, read 1"})(near.Call(ctx, 5))
	between.before = func() {
		if _, err := near.Call(ctx, 5); err != nil {
			t.Error(err)
		}
	}
	if err := near.Reset(ctx, 5); err != nil {
		t.Fatal(err)
	}
	want(t, user{"user 5, read 2"})(near.Call(ctx, 5))
}

// meddler is a layer that does something before it is reset.
type meddler struct {
	below  region.Resetter[int]
	before func()
}

func (m *meddler) Reset(ctx context.Context, args ...int) error {
	m.before()
	return m.below.Reset(ctx, args...)
}

// A layer that can't be reset is told, and does not keep the others from being reset.
func TestALayerThatFails(t *testing.T) {
	ctx := t.Context()
	var s source
	down := errors.New("down")
	far := region.Cached(open(t), "user-{id}", s.read)
	near := region.Cached(open(t), "user-{id}", far.Call, region.Over(failing{down}), region.Over(far))
	want(t, user{"user 5, read 1"})(near.Call(ctx, 5))
	if err := near.Reset(ctx, 5); !errors.Is(err, down) {
		t.Fatal(err)
	}
	miss[user](t)(near.Get(ctx, 5))
	miss[user](t)(far.Get(ctx, 5))
	if err := near.Set(ctx, 5, user{}); !errors.Is(err, down) {
		t.Fatal(err)
	}
}

type failing struct{ err error }

func (f failing) Reset(context.Context, ...int) error { return f.err }

// All forms of a function of many speak of the same values, and of those of a function of one.
func TestFormsOfAFunctionOfMany(t *testing.T) {
	ctx := t.Context()
	rs, _ := processes(t, 2)
	var s source
	users := region.CachedMulti(rs[0], "user-{id}", s.readMany)
	one := region.Cached(rs[1], "user-{id}", s.read)
	got := func(call func(context.Context, []int) (map[int]user, error), ids []int, want map[int]string) {
		t.Helper()
		found, err := call(ctx, ids)
		names := map[int]string{}
		for id, u := range found {
			names[id] = u.Name
		}
		if err != nil || !maps.Equal(names, want) {
			t.Fatalf("%v, %v; want %v", names, err, want)
		}
	}
	got(users.Get, []int{1, 2}, nil)
	got(users.Call, []int{1, 2, 1, -1}, map[int]string{1: "user 1, read 1", 2: "user 2, read 1"})
	if !slices.Equal(s.asked, []string{"1", "2", "-1"}) {
		t.Errorf("asked for %v", s.asked)
	}
	got(users.Call, []int{-1, 3, 2}, map[int]string{2: "user 2, read 1", 3: "user 3, read 2"})
	if !slices.Equal(s.asked, []string{"3"}) { // -1 is known to have none
		t.Errorf("asked for %v", s.asked)
	}
	got(users.Call, nil, nil)
	want(t, user{"user 2, read 1"})(one.Call(ctx, 2))
	if err := one.Reset(ctx, 2); err != nil {
		t.Fatal(err)
	}
	got(users.Get, []int{1, 2, 3}, map[int]string{1: "user 1, read 1", 3: "user 3, read 2"})
	got(users.Refresh, []int{1}, map[int]string{1: "user 1, read 3"})
	got(users.Get, []int{1}, map[int]string{1: "user 1, read 3"})
	if err := users.Set(ctx, map[int]user{1: {"set"}, 9: {"nine"}}); err != nil {
		t.Fatal(err)
	}
	got(users.Call, []int{1, 9}, map[int]string{1: "set", 9: "nine"})
	want(t, user{"nine"})(one.Get(ctx, 9))
	if err := users.Reset(ctx, 1, 3); err != nil {
		t.Fatal(err)
	}
	got(users.Get, []int{1, 3, 9}, map[int]string{9: "nine"})
	found, err := users.Original(ctx, []int{9})
	if err != nil || found[9].Name != "user 9, read 4" {
		t.Error(found, err)
	}
}

func TestLayersOfMany(t *testing.T) {
	ctx := t.Context()
	var s source
	far := region.CachedMulti(open(t), "user-{id}", s.readMany)
	near := region.CachedMulti(open(t), "user-{id}", far.With(region.WithTTL(time.Minute)).Call, region.Over(far))
	for i, call := range []func(context.Context, []int) (map[int]user, error){near.Call, near.Call, near.Refresh, far.Get} {
		found, err := call(ctx, []int{1, 2})
		if n := max(1, i); err != nil || found[2].Name != fmt.Sprintf("user 2, read %d", min(n, 2)) {
			t.Fatal(i, found, err)
		}
	}
	if err := near.Reset(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := near.Set(ctx, map[int]user{2: {"set"}}); err != nil {
		t.Fatal(err)
	}
	if found, err := far.Get(ctx, []int{1, 2}); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
}

// Some arguments fail, the others have their values. What failed is not remembered.
func TestErrorsOfSomeArguments(t *testing.T) {
	ctx, r := t.Context(), open(t)
	bad, fails := errors.New("bad number"), true
	users := region.CachedMulti(r, "user-{id}", func(_ context.Context, ids []int) (map[int]string, error) {
		found, errs := map[int]string{}, map[int]error{}
		for _, id := range ids {
			if found[id] = fmt.Sprint("user ", id); id < 0 && fails {
				delete(found, id)
				errs[id] = bad
			}
		}
		if len(errs) > 0 {
			return found, &region.ArgsError[int]{Errs: errs}
		}
		return found, nil
	})
	found, err := users.Call(ctx, []int{1, -1, -2})
	var some *region.ArgsError[int]
	if !errors.As(err, &some) || len(some.Errs) != 2 || !errors.Is(err, bad) || !errors.Is(some.Errs[-1], bad) || !maps.Equal(found, map[int]string{1: "user 1"}) {
		t.Fatal(found, err)
	}
	if want := "gormcache: 2 arguments failed: -1: bad number; -2: bad number"; err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	fails = false
	if found, err := users.Call(ctx, []int{1, -1}); err != nil || len(found) != 2 {
		t.Error(found, err)
	}
	// An error of all.
	down := errors.New("down")
	failing := region.CachedMulti(r, "other-{id}", func(context.Context, []int) (map[int]string, error) { return nil, down })
	if _, err := failing.Call(ctx, []int{1, 2}); !errors.As(err, &some) || len(some.Errs) != 2 || !errors.Is(err, down) {
		t.Error(err)
	}
	// One that can't be stored.
	odd := region.CachedMulti(r, "odd-{id}", func(context.Context, []int) (map[int]any, error) { return nil, nil })
	if err := odd.Set(ctx, map[int]any{1: "fine", 2: func() {}}); !errors.As(err, &some) || some.Errs[2] == nil || len(some.Errs) != 1 {
		t.Error(err)
	}
	if found, err := odd.Get(ctx, []int{1, 2}); err != nil || found[1] != "fine" || len(found) != 1 {
		t.Error(found, err)
	}
}

// Arguments that the template does not tell apart are asked for once, and each gets the answer.
func TestArgumentsWithOneKey(t *testing.T) {
	ctx, r := t.Context(), open(t)
	asked := 0
	length := region.CachedMulti(r, "length", func(_ context.Context, texts []string) (map[string]int, error) {
		asked += len(texts)
		found := map[string]int{"not asked for": 1}
		for _, s := range texts {
			found[s] = len(s)
		}
		return found, nil
	}, region.WithKeyFunc(func(s string) string { return strconv.Itoa(len(s)) }))
	found, err := length.Call(ctx, []string{"ab", "cd", "e"})
	if err != nil || !maps.Equal(found, map[string]int{"ab": 2, "cd": 2, "e": 1}) || asked != 2 {
		t.Error(found, err, asked)
	}
	found, err = length.Get(ctx, []string{"xy"})
	if err != nil || !maps.Equal(found, map[string]int{"xy": 2}) {
		t.Error(found, err)
	}
}

// An argument that can't be a key of a map is an error: a map would panic.
func TestArgumentsThatCannotBeCompared(t *testing.T) {
	ctx, r := t.Context(), open(t)
	show := region.CachedMulti(r, "show", func(context.Context, []any) (map[any]string, error) { return nil, nil },
		region.WithKeyFunc(func(v any) string { return fmt.Sprint(v) }))
	if _, err := show.Call(ctx, []any{1, []int{2}}); err == nil || !strings.Contains(err.Error(), "[]int can't be a key") {
		t.Error(err)
	}
	if found, err := show.Call(ctx, []any{1, "1"}); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
}

// A key that LengthMangler has shortened is that of no other.
func TestLengthMangler(t *testing.T) {
	mangle := region.LengthMangler(20)
	long := strings.Repeat("x", 21)
	hashed := mangle(long)
	for key, want := range map[string]bool{"": true, "user-{id=5}": true, strings.Repeat("x", 20): true, long: false, hashed: false, "=": false, "=x": false} {
		if got := mangle(key); (got == key) != want || len(got) > 40 {
			t.Errorf("%q: %q", key, got)
		}
	}
	if mangle(hashed) == hashed || region.LengthMangler(100)(hashed) == hashed || region.LengthMangler(-1)("") == "" {
		t.Error("a short key has the name of a long one")
	}
	if _, ok := store.Namespace("shop").Readable("", "r", hashed); !ok || len(hashed) > region.MaxMangled {
		t.Errorf("%q can't stand in a key", hashed)
	}
}

// FuzzLengthMangler: two keys have one name only if they are equal.
func FuzzLengthMangler(f *testing.F) {
	f.Add("a", "b", 0)
	f.Add(region.LengthMangler(0)("a"), "a", 1)
	f.Fuzz(func(t *testing.T, a, b string, n int) {
		mangle := region.LengthMangler(n % 50)
		if c := mangle(a); (c == mangle(b)) != (a == b) || mangle(c) == c != (c == a && c == mangle(a)) {
			t.Fatalf("%q, %q, %d: %q, %q", a, b, n, c, mangle(b))
		}
	})
}
