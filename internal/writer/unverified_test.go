package writer

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// epochs is a settler that knows an epoch, or fails to tell it.
type epochs struct {
	*settler
	lookup func() (store.State, error)
}

func (e epochs) Lookup(_ context.Context, l *store.Lookup) error {
	state, err := e.lookup()
	l.States = append(l.States[:0], state)
	return err
}

// What a writer could not know is dropped as soon as the store tells of another epoch, and only then.
func TestBlindWrites(t *testing.T) {
	old, other := store.NewToken(), store.NewToken()
	for name, c := range map[string]struct {
		went, is store.State
		drops    bool
	}{
		"the same epoch":                 {store.State{Token: old}, store.State{Token: old, Known: true}, false},
		"another":                        {store.State{Token: old}, store.State{Token: other, Known: true}, true},
		"one that the store has lost":    {store.State{Token: old}, store.State{}, true},
		"a writer that has seen none":    {store.State{}, store.State{Token: old, Known: true}, true},
		"none, and the store knows none": {store.State{}, store.State{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var settled []string
				w, s := newQueued(func(_ int, tags []string, _ store.Writer, _ time.Duration) error {
					settled = append(settled, tags...)
					return nil
				})
				asked := 0
				w.cfg.Store = epochs{s, func() (store.State, error) {
					if asked++; asked < 4 {
						return store.State{}, errDead
					}
					if asked == 4 && !w.Blocked([]string{"any"}) {
						t.Error("this process trusts the cache before it has seen the epoch")
					}
					return c.is, nil
				}}
				w.queue.verifyLater(c.went.Token, 0)
				if w.Pending() != 1 || !w.Blocked([]string{"any"}) {
					t.Errorf("%d are pending", w.Pending())
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				want := 4
				if c.drops { // and what that has made is what the next writer goes by
					want = 5
				}
				if w.Pending() != 0 || w.Blocked([]string{"any"}) || asked != want {
					t.Errorf("%d are pending after %d questions", w.Pending(), asked)
				}
				if got := w.schema.LastEpoch(); got != c.is.Token {
					t.Errorf("the next writer goes by %v", got)
				}
				if slices.Contains(settled, w.cfg.Namespace.Epoch()) != c.drops || len(settled) > 1 {
					t.Errorf("%q were dropped", settled)
				}
				if err := w.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An epoch that is noted while the store is asked is asked for again: its commit may be newer than the answer.
func TestBlindWritesWhileTheEpochIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newQueued(func(int, []string, store.Writer, time.Duration) error { return nil })
		token, asked := store.NewToken(), 0
		w.cfg.Store = epochs{s, func() (store.State, error) {
			if asked++; asked == 1 {
				w.queue.verifyLater(token, 0)
			}
			return store.State{Token: token, Known: true}, nil
		}}
		w.queue.verifyLater(token, 0)
		time.Sleep(time.Hour)
		synctest.Wait()
		if asked != 2 || w.Pending() != 0 {
			t.Errorf("asked %d times, %d are pending", asked, w.Pending())
		}
	})
}

// Close asks too, and says if it asked in vain.
func TestCloseAfterBlindWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newQueued(func(int, []string, store.Writer, time.Duration) error { return nil })
		w.cfg.Store = epochs{s, func() (store.State, error) { return store.State{}, errDead }}
		w.queue.verifyLater(store.NewToken(), 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); err == nil {
			t.Error("no error, though nothing was asked")
		}
	})
}
