package region_test

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

type user struct{ Name string }

// open returns a region of an engine over a store in memory.
func open(t testing.TB) *region.Region {
	t.Helper()
	s := memory.New()
	e := engine.New(engine.Config{
		Store: s, Namespace: "test", WriteTimeout: time.Second,
		Regions:  map[string]engine.Policy{"r": engine.Policy(region.Config{TTL: time.Hour}.WithDefaults())},
		Recorder: observe.NewRecorder(nil), Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		e.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := e.Region("r")
	if err != nil {
		t.Fatal(err)
	}
	return region.Of(r)
}

// A handle gives the policy that its engine goes by.
func TestAHandlePointsIntoTheEngine(t *testing.T) {
	if r := open(t); r.Name() != "r" || !reflect.DeepEqual(r.Config(), region.Config{TTL: time.Hour}.WithDefaults()) {
		t.Errorf("%s: %+v", r.Name(), r.Config())
	}
}

func TestGetOrCreateRefuses(t *testing.T) {
	r := open(t)
	if _, err := region.GetOrCreate(t.Context(), nil, "k", func(context.Context) (user, error) { return user{}, nil }); err == nil || !strings.Contains(err.Error(), "Plugin.Region") {
		t.Errorf("a nil region: %v", err)
	}
	if _, err := region.GetOrCreate(t.Context(), &region.Region{}, "k", func(context.Context) (user, error) { return user{}, nil }); err == nil || !strings.Contains(err.Error(), "Plugin.Region") {
		t.Errorf("an empty region: %v", err)
	}
	if _, err := region.GetOrCreate[user](t.Context(), r, "k", nil); err == nil || !strings.Contains(err.Error(), "create") {
		t.Errorf("a nil function: %v", err)
	}
}

func TestAValueThatCannotBeEncodedIsReturned(t *testing.T) {
	r := open(t)
	type odd struct{ F func() int }
	for range 2 {
		v, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (odd, error) {
			return odd{F: func() int { return 7 }}, nil
		})
		if err != nil || v.F() != 7 {
			t.Fatalf("%+v, %v", v, err)
		}
	}
}

// Falls if: an option that is nil, as from an if of the caller's, panics.
func TestOptionsMayBeNil(t *testing.T) {
	r, ctx := open(t), t.Context()
	create := func(context.Context) (int64, error) { return 1, nil }
	several := func(_ context.Context, keys []string) (map[string]int64, error) {
		return map[string]int64{keys[0]: 1}, nil
	}
	f := region.Cached(r, "f-{id}", func(context.Context, int) (int64, error) { return 1, nil }, nil)
	for name, err := range map[string]error{
		"GetOrCreate":      second(region.GetOrCreate(ctx, r, "a", create, nil)),
		"GetOrCreateMulti": second(region.GetOrCreateMulti(ctx, r, []string{"b"}, several, nil)),
		"Set":              region.Set(ctx, r, "c", int64(1), nil),
		"SetMulti":         region.SetMulti(ctx, r, map[string]int64{"d": 1}, nil),
		"Get":              second(region.Get[int64](ctx, r, "a", nil)),
		"Add":              second(region.Add(ctx, r, "e", 1, nil)),
		"Call":             second(f.With(nil).Call(ctx, 1)),
		"Begin":            second(r.Begin(ctx, nil)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
