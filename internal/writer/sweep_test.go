package writer

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

func (h *hanging) Mark(ctx context.Context, tags []string, id store.Writer, grace time.Duration) error {
	if !h.hangs.Load() {
		return h.Store.Mark(ctx, tags, id, grace)
	}
	h.late = append(h.late, func() { _ = h.Store.Mark(context.Background(), tags, id, grace) })
	<-ctx.Done()
	return ctx.Err()
}

func (h *hanging) Settle(ctx context.Context, tags []string, id store.Writer, linger time.Duration) error {
	if h.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Store.Settle(ctx, tags, id, linger)
}

func (h *hanging) Unmark(ctx context.Context, tags []string, id store.Writer) error {
	if h.hangs.Load() {
		return errors.New("hangs")
	}
	return h.Store.Unmark(ctx, tags, id)
}

// goesOn ends the hang. What lay in the socket is carried out after what came since.
func (h *hanging) goesOn() {
	synctest.Wait() // the queue's worker is not just about to call
	h.hangs.Store(false)
	for _, land := range h.late {
		land()
	}
}

func newTest(s store.Store, policy Policy) *Writer {
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
		w := newTest(h, AllowStale)
		tags := []string{"test:t:users"}
		for range 3 { // each replaces the one before in the queue
			c, err := w.begin(t.Context(), tags)
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
		if marked(t, h, tags...) || w.Pending() != 0 {
			t.Errorf("marked: %v, pending: %d", marked(t, h, tags...), w.Pending())
		}
	})
}

// The marks of a write that was refused go too, once the store can be told.
func TestMarksOfRefusedWritesAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{Store: memory.New()}
		h.hangs.Store(true)
		w := newTest(h, FailWrite)
		tags := []string{"test:t:users"}
		if _, err := w.begin(t.Context(), tags); !errors.Is(err, ErrStoreUnavailable) {
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
			w := newTest(h, AllowStale)
			w.cfg.Dialect = sqltext.Postgres
			tags := []string{"test:t:users"}
			h.hangs.Store(hangs)
			c, err := w.begin(t.Context(), tags)
			if err != nil {
				t.Fatal(err)
			}
			h.goesOn()
			c.returned(context.DeadlineExceeded)
			c.settle(t.Context())
			time.Sleep(time.Minute)
			synctest.Wait()
			if !marked(t, h, tags...) || w.Pending() != 0 {
				t.Errorf("the store hung: %v; the mark of a COMMIT in doubt is there: %v; pending: %d", hangs, marked(t, h, tags...), w.Pending())
			}
		})
	}
}

// A caller with 20 ms does not wait for a store that hangs: the mark's call is cut off, nothing is sent to the
// database, and whatever of the marks has landed, or lands yet, is taken away.
//
//	writer:  mark(t) ✓ mark(k) … ✗                  error: the context's
//	queue:                        unmark   unmark
//	store:                              mark(k)!
//
// Falls if: the mark is waited for beyond its caller's time, or stays until it runs out.
func TestAWriterInAHurryLeavesNoMarks(t *testing.T) {
	const first, second = "test:t:users", "test:k:users.1"
	for name, c := range map[string]struct {
		caller func(ctx context.Context) (context.Context, context.CancelFunc)
		want   error
		policy Policy
	}{
		"deadline":            {inTime, context.DeadlineExceeded, AllowStale},
		"deadline, FailWrite": {inTime, context.DeadlineExceeded, FailWrite},
		"cancel":              {cancelled, context.Canceled, AllowStale},
		"cancel, FailWrite":   {cancelled, context.Canceled, FailWrite},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{Store: memory.New()}
				w := newTest(h, c.policy)
				ctx, cancel := c.caller(t.Context())
				defer cancel()
				change, err := w.begin(ctx, []string{first})
				if err != nil || !marked(t, h, first) {
					t.Fatal(err)
				}
				h.hangs.Store(true)
				began := time.Now()
				err = change.extend(ctx, []string{second})
				if took := time.Since(began); !errors.Is(err, c.want) || errors.Is(err, ErrStoreUnavailable) || took != 20*time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
				h.goesOn()
				if !marked(t, h, second) {
					t.Fatal("no mark landed late")
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				for _, tag := range []string{first, second} {
					if marked(t, h, tag) || w.Blocked([]string{tag}) {
						t.Errorf("%s is marked or pending", tag)
					}
				}
			})
		})
	}
}

func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 20*time.Millisecond)
}

func cancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	return ctx, cancel
}

// In a store that is well, what has landed of the marks goes at once: others must not be kept off for a second by
// each caller who gives up.
func TestMarksOfAWriterInAHurryGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{Store: memory.New()}
		w := newTest(p, AllowStale)
		tags := []string{"test:t:users"}
		ctx, cancel := inTime(t.Context())
		defer cancel()
		c, err := w.begin(ctx, tags)
		if err != nil {
			t.Fatal(err)
		}
		p.hang("mark")
		if err := c.extend(ctx, []string{"test:k:users.1"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(minPause)
		synctest.Wait()
		if marked(t, p, tags...) {
			t.Error("still marked")
		}
		if err := p.Store.Mark(t.Context(), tags, c.id, time.Hour); err != nil { // the call that was cut off
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if marked(t, p, tags...) {
			t.Error("what has landed late stays")
		}
		ctx, cancel = inTime(t.Context())
		defer cancel()
		p.hang()
		if c, err = w.begin(ctx, tags); err != nil {
			t.Fatal(err)
		}
		cancel() // between the mark and the COMMIT
		p.take()
		if err := c.withdrawn(ctx); !errors.Is(err, context.Canceled) || marked(t, p, tags...) {
			t.Errorf("%v; marked: %v", err, marked(t, p, tags...))
		}
	})
}

// What is settled is settled whatever its caller's context, and the store is asked what else there is to settle: the
// write has happened.
func TestSettlingIsNeverCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{Store: memory.New()}
		w := newTest(p, AllowStale)
		tags := []string{"test:t:users"}
		before, after := make([]store.State, 1), make([]store.State, 1)
		ctx, cancel := inTime(t.Context())
		defer cancel()
		err := p.Tokens(t.Context(), tags, before)
		c, refused := w.begin(ctx, tags)
		if err := errors.Join(err, refused); err != nil {
			t.Fatal(err)
		}
		c.returned(nil)
		<-ctx.Done()
		if !c.upToDate(ctx) {
			t.Error("the store was not asked for the schema")
		}
		c.settle(ctx)
		if err := p.Tokens(t.Context(), tags, after); err != nil || w.Pending() > 0 || after[0].Marked || after[0].Token == before[0].Token {
			t.Errorf("%v; %d pending; %v, was %v", err, w.Pending(), after, before)
		}
	})
}
