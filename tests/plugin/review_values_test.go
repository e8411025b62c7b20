package plugin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/region"
)

// A value of another type under the same key is none that is cached.
func TestOnlyIfCachedValueOfAnotherType(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	r, err := s.writer.p.Region("default")
	must(t, err)
	_, err = region.GetOrCreate(t.Context(), r, "key", func(context.Context) (string, error) { return "x", nil })
	must(t, err)
	_, err = region.GetOrCreate(t.Context(), r, "key", func(context.Context) (int, error) {
		t.Error("created")
		return 0, nil
	}, region.WithMode(region.OnlyIfCached))
	if !errors.Is(err, region.ErrCacheMiss) {
		t.Error(err)
	}
}
