package writer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// lines keeps what is logged from Info on, a line each.
type lines struct {
	mu   sync.Mutex
	list []string
}

// Enabled implements slog.Handler.
func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *lines) WithGroup(string) slog.Handler { return l }

// String returns the lines so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, "\n")
}

// take returns the lines since the last call.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// watched is a writer over a store that fails while down is set, with what it logs.
func watched() (w *Writer, down *atomic.Bool, said *lines) {
	down, said = new(atomic.Bool), new(lines)
	w, _ = newQueued(func(int, []string, store.Writer, time.Duration) error {
		if down.Load() {
			return errDead
		}
		return nil
	})
	w.cfg.Logger = slog.New(said)
	return w, down, said
}

func (w *Writer) drive(t *testing.T, tags ...string) {
	t.Helper()
	_, _ = w.settle(t.Context(), tags, store.NewWriter(), stay{}, time.Now())
}

const (
	warns = "WARN gormcache: the store can't be told of writes: it is tried again until it can, and meanwhile other processes may serve old rows"
	ends  = "INFO gormcache: the store has been told of all writes again"
)

// An outage is warned of once, whatever is queued meanwhile, and its end says how many and how long. No line shows
// the values of keys and columns.
func TestAnOutageIsOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, down, said := watched()
		w.drive(t, "n:t:users")
		if got := said.take(); got != nil {
			t.Errorf("the store answers, and the log says %q", got)
		}
		down.Store(true)
		w.drive(t, "n:t:users", "n:k:users.anns-key", "n:s:users.mail.anns-mail", "n:r:default", "n:u:mine", "n:t:=hash")
		for range 100 {
			w.drive(t, "n:t:orders")
			time.Sleep(time.Second)
		}
		want := []string{warns + " tags=6 names=[users region default tag mine a long name] error=the store is dead"}
		if got := said.take(); !slices.Equal(got, want) {
			t.Errorf("the log says %q\nwant %q", got, want)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := said.take(); len(got) != 1 || !strings.HasPrefix(got[0], ends+" tags=106 names=[users region default tag mine a long name orders] took=1m4") {
			t.Errorf("the log says %q", got)
		}
		if err := w.Close(t.Context()); err != nil || w.Pending() != 0 {
			t.Error(err)
		}
	})
}

// A store that fails for a moment again and again has two lines now and then. An outage that lasts is warned of,
// however soon after another it comes.
func TestManyShortOutagesAreFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, down, said := watched()
		for range 100 { // in 6 s
			down.Store(true)
			w.drive(t, "n:t:users")
			down.Store(false)
			time.Sleep(60 * time.Millisecond)
			synctest.Wait()
		}
		if got := said.take(); len(got) != 2 || !strings.HasPrefix(got[0], warns) || !strings.HasPrefix(got[1], ends) {
			t.Errorf("the log says %q", got)
		}
		down.Store(true)
		w.drive(t, "n:t:users")
		time.Sleep(5 * time.Second)
		down.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := said.take(); len(got) != 2 || !strings.HasPrefix(got[0], warns) || !strings.HasPrefix(got[1], ends) {
			t.Errorf("of an outage that lasts the log says %q", got)
		}
		time.Sleep(calm)
		down.Store(true)
		w.drive(t, "n:t:users")
		down.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := said.take(); len(got) != 2 {
			t.Errorf("of a short one after a while the log says %q", got)
		}
	})
}

// After Close nothing is tried again, and the warning says so. What Close itself delivers ends the outage.
func TestOutagesAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, down, said := watched()
		down.Store(true)
		w.drive(t, "n:t:users")
		down.Store(false)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := said.take(); len(got) != 2 || !strings.HasPrefix(got[1], ends) {
			t.Errorf("the log says %q", got)
		}
		down.Store(true)
		w.drive(t, "n:t:users")
		w.drive(t, "n:t:users")
		if got := said.take(); len(got) != 1 || !strings.HasPrefix(got[0], "WARN gormcache: the store can't be told of writes, and the plugin is closed") {
			t.Errorf("after Close the log says %q", got)
		}
	})
}

// More tags than are told apart drop everything, and what the queue itself drops is reported with its cause, once.
func TestOverflowIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, down, said := watched()
		down.Store(true)
		tags := make([]string, maxTags+1)
		for i := range tags {
			tags[i] = fmt.Sprintf("n:k:users.%d", i)
		}
		w.drive(t, tags...)
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		got := said.take()
		if len(got) != 3 || !strings.HasPrefix(got[1], "WARN gormcache: everything is dropped, in all processes cause=overflow") {
			t.Errorf("the log says %q", got)
		}
	})
}
