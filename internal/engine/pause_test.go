package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Falls if: a database that is down is asked in the background for each read of an old entry, is not asked again after a second,
// or a commit does not end the pause.
func TestAFailedRefreshHasAPause(t *testing.T) {
	cfg := region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour}
	for name, fail := range map[string]func() error{
		"error": func() error { return errDown },
		"panic": func() error { panic("boom") },
	} {
		for kind, read := range map[string]func(*world, *process, func() error) (observe.Outcome, error){
			"query": func(w *world, p *process, load func() error) (observe.Outcome, error) {
				res, err := p.Read(context.Background(), w.request(p, func(context.Context, []int) (engine.Loaded, error) {
					return engine.Loaded{Payload: []byte("v")}, load()
				}))
				return res.Outcome, err
			},
			"value": func(w *world, p *process, load func() error) (observe.Outcome, error) {
				before := p.recorder.Snapshot().Stale
				_, err := w.get(context.Background(), p, func(context.Context) (string, error) { return "v", load() })
				if p.recorder.Snapshot().Stale > before {
					return observe.Stale, err
				}
				return observe.Miss, err
			},
		} {
			inBubble(t, 1, cfg, func(t *testing.T, w *world) {
				p, loads, down := w.processes[0], new(atomic.Int64), new(atomic.Bool)
				load := func() error {
					loads.Add(1)
					if down.Load() {
						return fail()
					}
					return nil
				}
				reads := func(want int64) {
					t.Helper()
					for range 10 {
						if got, err := read(w, p, load); got != observe.Stale || err != nil {
							t.Fatalf("%s, %s: %v, %v", kind, name, got, err)
						}
						synctest.Wait()
					}
					if got := loads.Load(); got != want {
						t.Errorf("%s, %s: %d loads, want %d", kind, name, got, want)
					}
				}
				if _, err := read(w, p, load); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				down.Store(true)
				reads(2)
				time.Sleep(999 * time.Millisecond)
				reads(2)
				time.Sleep(time.Millisecond)
				reads(3)
				down.Store(false)
				w.commit(t, store.Namespace("test").Table("x"))
				if got, err := read(w, p, load); got != observe.Miss || err != nil || loads.Load() != 4 {
					t.Errorf("%s, %s: after a commit %v, %v, %d loads", kind, name, got, err, loads.Load())
				}
			})
		}
	}
}
