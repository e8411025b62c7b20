package limits_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

var errStore = errors.New("the test lets the store fail")

// hooked is one process's way to the store, with something that happens at steps of its writers.
type hooked struct {
	store.Store
	mu     sync.Mutex
	marked func() // after each mark
	settle func() // before a settling, once
	fails  bool   // for writers
}

func (h *hooked) take(f *func()) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := *f
	*f = nil
	return taken
}

func (h *hooked) fail(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = on
}

func (h *hooked) failing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fails
}

func (h *hooked) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	if h.failing() {
		return errStore
	}
	err := h.Store.Mark(ctx, tags, w, grace)
	if h.marked != nil {
		h.marked()
	}
	return err
}

func (h *hooked) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	if h.failing() {
		return errStore
	}
	if f := h.take(&h.settle); f != nil {
		f()
	}
	return h.Store.Settle(ctx, tags, w, linger)
}
