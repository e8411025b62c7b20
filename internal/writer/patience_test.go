package writer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// patient is a store that notes its calls. Some of them hang for the whole of their budget, or fail.
type patient struct {
	store.Store
	mu    sync.Mutex
	hangs []string
	fails []string
	calls []string
	held  chan struct{} // if set, settlings wait for its end before they begin
}

func (p *patient) do(ctx context.Context, op string, call func() error) error {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if op == "settle" && held != nil {
		<-held
	}
	p.mu.Lock()
	p.calls = append(p.calls, op)
	hangs, fails := slices.Contains(p.hangs, op), slices.Contains(p.fails, op)
	p.mu.Unlock()
	switch {
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case fails:
		return errDead
	}
	return call()
}

// hang makes these calls hang, and no others.
func (p *patient) hang(ops ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangs = ops
}

// take hands out what was called.
func (p *patient) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

func (p *patient) Lookup(ctx context.Context, l *store.Lookup) error {
	return p.do(ctx, "lookup", func() error { return p.Store.Lookup(ctx, l) })
}

func (p *patient) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return p.do(ctx, "tokens", func() error { return p.Store.Tokens(ctx, tags, states) })
}

func (p *patient) Mark(ctx context.Context, tags []string, id store.Writer, grace time.Duration) error {
	return p.do(ctx, "mark", func() error { return p.Store.Mark(ctx, tags, id, grace) })
}

func (p *patient) Settle(ctx context.Context, tags []string, id store.Writer, linger time.Duration) error {
	return p.do(ctx, "settle", func() error { return p.Store.Settle(ctx, tags, id, linger) })
}

func (p *patient) Unmark(ctx context.Context, tags []string, id store.Writer) error {
	return p.do(ctx, "unmark", func() error { return p.Store.Unmark(ctx, tags, id) })
}

var allCalls = []string{"lookup", "mark", "settle", "unmark"}

// write runs the protocol for a change of one row of users, as a commit does. It reports whether it was refused.
func write(t *testing.T, w *Writer) (refused bool) {
	t.Helper()
	c, err := w.begin(t.Context(), []string{"test:t:users", "test:k:users.1"})
	if err == nil {
		c.upToDate(t.Context())
		err = c.columns(t.Context(), []*schema.Edit{{Table: "users", Layout: &catalog.Layout{Columns: []catalog.Column{{Name: "age"}}}, Rows: []string{"1"}}})
	}
	if err != nil && !errors.Is(err, ErrStoreUnavailable) {
		t.Error(err)
	}
	if err == nil {
		c.returned(nil)
		c.settle(t.Context())
	}
	return err != nil
}

// A write waits once for a store that hangs, whatever else it would ask it. What it leaves to the queue is tried
// there at once, and until it lands this process does not trust the store.
func TestAWriteWaitsOnce(t *testing.T) {
	rows, bulk := []string{"test:t:users", "test:k:users.1"}, "test:b:users"
	for name, c := range map[string]struct {
		policy  Policy
		hangs   []string
		calls   []string // of the writer
		waits   time.Duration
		refused bool
		queued  []string // calls of the queue, at once
		pending []string
	}{
		"nothing":                   {AllowStale, nil, []string{"mark", "lookup", "lookup", "settle"}, 0, false, nil, nil},
		"all":                       {AllowStale, allCalls, []string{"mark"}, time.Second, false, []string{"settle"}, append(rows, bulk)},
		"all, refused":              {FailWrite, allCalls, []string{"mark"}, time.Second, true, nil, nil},
		"only marks":                {AllowStale, []string{"mark"}, []string{"mark"}, time.Second, false, []string{"settle"}, nil},
		"only lookups":              {AllowStale, []string{"lookup"}, []string{"mark", "lookup", "mark"}, time.Second, false, []string{"settle"}, nil},
		"only lookups, not refused": {FailWrite, []string{"lookup"}, []string{"mark", "lookup", "mark"}, time.Second, false, []string{"settle"}, nil},
		"only the settling":         {AllowStale, []string{"settle"}, []string{"mark", "lookup", "lookup", "settle"}, time.Second, false, nil, rows},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &patient{Store: memory.New(), hangs: c.hangs}
				w := newTest(p, c.policy)
				if err := p.Tokens(t.Context(), []string{"test:n"}, make([]store.State, 1)); err != nil {
					t.Fatal(err)
				}
				p.take()
				if len(c.queued) > 0 { // the queue is quick: it may settle before the test looks
					p.held = make(chan struct{})
				}
				began := time.Now()
				refused := write(t, w)
				if calls, waited := p.take(), time.Since(began); refused != c.refused || waited != c.waits || !slices.Equal(calls, c.calls) {
					t.Errorf("refused: %v, after %v and %v", refused, waited, calls)
				}
				if !refused && c.waits > 0 && !w.Blocked(rows) {
					t.Error("nothing is pending when the write is over")
				}
				if p.held != nil {
					close(p.held)
				}
				synctest.Wait()
				if calls := p.take(); !slices.Equal(calls, c.queued) {
					t.Errorf("the queue calls %v at once, want %v", calls, c.queued)
				}
				for _, tag := range c.pending {
					if !w.Blocked([]string{tag}) {
						t.Errorf("%s is not pending", tag)
					}
				}
				p.hang()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				for _, tag := range append(rows, bulk) {
					if w.Blocked([]string{tag}) || marked(t, p, tag) {
						t.Errorf("%s is pending or marked when the store is well again", tag)
					}
				}
			})
		})
	}
}

// After Close nobody would deliver what a write leaves to the queue, so it asks the store itself.
func TestAWriteAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{Store: memory.New(), hangs: []string{"mark"}}
		w := newTest(p, AllowStale)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		write(t, w)
		if calls := p.take(); !slices.Equal(calls, []string{"mark", "settle"}) || w.Pending() != 0 {
			t.Errorf("%v, and %d are pending", calls, w.Pending())
		}
	})
}

// A store that fails quickly is asked all the same: one of the calls may get through, and none is waited for.
func TestQuickFailuresAreNotWaitedFor(t *testing.T) {
	for fails, want := range map[string]struct{ calls, later []string }{
		"mark":   {[]string{"mark", "lookup", "tokens", "lookup", "settle"}, []string{"unmark"}}, // it may have landed
		"lookup": {[]string{"mark", "lookup", "lookup", "mark", "settle"}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &patient{Store: memory.New(), fails: []string{fails}}
			w := newTest(p, AllowStale)
			write(t, w)
			if calls := p.take(); !slices.Equal(calls, want.calls) || w.Pending() != 0 {
				t.Errorf("%s: %v, and %d are pending", fails, calls, w.Pending())
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if calls := p.take(); !slices.Equal(calls, want.later) {
				t.Errorf("%s: %v later", fails, calls)
			}
		})
	}
}

// What depends on a tracked column that the writer has not heard of is dropped with the rest of the table where an
// enrolment may have got past the marks: if one of them failed, whatever has landed since, and if nobody says later
// which of them were lost.
func TestTheRestOfTheTableGoesWithWhatIsNotKnown(t *testing.T) {
	edits := []*schema.Edit{{Table: "users", Layout: &catalog.Layout{Columns: []catalog.Column{{Name: "age"}}}, Rows: []string{"1"}}}
	for name, run := range map[string]func(ctx context.Context, p *patient, w *Writer) (*change, error){
		"the first mark lands late": func(ctx context.Context, p *patient, w *Writer) (*change, error) {
			p.fails = []string{"mark"}
			c, _ := w.begin(ctx, []string{"test:t:users"})
			p.fails = nil
			err := errors.Join(c.extend(ctx, []string{"test:k:users.1"}), c.columns(ctx, edits))
			return c, errors.Join(err, p.Mark(ctx, []string{"test:t:users"}, c.id, time.Hour))
		},
		"it gives up after all marks": func(ctx context.Context, p *patient, w *Writer) (*change, error) {
			c, err := w.begin(ctx, []string{"test:t:users", "test:k:users.1"})
			err = errors.Join(err, c.columns(ctx, edits))
			p.hang("lookup")
			c.upToDate(ctx)
			p.hang()
			return c, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &patient{Store: memory.New()}
				w, bulk := newTest(p, AllowStale), []string{"test:b:users"}
				before, after := make([]store.State, 1), make([]store.State, 1)
				if err := p.Tokens(t.Context(), bulk, before); err != nil {
					t.Fatal(err)
				}
				c, err := run(t.Context(), p, w)
				if err != nil {
					t.Fatal(err)
				}
				c.settle(t.Context())
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if err := p.Tokens(t.Context(), bulk, after); err != nil || after[0].Token == before[0].Token {
					t.Errorf("the table's other rows keep their token (%v)", err)
				}
			})
		})
	}
}
