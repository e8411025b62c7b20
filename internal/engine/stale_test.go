package engine_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

var errDown = errors.New("the database is down")

// rest is what a load leaves beside its error.
type rest struct{ closed atomic.Int64 }

func (r *rest) Close() error { r.closed.Add(1); return nil }

var _ io.Closer = (*rest)(nil)

// Falls if: an entry is not kept for StaleIfError, a load's error reaches the caller all the same, or what a write has
// dropped is served unasked.
func TestStaleIfError(t *testing.T) {
	ns := store.Namespace("test")
	for name, c := range map[string]struct {
		touched bool
		age     time.Duration
		commits string
		mode    engine.Mode
		alone   bool
		want    bool
	}{
		"old":                        {age: 2 * time.Minute, want: true},
		"too old":                    {age: 2 * time.Hour},
		"a write":                    {age: 2 * time.Minute, commits: ns.Table("x")},
		"a write, and it is asked":   {touched: true, age: 2 * time.Minute, commits: ns.Table("x"), want: true},
		"by hand":                    {touched: true, age: 2 * time.Minute, commits: ns.Region("r")},
		"everything":                 {touched: true, age: 2 * time.Minute, commits: ns.Epoch()},
		"with grace":                 {commits: ns.Grace("r"), want: true},
		"with grace, too old":        {age: 2 * time.Hour, commits: ns.Grace("r")},
		"in a transaction":           {age: 2 * time.Minute, alone: true},
		"who asks for what is there": {age: 2 * time.Minute, mode: engine.Refresh},
	} {
		cfg := region.Config{TTL: time.Minute, StaleIfError: time.Hour, StaleTouched: c.touched}
		inBubble(t, 1, cfg, func(t *testing.T, w *world) {
			w.takes = 0
			p, left := w.processes[0], &rest{}
			if res, err := w.read(t.Context(), p); err != nil || res.Outcome != observe.Miss {
				t.Fatal(res, err)
			}
			time.Sleep(c.age)
			if c.commits != "" {
				w.commit(t, c.commits)
			}
			q := w.request(p, func(context.Context, []int) (engine.Loaded, error) { return engine.Loaded{Rest: left}, errDown })
			q.Mode, q.Alone = c.mode, c.alone
			res, err := p.Read(t.Context(), q)
			if !c.want {
				if !errors.Is(err, errDown) || left.closed.Load() != 0 {
					t.Errorf("%s: %q, %v", name, res.Payload, err)
				}
				return
			}
			if err != nil || string(res.Payload) != "v1" || res.Outcome != observe.Stale || res.Reason != observe.LoadFailed ||
				!strings.Contains(res.Detail, "StaleIfError") || strings.Contains(res.Detail, "StaleTouched") != c.touched || left.closed.Load() != 1 {
				t.Errorf("%s: %q, %v, %s: %s, %v", name, res.Payload, res.Outcome, res.Reason, res.Detail, err)
			}
			// Still cached: the next load that succeeds ends it.
			w.want(t, p, "v2", observe.Miss, 0)
			w.want(t, p, "v2", observe.Hit, 0)
		})
	}
}

// Who has given up gets its context's error; whose time has passed, as on a database that hangs, gets what is old. Those
// who share the load get the same.
func TestStaleIfErrorByTheEndOfTheCaller(t *testing.T) {
	cfg := region.Config{TTL: time.Minute, StaleIfError: time.Hour}
	inBubble(t, 1, cfg, func(t *testing.T, w *world) {
		p := w.processes[0]
		w.want(t, p, "v1", observe.Miss, w.takes)
		time.Sleep(2 * time.Minute)
		w.takes = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if res, err := w.read(ctx, p); err != nil || res.Outcome != observe.Stale {
			t.Errorf("its time has passed: %v, %v", res.Outcome, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := w.read(ctx, p); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		failed := make(chan observe.Outcome, 10)
		for range cap(failed) {
			go func() {
				res, _ := p.Read(context.Background(), w.request(p, func(context.Context, []int) (engine.Loaded, error) {
					time.Sleep(time.Second)
					return engine.Loaded{}, errDown
				}))
				failed <- res.Outcome
			}()
		}
		for range cap(failed) {
			if o := <-failed; o != observe.Stale {
				t.Error(o)
			}
		}
	})
}

// Parts that are old are served where the load of those that are missing fails, if there is one of each.
func TestStaleIfErrorOfParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openChildren(t, region.Config{TTL: time.Minute, StaleIfError: time.Hour})
		c.read(t, 1, 2)
		time.Sleep(2 * time.Minute)
		c.read(t, 2) // anew
		down := func(q *engine.Request) (engine.Result, error) {
			q.Load = func(context.Context, []int) (engine.Loaded, error) { return engine.Loaded{}, errDown }
			return c.Read(t.Context(), q)
		}
		res, err := down(c.request(1, 2))
		if err != nil || res.Outcome != observe.Stale || len(res.Hits) != 2 || string(res.Hits[0]) != "of 1" || string(res.Hits[1]) != "of 2" {
			t.Errorf("%v %q, %v", res.Outcome, res.Hits, err)
		}
		if _, err := down(c.request(1, 3)); !errors.Is(err, errDown) {
			t.Errorf("one was never there: %v", err)
		}
		if err := store.Failure(c.store.Settle(t.Context(), []string{partTag(1)}, store.NewWriter(), 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := down(c.request(1, 2)); !errors.Is(err, errDown) {
			t.Errorf("one was dropped: %v", err)
		}
	})
}

// Falls if: the caller waits for its load though it has an old value, the load ends with the caller, or what is old is
// served without a wait.
func TestSoftTimeout(t *testing.T) {
	cfg := region.Config{TTL: time.Minute, StaleIfError: time.Hour, SoftTimeout: 200 * time.Millisecond}
	inBubble(t, 1, cfg, func(t *testing.T, w *world) {
		p := w.processes[0]
		w.want(t, p, "v1", observe.Miss, w.takes) // there is nothing old
		time.Sleep(2 * time.Minute)
		for range 3 {
			w.want(t, p, "v1", observe.Stale, cfg.SoftTimeout)
		}
		time.Sleep(time.Second)
		w.want(t, p, "v2", observe.Hit, 0) // the load has gone on, and was one
		if n := w.loads.Load(); n != 2 {
			t.Errorf("%d loads", n)
		}
		time.Sleep(2 * time.Minute)
		w.takes = 100 * time.Millisecond
		w.want(t, p, "v3", observe.Miss, w.takes) // quick enough
		w.commit(t, "test:t:x")
		w.takes = time.Second
		w.want(t, p, "v4", observe.Miss, w.takes) // a write has dropped what there was
	})
	inBubble(t, 1, cfg, func(t *testing.T, w *world) { // a load that panics does so where it was asked for
		p, panics := w.processes[0], 0
		w.want(t, p, "v1", observe.Miss, w.takes)
		time.Sleep(2 * time.Minute)
		defer func() {
			if got := recover(); got != "boom" || panics != 2 {
				t.Errorf("%v after %d", got, panics)
			}
		}()
		_, _ = p.Read(t.Context(), w.request(p, func(context.Context, []int) (engine.Loaded, error) { panics++; panic("boom") }))
	})
}

// Falls if: the load's context does not end, who waits for the load waits on, the key stays taken, or rows that are
// still being read lose their context.
func TestHardTimeout(t *testing.T) {
	cfg := region.Config{TTL: time.Hour, HardTimeout: time.Second, Claim: region.Claim{TTL: 6 * time.Second, Wait: time.Hour, Poll: time.Hour}}
	inBubble(t, 2, cfg, func(t *testing.T, w *world) {
		p := w.processes[0]
		w.takes = time.Minute
		began := time.Now()
		_, err := w.read(t.Context(), p)
		if took := time.Since(began); !errors.Is(err, engine.ErrLoadTimeout) || !strings.Contains(err.Error(), `region "r"`) || took != time.Second {
			t.Errorf("%v after %v", err, took)
		}
		// One that looks at no context holds up its own caller alone.
		free := make(chan struct{})
		w.running.Go(func() {
			res, err := p.Read(context.Background(), w.request(p, func(context.Context, []int) (engine.Loaded, error) {
				<-free
				return engine.Loaded{Payload: []byte("late")}, nil
			}))
			if err != nil || string(res.Payload) != "late" {
				t.Errorf("%q, %v", res.Payload, err)
			}
		})
		synctest.Wait()
		other := make(chan string)
		go func() { // in another process
			res, _ := w.processes[1].Read(context.Background(), w.request(w.processes[1], func(context.Context, []int) (engine.Loaded, error) {
				return engine.Loaded{Payload: []byte("mine")}, nil
			}))
			other <- string(res.Payload)
		}()
		began = time.Now()
		if _, err := w.read(t.Context(), p); !errors.Is(err, engine.ErrLoadTimeout) || time.Since(began) != time.Second {
			t.Errorf("who shares the load: %v after %v", err, time.Since(began))
		}
		if got := <-other; got != "mine" || time.Since(began) != time.Second {
			t.Errorf("in another process: %q after %v", got, time.Since(began))
		}
		w.want(t, p, "mine", observe.Hit, 0)
		close(free)
	})
	inBubble(t, 1, cfg, func(t *testing.T, w *world) {
		var of context.Context
		res, err := w.processes[0].Read(t.Context(), w.request(w.processes[0], func(ctx context.Context, _ []int) (engine.Loaded, error) {
			of = ctx
			return engine.Loaded{Reason: observe.TooLarge, Rest: &rest{}}, nil
		}))
		time.Sleep(time.Minute)
		if err != nil || res.Rest == nil || of.Err() != nil {
			t.Errorf("%v, %v: rows that are still being read have %v", res.Rest, err, of.Err())
		}
	})
}

// Falls if: a soft invalidation is a miss, nobody reloads, or a mark on its tag is one that keeps readers away.
func TestSoftInvalidation(t *testing.T) {
	soft := store.Namespace("test").Soft("r")
	inBubble(t, 2, region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour}, func(t *testing.T, w *world) {
		a, b := w.processes[0], w.processes[1]
		w.want(t, a, "v1", observe.Miss, w.takes)
		w.want(t, b, "v1", observe.Hit, 0)
		w.commit(t, soft)
		w.want(t, a, "v1", observe.Stale, 0)
		w.want(t, b, "v1", observe.Stale, 0)
		time.Sleep(w.takes)
		synctest.Wait()
		time.Sleep(time.Second)
		w.want(t, a, "v2", observe.Hit, 0)
		w.want(t, b, "v2", observe.Hit, 0)
		if n := w.loads.Load(); n != 2 {
			t.Errorf("%d loads", n)
		}
		// In a transaction the tag is marked on the way. Nothing that is read meanwhile is wrong.
		writer := store.NewWriter()
		if err := w.memory.Mark(t.Context(), []string{soft}, writer, time.Minute); err != nil {
			t.Fatal(err)
		}
		w.want(t, a, "v2", observe.Stale, 0)
		synctest.Wait()
		if err := store.Failure(w.memory.Settle(t.Context(), []string{soft}, writer, 0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if res, err := w.read(t.Context(), a); err != nil || res.Outcome != observe.Stale {
			t.Errorf("what was filled under the mark: %v, %v", res.Outcome, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if res, err := w.read(t.Context(), a); err != nil || res.Outcome != observe.Hit {
			t.Errorf("at last: %v, %v", res.Outcome, err)
		}
		w.commit(t, "test:t:x", soft) // and a write
		if res, err := w.read(t.Context(), a); err != nil || res.Outcome != observe.Miss {
			t.Errorf("after a write: %v, %v", res.Outcome, err)
		}
	})
}

// A writer has died between its mark on the tag and its settling, or the store has lost the tag.
//
// Falls if: nobody repairs the tag of soft invalidation for those who are served what is old.
func TestSoftInvalidationOfATagThatIsLost(t *testing.T) {
	soft := store.Namespace("test").Soft("r")
	for name, lose := range map[string]func(*world, context.Context) error{
		"a dead writer": func(w *world, ctx context.Context) error {
			return w.memory.Mark(ctx, []string{soft}, store.NewWriter(), time.Second)
		},
		"lost": func(w *world, _ context.Context) error {
			w.processes[0].store.lost = soft
			return nil
		},
	} {
		inBubble(t, 1, region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour}, func(t *testing.T, w *world) {
			p := w.processes[0]
			w.want(t, p, "v1", observe.Miss, w.takes)
			if err := lose(w, t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			w.want(t, p, "v1", observe.Stale, 0)
			time.Sleep(time.Minute)
			synctest.Wait()
			w.want(t, p, "v2", observe.Hit, 0)
			if t.Failed() {
				t.Log(name)
			}
		})
	}
}

// The cost of the load is measured: an entry that took ten seconds to load is refreshed some seconds before its end, one
// that took none is not.
func TestEarlyRefreshGoesByTheCost(t *testing.T) {
	for takes, want := range map[time.Duration]bool{0: false, 10 * time.Second: true} {
		inBubble(t, 1, region.Config{TTL: time.Minute, EarlyRefresh: region.Early{Beta: 1}}, func(t *testing.T, w *world) {
			p := w.processes[0]
			w.takes = takes
			w.want(t, p, "v1", observe.Miss, takes)
			time.Sleep(50 * time.Second)
			for range 50 { // of 50 reads each refreshes with a chance of a third
				w.want(t, p, "v1", observe.Hit, 0)
			}
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if got := w.loads.Load() > 1; got != want {
				t.Errorf("a load of %v: refreshed %v", takes, got)
			}
		})
	}
}
