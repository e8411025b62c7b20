package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// lingering is a store whose calls take some time each, by their names.
type lingering struct {
	store.Store
	mu    sync.Mutex
	takes map[string]time.Duration
}

func (l *lingering) take(calls map[string]time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes = calls
}

func (l *lingering) wait(ctx context.Context, op string) error {
	l.mu.Lock()
	takes := l.takes[op]
	l.mu.Unlock()
	if takes == 0 {
		return nil
	}
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lingering) Lookup(ctx context.Context, q *store.Lookup) error {
	if err := l.wait(ctx, "lookup"); err != nil {
		return err
	}
	return l.Store.Lookup(ctx, q)
}

func (l *lingering) Tokens(ctx context.Context, tags []string, states []store.State) error {
	if err := l.wait(ctx, "tokens"); err != nil {
		return err
	}
	return l.Store.Tokens(ctx, tags, states)
}

func (l *lingering) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := l.wait(ctx, "set"); err != nil {
		return err
	}
	return l.Store.Set(ctx, key, value, ttl)
}

func openLingering(t *testing.T) (*children, *lingering) {
	l := &lingering{}
	c := openChildren(t, region.Config{TTL: time.Hour}, func(cfg *engine.Config) {
		cfg.ReadTimeout = 50 * time.Millisecond
		l.Store, cfg.Store = cfg.Store, l
	})
	return c, l
}

// one is a read of one entry.
func (c *children) one(ctx context.Context) (engine.Result, error) {
	return c.Read(ctx, &engine.Request{Key: "test:e:one", Kind: entry.KindRows, Tags: c.Tags("test:t:x"), Load: func(ctx context.Context, _ []int) (engine.Loaded, error) {
		return engine.Loaded{Payload: []byte("one")}, ctx.Err()
	}})
}

func (c *children) two(ctx context.Context) (engine.Result, error) {
	return c.Read(ctx, c.request(1, 2))
}

// A read waits for the store a third of what its caller has left, and ReadTimeout at most, in all its calls together:
//
//	caller  |--------------------- 60 ms ---------------------|
//	store   |-- lookup --|-tok…      the database has 40 ms
//
// Falls if: one call takes all that is left, or each has a budget of its own.
func TestAReadWaitsOnceForTheStore(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		has   time.Duration // 0: all the time there is
		takes map[string]time.Duration
		waits time.Duration
		ends  observe.Outcome
	}{
		"hangs, 3 ms":                {3 * ms, map[string]time.Duration{"lookup": time.Hour}, 1 * ms, observe.Bypass},
		"hangs, 60 ms":               {60 * ms, map[string]time.Duration{"lookup": time.Hour}, 20 * ms, observe.Bypass},
		"hangs, a minute":            {time.Minute, map[string]time.Duration{"lookup": time.Hour}, 50 * ms, observe.Bypass},
		"hangs, no deadline":         {0, map[string]time.Duration{"lookup": time.Hour}, 50 * ms, observe.Bypass},
		"two slow calls, 60 ms":      {60 * ms, map[string]time.Duration{"lookup": 15 * ms, "tokens": 15 * ms}, 20 * ms, observe.Bypass},
		"two slow calls, no hurry":   {0, map[string]time.Duration{"lookup": 30 * ms, "tokens": 30 * ms}, 50 * ms, observe.Bypass},
		"calls in time, 90 ms":       {90 * ms, map[string]time.Duration{"lookup": 9 * ms, "tokens": 9 * ms}, 30 * ms, observe.Miss},
		"a fill that hangs, 60 ms":   {60 * ms, map[string]time.Duration{"set": time.Hour}, 20 * ms, observe.Miss},
		"a fill that hangs, forever": {0, map[string]time.Duration{"set": time.Hour}, 50 * ms, observe.Miss},
	} {
		for kind, read := range map[string]func(*children, context.Context) (engine.Result, error){"one": (*children).one, "parts": (*children).two} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, l := openLingering(t)
					l.take(c.takes)
					ctx := context.Background()
					if c.has > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.has)
						defer cancel()
					}
					began := time.Now()
					res, err := read(store, ctx)
					if took := time.Since(began); err != nil || res.Outcome != c.ends || took > c.waits || res.Outcome == observe.Bypass && took < c.waits {
						t.Errorf("%v (%s), %v after %v, want %v after %v", res.Outcome, res.Detail, err, took, c.ends, c.waits)
					}
				})
			})
		}
	}
}

// Falls if: whoever has no time left has the store asked, and pays for its answer.
func TestWhoHasNoTimeDoesNotAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := openLingering(t)
		l.take(map[string]time.Duration{"lookup": 10 * time.Millisecond})
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		began := time.Now()
		if res, err := c.one(ctx); err != nil || res.Outcome != observe.Bypass || time.Since(began) > 0 {
			t.Errorf("%v, %v after %v", res.Outcome, err, time.Since(began))
		}
	})
}

// What a caller in a hurry has loaded is stored all the same, though nobody waits for that.
//
// Falls if: a fill ends with its caller's patience. Then callers in a hurry would never get a hit.
func TestAFillGoesOnWithoutItsCaller(t *testing.T) {
	for name, read := range map[string]func(*children, context.Context) (engine.Result, error){"one": (*children).one, "parts": (*children).two} {
		for leave, leaving := range map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
			"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 3*time.Millisecond)
			},
			"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			t.Run(name+"/"+leave, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, l := openLingering(t)
					l.take(map[string]time.Duration{"set": 300 * time.Millisecond})
					ctx, cancel := leaving(t.Context())
					defer cancel()
					began := time.Now()
					res, err := read(c, ctx)
					if took := time.Since(began); err != nil || res.Outcome != observe.Miss || took > 2*time.Millisecond {
						t.Errorf("%v, %v after %v", res.Outcome, err, took)
					}
					time.Sleep(2 * time.Second)
					if res, err := read(c, t.Context()); err != nil || res.Outcome != observe.Hit {
						t.Errorf("later: %v, %v", res.Outcome, err)
					}
					if fills := c.recorder.Snapshot().Fills; fills == 0 {
						t.Error("the fill was not counted")
					}
				})
			})
		}
	}
}

// breaking panics when it is to store something.
type breaking struct{ store.Store }

func (breaking) Set(context.Context, string, []byte, time.Duration) error { panic("breaking") }

func TestAFillThatPanicsIsNoCrash(t *testing.T) {
	c := openChildren(t, region.Config{TTL: time.Hour}, func(cfg *engine.Config) { cfg.Store = breaking{cfg.Store} })
	if res, err := c.one(t.Context()); err != nil || res.Outcome != observe.Miss || string(res.Payload) != "one" {
		t.Errorf("%v, %v", res, err)
	}
}

// An enrolment marks its tags on the way. It is made once for all who want it, and goes to its end:
//
//	hasty:     lookup, enrol … ✗                  bypass
//	enrolment:         mark …… look … unmark
//	other:             (joins)               hit or miss, and not bypassed until the mark runs out
//
// Falls if: it ends with the first caller's patience, or each begins one of his own.
func TestAnEnrolmentOutlastsWhoeverIsInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := openLingering(t)
		tracks, enrolled := []string{"test:q:children", "test:q:children.parent"}, []error{}
		enrol := func(ctx context.Context) error {
			select {
			case <-time.After(30 * time.Millisecond):
			case <-ctx.Done():
			}
			enrolled = append(enrolled, ctx.Err())
			return store.Failure(c.store.Settle(ctx, tracks, store.NewWriter(), 0))
		}
		c.change = func(q *engine.Request) {
			q.Tags, q.Tracks, q.Tracking = append(q.Tags, tracks...), tracks, &tracking{enrol: enrol}
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
				defer cancel()
				if res, err := c.Read(ctx, c.request(1)); err != nil || res.Outcome != observe.Bypass {
					t.Errorf("in a hurry: %v, %v", res.Outcome, err)
				}
			})
		}
		wg.Wait()
		c.want(t, "|of 1|miss", 1) // joins, and has the time
		c.want(t, "of 1||hit", 1)
		if !slices.Equal(enrolled, []error{nil}) {
			t.Errorf("enrolled: %v", enrolled)
		}
	})
}

// The first readers by two columns of one table, which share the tag that says that it has any:
//
//	by parent:  mark T?, T?parent …………… unmark
//	by owner:        mark T?, T?owner …………… unmark     and not: waits for the first, and finds its own tag missing
//
// Falls if: enrolments are shared by table.
func TestEachColumnHasAnEnrolmentOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := openLingering(t)
		read := func(column string) (engine.Result, error) {
			tracks := []string{"test:q:children", "test:q:children." + column}
			return c.Read(t.Context(), &engine.Request{
				Key: "test:e:" + column, Kind: entry.KindRows, Tags: append(c.Tags("test:t:x"), tracks...), Tracks: tracks,
				Tracking: &tracking{enrol: func(context.Context) error {
					time.Sleep(10 * time.Millisecond)
					return store.Failure(c.store.Settle(t.Context(), tracks, store.NewWriter(), 0))
				}},
				Load: func(context.Context, []int) (engine.Loaded, error) {
					return engine.Loaded{Payload: []byte(column)}, nil
				},
			})
		}
		var wg sync.WaitGroup
		for _, column := range []string{"parent", "owner"} {
			wg.Go(func() {
				if res, err := read(column); err != nil || res.Outcome != observe.Miss {
					t.Errorf("by %s: %v (%s %s), %v", column, res.Outcome, res.Reason, res.Detail, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestEnrolmentsThatFail(t *testing.T) {
	down := errors.New("down")
	for name, enrol := range map[string]func(context.Context) error{
		"error": func(context.Context) error { return down },
		"panic": func(context.Context) error { panic("enrolment") },
		"hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := openLingering(t)
				tracks, k := []string{"test:q:children", "test:q:children.parent"}, &tracking{enrol: enrol}
				c.change = func(q *engine.Request) {
					q.Tags, q.Tracks, q.Tracking = append(q.Tags, tracks...), tracks, k
				}
				c.want(t, "||bypass", 1)
				c.want(t, "||bypass", 1)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				k.enrol = func(ctx context.Context) error {
					return store.Failure(c.store.Settle(ctx, tracks, store.NewWriter(), 0))
				}
				c.want(t, "|of 1|miss", 1)
			})
		})
	}
}

// What was found is compared with the present once more when the rest has been loaded, which has taken the time that
// the caller had to spare:
//
//	lookup     load … 54 of 60 ms     lookup ✗ 2 ms       4 ms are left to load all
//
// Falls if: the last look may take what the first ones have left of the read's budget, which was made for all its time.
func TestTheLastLookLeavesTimeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := openLingering(t)
		c.want(t, "|of 1|miss", 1)
		c.during = func() {
			time.Sleep(54 * time.Millisecond)
			l.take(map[string]time.Duration{"lookup": time.Hour})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := c.Read(ctx, c.request(1, 2))
		if took := time.Since(began); !errors.Is(err, engine.ErrParts) || took != 56*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}
