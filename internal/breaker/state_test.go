package breaker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// log keeps what is said; then runs after each line, as a handler may that uses the cache itself.
type log struct {
	slog.Handler
	mu   sync.Mutex
	text bytes.Buffer
	then func()
}

func newLog() (*log, *slog.Logger) {
	l := &log{then: func() {}}
	l.Handler = slog.NewTextHandler(&l.text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return l, slog.New(l)
}

// Handle implements slog.Handler.
func (l *log) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	err := l.Handler.Handle(ctx, r)
	l.mu.Unlock()
	l.then()
	return err
}

// take returns the lines since the last call.
func (l *log) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// A breaker says once that it opens, and why, and once that it closes, however often it is asked meanwhile.
func TestItSaysThatItOpensAndCloses(t *testing.T) {
	for name, c := range map[string]struct {
		call        func(ctx context.Context, s *breaker.Store) error
		begin, ends string
		state       func(s *breaker.Store) breaker.State
	}{
		"readers": {
			call:  func(ctx context.Context, s *breaker.Store) error { return s.Lookup(ctx, new(store.Lookup)) },
			begin: `level=WARN msg="gormcache: the store fails for readers and is not asked for the moment; the database answers" error=down`,
			ends:  `level=INFO msg="gormcache: the store answers readers again" after=2m0s`,
			state: func(s *breaker.Store) breaker.State { r, _ := s.State(); return r },
		},
		"writers": {
			call: func(ctx context.Context, s *breaker.Store) error {
				return s.Mark(ctx, []string{"t"}, store.NewWriter(), time.Hour)
			},
			begin: `level=WARN msg="gormcache: the store fails for writers and is not asked for the moment; what they invalidate is queued, and other processes may serve old rows" error=down`,
			ends:  `level=INFO msg="gormcache: the store answers writers again" after=2m0s`,
			state: func(s *breaker.Store) breaker.State { _, w := s.State(); return w },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := &sick{err: errDown}
				s := breaker.New(below, breaker.Config{Failures: 3, Cooldown: time.Minute})
				defer closing(t, s)
				said, logger := newLog()
				s.LogTo(logger)
				said.then = func() { _ = c.call(t.Context(), s) } // must not wait for itself
				_ = c.call(t.Context(), s)
				_ = c.call(t.Context(), s)
				if got := said.take(); got != "" || c.state(s) != (breaker.State{}) {
					t.Errorf("it has not opened, and says %s", got)
				}
				opened := time.Now()
				for range 1000 {
					_ = c.call(t.Context(), s)
				}
				time.Sleep(time.Minute + time.Second) // a probe fails
				if got := said.take(); got != c.begin+"\n" {
					t.Errorf("it says\n%swant\n%s", got, c.begin)
				}
				if got := c.state(s); !got.Open || !got.Since.Equal(opened) || !errors.Is(got.Err, errDown) {
					t.Errorf("its state is %+v", got)
				}
				below.be(nil, false, false)
				time.Sleep(time.Minute)
				synctest.Wait()
				_ = c.call(t.Context(), s)
				if got := said.take(); got != c.ends+"\n" || c.state(s) != (breaker.State{}) {
					t.Errorf("it says\n%swant\n%s", got, c.ends)
				}
			})
		})
	}
}

// A store that hangs with writers is not asked by readers either, and that is said too.
func TestItSaysThatWritersStopReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{hang: true}
		s := breaker.New(below, breaker.Config{Failures: 1, Cooldown: time.Second})
		defer closing(t, s)
		said, logger := newLog()
		s.LogTo(logger)
		_ = s.Mark(budget(t, time.Second), []string{"t"}, store.NewWriter(), time.Hour)
		got := said.take()
		if strings.Count(got, "level=WARN") != 2 || !strings.Contains(got, "for readers") || !strings.Contains(got, "for writers") {
			t.Errorf("it says\n%s", got)
		}
		below.be(nil, false, false)
		time.Sleep(3 * time.Second)
		if got := said.take(); strings.Count(got, "level=INFO") != 2 {
			t.Errorf("it says\n%s", got)
		}
	})
}

// Writers in a hurry find out a store that hangs, for readers too: both are said, and told to Inspect.
//
// Falls if: the breaker of readers opens, or closes, without a word.
func TestItSaysThatWritersInAHurryStopReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{hang: true}
		s := breaker.New(below, breaker.Config{Cooldown: time.Second, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 400 * time.Millisecond})
		defer closing(t, s)
		said, logger := newLog()
		s.LogTo(logger)
		_ = impatient(t, 3*time.Millisecond, mark(s))
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		got := said.take()
		if strings.Count(got, "level=WARN") != 2 || !strings.Contains(got, "for readers") || !strings.Contains(got, "for writers") {
			t.Errorf("it says\n%s", got)
		}
		if r, w := s.State(); !r.Open || r.Err == nil || !w.Open || w.Err == nil {
			t.Errorf("readers %+v, writers %+v", r, w)
		}
		below.be(nil, false, false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := said.take(); strings.Count(got, "level=INFO") != 2 {
			t.Errorf("it says\n%s", got)
		}
	})
}

// Inspect asks a store that nobody else asks, and its failures open nothing.
func TestInspectGoesPastTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &sick{err: errDown}
		s := breaker.New(below, breaker.Config{Failures: 2, Cooldown: time.Hour})
		defer closing(t, s)
		for range 5 {
			if _, err := s.Inspect(t.Context(), []string{"t"}); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
		}
		if s.Open() {
			t.Error("Inspect has opened it")
		}
		for range 2 {
			_ = s.Lookup(t.Context(), new(store.Lookup))
		}
		calls := below.count()
		if _, err := s.Inspect(t.Context(), []string{"t"}); !errors.Is(err, errDown) || below.count() != calls+1 {
			t.Errorf("while it is open: %v", err)
		}
	})
}
