package invalidate

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// hanging is a store that hangs on command: calls fail when their budget is over, and marks land late.
type hanging struct {
	store.Store
	hangs atomic.Bool
	late  []func()
}

func (h *hanging) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	if !h.hangs.Load() {
		return h.Store.Mark(ctx, tags, w, grace)
	}
	h.late = append(h.late, func() { _ = h.Store.Mark(context.Background(), tags, w, grace) })
	<-ctx.Done()
	return ctx.Err()
}

func (h *hanging) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	if h.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Store.Settle(ctx, tags, w, linger)
}

func (h *hanging) Unmark(ctx context.Context, tags []string, w store.Writer) error {
	if h.hangs.Load() {
		return errors.New("hangs")
	}
	return h.Store.Unmark(ctx, tags, w)
}

// goesOn ends the hang. What lay in the socket is carried out after what came since.
func (h *hanging) goesOn() {
	synctest.Wait() // the queue's worker is not just about to call
	h.hangs.Store(false)
	for _, land := range h.late {
		land()
	}
}

func newTest(s store.Store, policy Policy) *Invalidator {
	return New(Config{
		Store: s, Namespace: "test", Dialect: sqltext.SQLite, Grace: time.Hour, WriteTimeout: time.Second, Policy: policy,
		Recorder: observe.NewRecorder(nil), Logger: slog.New(slog.DiscardHandler),
	})
}

func marked(t *testing.T, s store.Store, tags ...string) bool {
	t.Helper()
	l := store.Lookup{Tags: tags}
	if err := s.Lookup(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	return l.States[0].Marked
}

// A store that hung for a moment must not be bypassed for the whole grace because of marks that landed
// when their writers had ended.
func TestMarksThatLandLateAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{Store: memory.New()}
		h.hangs.Store(true)
		inv := newTest(h, AllowStale)
		tags := []string{"test:t:users"}
		for range 3 { // each replaces the one before in the queue
			c, err := inv.begin(t.Context(), tags)
			if err != nil {
				t.Fatal(err)
			}
			c.settle(t.Context())
		}
		h.goesOn()
		if !marked(t, h, tags...) {
			t.Fatal("no mark landed late")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if marked(t, h, tags...) || inv.Pending() != 0 {
			t.Errorf("marked: %v, pending: %d", marked(t, h, tags...), inv.Pending())
		}
	})
}

// The marks of a write that was refused go too, once the store can be told.
func TestMarksOfRefusedWritesAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{Store: memory.New()}
		h.hangs.Store(true)
		inv := newTest(h, FailWrite)
		tags := []string{"test:t:users"}
		if _, err := inv.begin(t.Context(), tags); !errors.Is(err, ErrStoreUnavailable) {
			t.Fatal(err)
		}
		h.goesOn()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if marked(t, h, tags...) {
			t.Error("the mark stays")
		}
	})
}

// A mark that is meant to stay, because the outcome of its COMMIT is in doubt, is not swept, even if the store
// failed when it was set.
func TestMarksInDoubtAreNotSwept(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := &hanging{Store: memory.New()}
			inv := newTest(h, AllowStale)
			inv.cfg.Dialect = sqltext.Postgres
			tags := []string{"test:t:users"}
			h.hangs.Store(hangs)
			c, err := inv.begin(t.Context(), tags)
			if err != nil {
				t.Fatal(err)
			}
			h.goesOn()
			c.ended(context.DeadlineExceeded)
			c.settle(t.Context())
			time.Sleep(time.Minute)
			synctest.Wait()
			if !marked(t, h, tags...) || inv.Pending() != 0 {
				t.Errorf("the store hung: %v; the mark of a COMMIT in doubt is there: %v; pending: %d", hangs, marked(t, h, tags...), inv.Pending())
			}
		})
	}
}
