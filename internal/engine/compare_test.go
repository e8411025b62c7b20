package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// asker reads one entry, as package reader does.
type asker struct {
	*fixture
	t       *testing.T
	tags    []string
	counter observe.Counter
}

func newAsker(t *testing.T) *asker {
	f := open(t, region.Config{TTL: time.Hour})
	return &asker{fixture: f, t: t, tags: f.region(t).Tags("t")}
}

func (a *asker) ask(answer string, change ...func(*engine.Request)) {
	a.t.Helper()
	q := engine.Request{Key: "k", Tags: a.tags, Kind: entry.KindRows, Counters: []*observe.Counter{&a.counter}}
	q.Load = func(context.Context, []int) (engine.Loaded, error) {
		return engine.Loaded{Payload: []byte(answer)}, nil
	}
	for _, fn := range change {
		fn(&q)
	}
	if _, err := a.region(a.t).Read(a.t.Context(), &q); err != nil {
		a.t.Error(err)
	}
}

// write drops what depends on the tag.
func (a *asker) write() {
	a.t.Helper()
	if err := store.Failure(a.store.Settle(a.t.Context(), []string{"t"}, store.NewWriter(), 0)); err != nil {
		a.t.Fatal(err)
	}
}

func (a *asker) expect(when string, dropped, identical uint64) {
	a.t.Helper()
	s := a.recorder.Snapshot()
	for what, c := range map[string]observe.Counts{"total": s.Counts, "region": s.Regions["r"]} {
		if c.Dropped != dropped || c.Identical != identical {
			a.t.Errorf("%s, %s: %d dropped, %d identical, want %d and %d", when, what, c.Dropped, c.Identical, dropped, identical)
		}
	}
}

func TestDroppedEntriesAreComparedWithWhatTakesTheirPlace(t *testing.T) {
	a := newAsker(t)
	a.ask("one")
	a.ask("one")
	a.expect("nothing was dropped", 0, 0)
	a.write()
	a.write()
	a.ask("one")
	a.ask("one")
	a.expect("dropped for nothing", 1, 1)
	a.write()
	a.ask("two")
	a.ask("two")
	a.expect("dropped with reason", 2, 1)
	if share := a.recorder.Snapshot().OverInvalidated(); share != 0.5 {
		t.Errorf("share %v, want 0.5", share)
	}
}

func TestAnswersThatCannotBeStoredCountAsChanged(t *testing.T) {
	a := newAsker(t)
	a.ask("one")
	a.write()
	a.ask("one", func(q *engine.Request) {
		q.Load = func(context.Context, []int) (engine.Loaded, error) {
			return engine.Loaded{Payload: []byte("one"), Reason: observe.TooLarge}, nil
		}
	})
	a.expect("too large now", 1, 0)
}

func TestReadsThatMayNotFillDropNothing(t *testing.T) {
	a := newAsker(t)
	a.ask("one")
	a.write()
	a.ask("one", func(q *engine.Request) { q.NoFill, q.Alone = true, true })
	a.ask("one", func(q *engine.Request) { q.NoFill, q.Alone = true, true })
	a.expect("the entry is still there to be dropped", 0, 0)
}

func TestAnEntryThatManyFindDroppedIsDroppedOnce(t *testing.T) {
	a := newAsker(t)
	a.ask("one")
	a.write()
	const callers = 8
	looked := make(chan struct{}, callers)
	a.store.after = func() { looked <- struct{}{} }
	load := func(context.Context, []int) (engine.Loaded, error) {
		for range callers { // all have looked before one has an answer
			<-looked
		}
		return engine.Loaded{Payload: []byte("one")}, nil
	}
	var all sync.WaitGroup
	for range callers {
		all.Go(func() { a.ask("", func(q *engine.Request) { q.Load = load }) })
	}
	all.Wait()
	a.expect("eight callers, one load", 1, 1)
}

func TestNoSnapshotHasMoreIdenticalThanDropped(t *testing.T) {
	if s := (observe.Counts{}).OverInvalidated(); s != 0 {
		t.Errorf("share of nothing: %v", s)
	}
	r := observe.NewRecorder(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 {
			r.Dropped(true)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if s := r.Snapshot(); s.Identical > s.Dropped {
			t.Fatalf("%d of %d", s.Identical, s.Dropped)
		}
	}
}
