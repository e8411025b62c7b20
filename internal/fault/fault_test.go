package fault_test

import (
	"errors"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

var errBelow = errors.New("gormcache: below")

func TestOnePrefix(t *testing.T) {
	other := errors.New("dial tcp: connection refused")
	err := fault.Errorf("above: %w", fault.Errorf("middle %d: %w: %w", 1, errBelow, other))
	if want := "gormcache: above: middle 1: below: dial tcp: connection refused"; err.Error() != want {
		t.Errorf("it reads %q, want %q", err, want)
	}
	if !errors.Is(err, errBelow) || !errors.Is(err, other) {
		t.Error("it does not wrap what it was given")
	}
	if got := fault.Text(err); got != "above: middle 1: below: dial tcp: connection refused" {
		t.Errorf("its text is %q", got)
	}
}
