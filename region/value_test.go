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
func open(t *testing.T) *region.Region {
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
