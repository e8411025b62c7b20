package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// create takes its time, and says which of all it was.
func (w *world) create(ctx context.Context) (string, error) {
	l, err := w.load(ctx, nil)
	return string(l.Payload), err
}

// values is the process's handle for values.
func (p *process) values() *region.Region { return region.Of(p.Region) }

func (w *world) get(ctx context.Context, p *process, create func(context.Context) (string, error)) (string, error) {
	return region.GetOrCreate(ctx, p.values(), "k", create, region.WithTables("x"))
}

// wantValue gets the value or creates it, and compares the answer, what it counts as and how long it took.
func (w *world) wantValue(t *testing.T, p *process, want string, outcome observe.Outcome, took time.Duration) {
	t.Helper()
	before := p.recorder.Snapshot()
	began := time.Now()
	v, err := w.get(t.Context(), p, w.create)
	after := p.recorder.Snapshot()
	n := map[observe.Outcome]uint64{observe.Hit: after.Hits - before.Hits, observe.Miss: after.Misses - before.Misses, observe.Stale: after.Stale - before.Stale}
	if got := time.Since(began); err != nil || v != want || n[outcome] != 1 || got != took {
		t.Errorf("%q, %v, %v after %v; want %q, %v after %v", v, n, err, got, want, outcome, took)
	}
}

// Falls if: values do not claim, who waits is not woken, or an entry that another has filled is not taken.
func TestOneProcessCreatesForAll(t *testing.T) {
	inBubble(t, 4, hourly, func(t *testing.T, w *world) {
		w.takes = time.Minute
		began, got := time.Now(), make(chan string, 1000)
		for i := range 1000 {
			go func() {
				v, err := w.get(context.Background(), w.processes[i%4], w.create)
				got <- fmt.Sprint(v, err)
			}()
		}
		for range 1000 {
			if v := <-got; v != "v1<nil>" {
				t.Fatal(v)
			}
		}
		if took := time.Since(began); w.loads.Load() != 1 || took != w.takes {
			t.Errorf("%d loads, after %v", w.loads.Load(), took)
		}
		synctest.Wait()
		for i, p := range w.processes {
			if n := p.store.held(t); n != 0 {
				t.Errorf("process %d: %d claims are left", i, n)
			}
		}
	})
}

// Who waits for another process's load looks at what was done to the key meanwhile.
//
// Falls if: the name of a claim leaves out the entry that was seen, or who waits looks at the tags only.
func TestWhoWaitsSeesWhatIsSetAndDeleted(t *testing.T) {
	inBubble(t, 3, hourly, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.running.Go(func() { _, _ = w.get(ctx, w.processes[0], w.create) })
		synctest.Wait()
		if err := w.processes[2].values().Delete(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		w.wantValue(t, w.processes[1], "v2", observe.Miss, w.takes) // begun after the Delete
		if err := w.processes[2].values().Delete(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		w.takes = time.Minute
		w.running.Go(func() { _, _ = w.get(ctx, w.processes[0], w.create) })
		synctest.Wait()
		got := make(chan string)
		go func() {
			v, _ := w.get(ctx, w.processes[1], w.create)
			got <- v
		}()
		synctest.Wait()
		if err := region.Set(ctx, w.processes[2].values(), "k", "set"); err != nil {
			t.Fatal(err)
		}
		if v := <-got; v != "set" && v != "v4" { // the value that was set depends on less
			t.Error(v)
		}
	})
}

// Two processes each make a value that the other one's function asks for.
//
// Falls if: a function that makes a value waits for another process's.
func TestFunctionsOfTwoProcessesDoNotWaitForEachOther(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		began := time.Now()
		var all sync.WaitGroup
		for i, keys := range [][2]string{{"a", "b"}, {"b", "a"}} {
			all.Go(func() {
				r := w.processes[i].values()
				_, err := region.GetOrCreate(context.Background(), r, keys[0], func(ctx context.Context) (string, error) {
					time.Sleep(time.Second)
					return region.GetOrCreate(ctx, r, keys[1], func(context.Context) (string, error) { return "inner", nil })
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// Of many keys the missing ones are claimed together.
func TestOneProcessCreatesManyForAll(t *testing.T) {
	inBubble(t, 4, hourly, func(t *testing.T, w *world) {
		keys := []string{"a", "b", "c"}
		var all sync.WaitGroup
		for _, p := range w.processes {
			all.Go(func() {
				m, err := region.GetOrCreateMulti(context.Background(), p.values(), keys, func(ctx context.Context, missing []string) (map[string]string, error) {
					_, err := w.create(ctx)
					made := map[string]string{}
					for _, k := range missing {
						made[k] = "of " + k
					}
					return made, err
				})
				if err != nil || len(m) != 3 || m["b"] != "of b" {
					t.Error(m, err)
				}
			})
		}
		all.Wait()
		if n := w.loads.Load(); n != 1 {
			t.Errorf("%d loads", n)
		}
	})
}

// Falls if: one of the ways in which an old value is served is for queries only.
func TestOldValues(t *testing.T) {
	ns := store.Namespace("test")
	down := func(context.Context) (string, error) { return "", errDown }
	soft := 200 * time.Millisecond
	t.Run("stale if error", func(t *testing.T) {
		inBubble(t, 1, region.Config{TTL: time.Minute, StaleIfError: time.Hour}, func(t *testing.T, w *world) {
			p := w.processes[0]
			w.wantValue(t, p, "v1", observe.Miss, w.takes)
			time.Sleep(2 * time.Minute)
			if v, err := w.get(t.Context(), p, down); err != nil || v != "v1" || p.recorder.Snapshot().Stale != 1 {
				t.Errorf("%q, %v", v, err)
			}
			w.commit(t, ns.Grace("r"))
			if v, err := w.get(t.Context(), p, down); err != nil || v != "v1" {
				t.Errorf("with grace: %q, %v", v, err)
			}
			w.wantValue(t, p, "v2", observe.Miss, w.takes)
			w.commit(t, ns.Table("x"))
			if _, err := w.get(t.Context(), p, down); !errors.Is(err, errDown) {
				t.Errorf("after a write: %v", err)
			}
		})
	})
	t.Run("touched", func(t *testing.T) {
		inBubble(t, 1, region.Config{TTL: time.Minute, StaleIfError: time.Hour, StaleTouched: true}, func(t *testing.T, w *world) {
			p := w.processes[0]
			w.wantValue(t, p, "v1", observe.Miss, w.takes)
			w.commit(t, ns.Table("x"))
			if v, err := w.get(t.Context(), p, down); err != nil || v != "v1" {
				t.Errorf("%q, %v", v, err)
			}
			if err := p.values().Delete(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.get(t.Context(), p, down); !errors.Is(err, errDown) {
				t.Errorf("deleted: %v", err)
			}
		})
	})
	t.Run("soft timeout", func(t *testing.T) {
		inBubble(t, 1, region.Config{TTL: time.Minute, StaleIfError: time.Hour, SoftTimeout: soft}, func(t *testing.T, w *world) {
			p := w.processes[0]
			w.wantValue(t, p, "v1", observe.Miss, w.takes)
			time.Sleep(2 * time.Minute)
			for range 3 {
				w.wantValue(t, p, "v1", observe.Stale, soft)
			}
			time.Sleep(time.Second)
			w.wantValue(t, p, "v2", observe.Hit, 0)
			if n := w.loads.Load(); n != 2 {
				t.Errorf("%d loads", n)
			}
			time.Sleep(2 * time.Minute)
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("a panic: %v", got)
				}
			}()
			_, _ = w.get(t.Context(), p, func(context.Context) (string, error) { panic("boom") })
		})
	})
	t.Run("hard timeout", func(t *testing.T) {
		inBubble(t, 1, region.Config{TTL: time.Minute, HardTimeout: soft}, func(t *testing.T, w *world) {
			p, free := w.processes[0], make(chan struct{})
			if _, err := w.get(t.Context(), p, w.create); !errors.Is(err, region.ErrLoadTimeout) {
				t.Error(err)
			}
			w.running.Go(func() {
				_, _ = w.get(context.Background(), p, func(context.Context) (string, error) { <-free; return "late", nil })
			})
			synctest.Wait()
			began := time.Now()
			if _, err := w.get(t.Context(), p, w.create); !errors.Is(err, engine.ErrLoadTimeout) || time.Since(began) != soft {
				t.Errorf("who shares the load: %v after %v", err, time.Since(began))
			}
			w.takes = 0
			w.wantValue(t, p, "v2", observe.Miss, 0)
			close(free)
		})
	})
	t.Run("soft and early", func(t *testing.T) {
		cfg := region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour, EarlyRefresh: region.Early{Share: 0.5}}
		inBubble(t, 2, cfg, func(t *testing.T, w *world) {
			for i, begin := range []func(){
				func() { w.commit(t, ns.Soft("r")) },
				func() { time.Sleep(40 * time.Minute) },
			} {
				outcome := []observe.Outcome{observe.Stale, observe.Hit}[i]
				w.processes[0].recorder.Snapshot()
				old, err := w.get(t.Context(), w.processes[0], w.create)
				if err != nil {
					t.Fatal(err)
				}
				loads := w.loads.Load()
				begin()
				for range 5 {
					for _, p := range w.processes {
						w.wantValue(t, p, old, outcome, 0)
					}
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if n := w.loads.Load(); n != loads+1 {
					t.Errorf("%d loads", n-loads)
				}
				w.wantValue(t, w.processes[1], fmt.Sprint("v", loads+1), observe.Hit, 0)
			}
		})
	})
}
