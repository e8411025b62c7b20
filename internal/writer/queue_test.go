package writer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// settler is a store of which only Settle matters.
type settler struct {
	store.Store
	mu     sync.Mutex
	calls  int
	settle func(call int, tags []string, id store.Writer, linger time.Duration) error
}

func (s *settler) Settle(_ context.Context, tags []string, id store.Writer, linger time.Duration) error {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	return s.settle(n, tags, id, linger)
}

func (s *settler) Lookup(_ context.Context, l *store.Lookup) error {
	l.States = append(l.States[:0], make([]store.State, len(l.Tags))...)
	return nil
}

func (s *settler) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

var errDead = errors.New("the store is dead")

func newQueued(settle func(call int, tags []string, id store.Writer, linger time.Duration) error) (*Writer, *settler) {
	s := &settler{settle: settle}
	return New(Config{
		Store: s, Namespace: "n", Dialect: sqltext.SQLite, Grace: 30 * time.Second, WriteTimeout: time.Second,
		Recorder: observe.NewRecorder(nil), Logger: slog.New(slog.DiscardHandler),
	}), s
}

// The worker retries with growing pauses until the tags land, ends, and is there again for the next.
func TestQueueRetriesUntilItLands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alive := 6
		w, s := newQueued(func(call int, _ []string, _ store.Writer, _ time.Duration) error {
			if call < alive {
				return errDead
			}
			return nil
		})
		w.queue.add([]string{"a", "b"}, store.NewWriter(), 0)
		if w.Pending() != 2 || !w.Blocked([]string{"x", "b"}) || w.Blocked([]string{"x"}) {
			t.Errorf("%d are pending", w.Pending())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if w.Pending() != 0 || w.Blocked([]string{"a", "b"}) || s.count() != alive {
			t.Errorf("%d are pending after %d calls", w.Pending(), s.count())
		}
		w.queue.add([]string{"c"}, store.NewWriter(), 0)
		time.Sleep(minPause)
		synctest.Wait()
		if w.Pending() != 0 || s.count() != alive+1 {
			t.Errorf("%d are pending after %d calls", w.Pending(), s.count())
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A store that is down for long is asked about once a second, and not less.
func TestQueuePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newQueued(func(int, []string, store.Writer, time.Duration) error { return errDead })
		w.queue.add([]string{"a"}, store.NewWriter(), 0)
		time.Sleep(10 * time.Second)
		n := s.count()
		time.Sleep(100 * time.Second)
		if more := s.count() - n; more < 50 || more > 100 {
			t.Errorf("%d calls in 100 seconds", more)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, errDead) {
			t.Errorf("Close: %v", err)
		}
		n = s.count()
		w.queue.add([]string{"b"}, store.NewWriter(), 0)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.count() != n || !w.Blocked([]string{"a"}) || !w.Blocked([]string{"b"}) {
			t.Errorf("after Close: %d more calls", s.count()-n)
		}
	})
}

// A tag that is added again while it is being delivered stays: the delivery may have come before the
// later commit.
//
//	commit 1, add(a)    deliver(a) begins                 deliver(a) ends: a must stay
//	                                      commit 2, add(a)
func TestQueueKeepsWhatCameMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *Writer
		second := store.NewWriter()
		var seen []store.Writer
		w, _ = newQueued(func(call int, _ []string, id store.Writer, _ time.Duration) error {
			if seen = append(seen, id); call == 1 {
				w.queue.add([]string{"a"}, second, 0)
			}
			return nil
		})
		first := store.NewWriter()
		w.queue.add([]string{"a"}, first, 0)
		time.Sleep(minPause)
		synctest.Wait()
		if !w.Blocked([]string{"a"}) {
			t.Error("the later commit is taken for settled")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if w.Pending() != 0 || !slices.Equal(seen, []store.Writer{first, second}) {
			t.Errorf("%d are pending, settled were %v", w.Pending(), seen)
		}
	})
}

// The mark of a fence is not lost when an ordinary settling of the same tag takes its place.
func TestQueueKeepsTheLongestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lingers := map[string]time.Duration{}
		w, _ := newQueued(func(_ int, tags []string, _ store.Writer, linger time.Duration) error {
			for _, tag := range tags {
				lingers[tag] = linger
			}
			return nil
		})
		w.queue.add([]string{"a", "b"}, store.NewWriter(), time.Minute)
		w.queue.add([]string{"a", "c"}, store.NewWriter(), 0)
		time.Sleep(time.Hour)
		synctest.Wait()
		if lingers["a"] != time.Minute || lingers["b"] != time.Minute || lingers["c"] != 0 {
			t.Errorf("%v", lingers)
		}
	})
}

// Beyond its bound the queue gives up telling tags apart: everything is pending, and everything drops.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var settled []string
		var longest time.Duration
		w, _ := newQueued(func(_ int, tags []string, _ store.Writer, linger time.Duration) error {
			settled, longest = append(settled, tags...), linger
			return nil
		})
		w.queue.add([]string{"fenced"}, store.NewWriter(), time.Minute)
		for i := range maxTags {
			w.queue.add([]string{store.Namespace("n").User(string(rune(i)))}, store.NewWriter(), 0)
		}
		epoch := store.Namespace("n").Epoch()
		if w.Pending() != 1 || !w.Blocked([]string{epoch}) {
			t.Errorf("%d are pending", w.Pending())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(settled, []string{epoch}) || longest != time.Minute {
			t.Errorf("%d settled, linger %v", len(settled), longest)
		}
	})
}
