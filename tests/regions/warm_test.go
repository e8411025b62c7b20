package regions_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// user is a job that reads one user, and counts how often it runs.
func user(id int, runs *atomic.Int64) gormcache.WarmJob {
	return gormcache.WarmQuery(fmt.Sprint("user ", id), func(db *gorm.DB) *gorm.DB {
		if runs != nil {
			runs.Add(1)
		}
		return db.Clauses(fromcache.Region("default")).First(&User{}, id)
	})
}

func users(runs *atomic.Int64) (items []gormcache.WarmItem) {
	for id := range people {
		items = append(items, user(id+1, runs))
	}
	return items
}

func TestWarm(t *testing.T) {
	w := newWorld(t, gormcache.Config{Models: map[string]fromcache.Policy{"Secret": {Region: "default"}}})
	db, p := w.Process(t)
	r, err := p.Region("default")
	must(t, err)
	made := new(atomic.Int64)
	value := func(ctx context.Context) (int64, error) {
		return region.GetOrCreate(ctx, r, "k", func(context.Context) (int64, error) { return made.Add(1), nil })
	}
	items := append(users(nil), gormcache.WarmCall("value", value),
		gormcache.WarmQuery("by its rule", func(db *gorm.DB) *gorm.DB { return db.Find(&[]Secret{}) }))

	done, err := p.Warm(t.Context(), items...)
	if err != nil || done.Loaded != people+2 || done.Hits != 0 || done.Done != done.Total || done.Total != people+2 || done.Checkpoint != people+2 {
		t.Fatalf("%+v, %v", done, err)
	}
	for id := range uint(people) {
		if got, seen := name(t, db, "default", id+1); seen.Outcome != observe.Hit || got != fmt.Sprint("user ", id+1) {
			t.Errorf("user %d: %q, %v", id+1, got, seen.Outcome)
		}
	}
	if v, err := value(t.Context()); v != 1 || err != nil {
		t.Errorf("%d, %v", v, err)
	}

	// What is cached costs a hit; what a write has dropped is loaded again.
	must(t, db.Model(&User{ID: 3}).Update("name", "ada").Error)
	done, err = p.Warm(t.Context(), items...)
	if err != nil || done.Loaded != 1 || done.Hits != people+1 || made.Load() != 1 {
		t.Errorf("again: %+v, %v", done, err)
	}
	if got, seen := name(t, db, "default", 3); got != "ada" || seen.Outcome != observe.Hit {
		t.Errorf("%q, %v", got, seen.Outcome)
	}
}

// A job that goes wrong is named, and does not stop the others.
func TestJobsThatGoWrong(t *testing.T) {
	w := newWorld(t, gormcache.Config{Models: map[string]fromcache.Policy{"Secret": {Off: true}}})
	db, p := w.Process(t)
	_ = p
	var items []gormcache.WarmItem
	wrong := []struct {
		want string
		err  error
		job  gormcache.WarmJob
	}{
		{`"syntax": `, nil, gormcache.WarmQuery("syntax", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(fromcache.Region("default")).Where("nonsense(").Find(&[]User{})
		})},
		{`"nobody": record not found`, gorm.ErrRecordNotFound, gormcache.WarmQuery("nobody", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(fromcache.Region("default")).First(&User{}, 1000)
		})},
		{`"region": unknown region "nowhere"`, gormcache.ErrUnknownRegion, gormcache.WarmQuery("region", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(fromcache.Region("nowhere")).Find(&[]User{})
		})},
		{`"off": not cached: nothing was read through the cache`, gormcache.ErrNotCached, gormcache.WarmQuery("off", func(db *gorm.DB) *gorm.DB { return db.Find(&[]Secret{}) })},
		{`"not run": not cached`, gormcache.ErrNotCached, gormcache.WarmQuery("not run", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(fromcache.Region("default")).Model(&User{})
		})},
		{`"time": not cached: bypassed (`, gormcache.ErrNotCached, gormcache.WarmQuery("time", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(fromcache.Region("default")).Where("name > random()").Find(&[]User{})
		})},
		{`"panic": it panicked: oh`, nil, gormcache.WarmQuery("panic", func(*gorm.DB) *gorm.DB { panic("oh") })},
		{`"bug": it panicked: runtime error`, nil, gormcache.WarmCall("bug", func(context.Context) (int, error) { return []int{}[people], nil })},
		{`"nil": the query returned nil`, nil, gormcache.WarmQuery("nil", func(*gorm.DB) *gorm.DB { return nil })},
		{`"value": no luck`, nil, gormcache.WarmCall("value", func(context.Context) (int, error) { return 0, errors.New("no luck") })},
		{`"elsewhere": not cached`, gormcache.ErrNotCached, gormcache.WarmQuery("elsewhere", func(*gorm.DB) *gorm.DB {
			return db.Find(&[]User{})
		})},
	}
	for _, c := range wrong {
		items = append(items, c.job)
	}
	done, err := p.Warm(t.Context(), append(items, users(nil)...)...)
	if done.Failed != len(wrong) || done.Loaded != people || done.Done != done.Total || done.Checkpoint != done.Total {
		t.Errorf("%+v", done)
	}
	for i, c := range wrong {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("job %d, %s", i, c.want)) || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%v\nwant %q", err, c.want)
		}
	}
	var many []gormcache.WarmItem
	for i := range 150 {
		many = append(many, gormcache.WarmCall(fmt.Sprint(i), func(context.Context) (int, error) { return 0, errors.New("no luck") }))
	}
	if done, err = p.Warm(t.Context(), many...); done.Failed != 150 || strings.Count(err.Error(), "no luck") != 100 || !strings.Contains(err.Error(), "and 50 jobs more") {
		t.Errorf("%+v, %v", done, err)
	}
}

// So many jobs run at once, and no more; and the progress is told for each, one after the other.
func TestWarmIsBounded(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	r, err := p.Region("default")
	must(t, err)
	for _, parallel := range []int{1, 3} {
		var running, most, telling atomic.Int64
		all := make(chan struct{})
		var items []gormcache.WarmItem
		for i := range 12 {
			items = append(items, gormcache.WarmCall("", func(ctx context.Context) (int, error) {
				return region.GetOrCreate(ctx, r, fmt.Sprint(parallel, i), func(context.Context) (int, error) {
					n := running.Add(1)
					defer running.Add(-1)
					for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
					}
					if n == int64(parallel) {
						select {
						case <-all:
						default:
							close(all)
						}
					}
					<-all // none ends before as many run as may
					return i, nil
				})
			}))
		}
		var seen []gormcache.WarmProgress
		done, err := p.Warm(t.Context(), append(items, gormcache.WarmParallel(parallel), gormcache.WarmProgressTo(func(now gormcache.WarmProgress) {
			if telling.Add(1) != 1 {
				t.Error("told twice at once")
			}
			defer telling.Add(-1)
			seen = append(seen, now)
		}))...)
		if err != nil || done.Loaded != 12 || most.Load() != int64(parallel) {
			t.Errorf("%+v, %v: %d at once, want %d", done, err, most.Load(), parallel)
		}
		if len(seen) != 12 || !slices.IsSortedFunc(seen, func(a, b gormcache.WarmProgress) int { return a.Done - b.Done }) {
			t.Errorf("%+v", seen)
		}
		for i, now := range seen {
			if now.Done != i+1 || now.Total != 12 || now.Loaded != i+1 || now.Checkpoint > now.Done || now.Took <= 0 || (now.Left > 0) != (i < 11) {
				t.Errorf("%d: %+v", i, now)
			}
		}
	}
}

// Falls if: a checkpoint lies behind a job that has not ended, or what is before it runs again.
func TestWarmGoesOnWhereItStopped(t *testing.T) {
	for _, parallel := range []int{1, 3} {
		w := newWorld(t, gormcache.Config{})
		_, p := w.Process(t)
		runs := new(atomic.Int64)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first, err := p.Warm(ctx, append(users(runs), gormcache.WarmParallel(parallel), gormcache.WarmProgressTo(func(now gormcache.WarmProgress) {
			if now.Done == 7 {
				cancel()
			}
		}))...)
		if !errors.Is(err, context.Canceled) || first.Done < 7 || first.Done == people || first.Checkpoint > first.Done || first.Failed != 0 ||
			!strings.Contains(err.Error(), fmt.Sprintf("go on with WarmFrom(%d)", first.Checkpoint)) || parallel == 1 && first.Checkpoint != 7 {
			t.Fatalf("%d: %+v, %v", parallel, first, err)
		}
		began := int(runs.Swap(0))
		then, err := p.Warm(t.Context(), append(users(runs), gormcache.WarmFrom(first.Checkpoint))...)
		// A job that was cut off has perhaps filled its entry all the same.
		if err != nil || then.Done != people || then.Checkpoint != people || then.Hits+then.Loaded != people-first.Checkpoint ||
			then.Hits < first.Done-first.Checkpoint || then.Hits > began-first.Checkpoint {
			t.Errorf("%d: first %+v, then %+v, %v", parallel, first, then, err)
		}
		if n := int(runs.Load()); n < people-first.Checkpoint || parallel == 1 && n > people-7+1 { // one more to read the catalog
			t.Errorf("%d: %d runs", parallel, n)
		}
	}
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	if none, err := p.Warm(t.Context(), append(users(nil), gormcache.WarmFrom(people))...); err != nil || none.Done != people {
		t.Errorf("%+v, %v", none, err)
	}
}

// While the store is away no job begins, and Warm says so; when it is back, all are done.
func TestWarmWaitsForTheStore(t *testing.T) {
	s := &switchable{Store: lab.Store(t, "memory")}
	var lines lab.Lines
	w := newWorld(t, gormcache.Config{Store: s, Logger: lines.Logger(slog.LevelInfo), BreakerCooldown: 5 * time.Millisecond})
	_, p := w.Process(t)
	must(t, errOf(p.Warm(t.Context(), user(1, nil)))) // the catalog is known
	runs := new(atomic.Int64)
	var once sync.Once
	var atPause int64
	var paused, on atomic.Bool
	done, err := p.Warm(t.Context(), append(users(runs), gormcache.WarmParallel(2), gormcache.WarmProgressTo(func(now gormcache.WarmProgress) {
		if now.Done == 5 {
			once.Do(func() { s.off.Store(true) })
		}
		if now.Paused && !paused.Swap(true) {
			atPause = runs.Load()
			time.AfterFunc(100*time.Millisecond, func() { s.off.Store(false); on.Store(true) })
		}
	}))...)
	if err != nil || done.Done != people || done.Failed != 0 || done.Loaded+done.Hits != people || !paused.Load() || !on.Load() {
		t.Errorf("%+v, %v, paused %t", done, err, paused.Load())
	}
	// Each of two jobs may be tried until the breaker opens, and once after it.
	if extra := runs.Load() - people; extra > 12 || atPause == 0 {
		t.Errorf("%d runs in vain", extra)
	}
	if len(lines.With("Warm pauses", "done=", "of=20")) != 1 || len(lines.With("Warm goes on")) != 1 {
		t.Error(lines.String())
	}
	if s := p.Stats(); s.Regions["default"].Fills != people {
		t.Errorf("%d entries, want %d", s.Regions["default"].Fills, people)
	}
}

// forgetful does not take the first entry that it is given once it is told so.
type forgetful struct {
	store.Store
	once atomic.Bool
}

func (f *forgetful) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if f.once.Swap(false) {
		return errOff
	}
	return f.Store.Set(ctx, key, value, ttl)
}

// Falls if: a job counts as done whose answer the store did not take.
func TestWarmTriesAgainWhatWasNotTaken(t *testing.T) {
	s := &forgetful{Store: lab.Store(t, "memory")}
	w := newWorld(t, gormcache.Config{Store: s, BreakerCooldown: 5 * time.Millisecond})
	_, p := w.Process(t)
	must(t, errOf(p.Warm(t.Context(), user(1, nil)))) // the catalog is known
	s.once.Store(true)
	runs := new(atomic.Int64)
	done, err := p.Warm(t.Context(), user(2, runs))
	if err != nil || done.Done != 1 || runs.Load() != 2 || p.Stats().Fills != 2 {
		t.Errorf("%+v, %v, %d runs, %d entries", done, err, runs.Load(), p.Stats().Fills)
	}
}

func errOf(_ gormcache.WarmProgress, err error) error { return err }

func TestWarmLosesItsPatience(t *testing.T) {
	s := &switchable{Store: lab.Store(t, "memory")}
	w := newWorld(t, gormcache.Config{Store: s, BreakerCooldown: 5 * time.Millisecond})
	_, p := w.Process(t)
	s.off.Store(true)
	runs := new(atomic.Int64)
	done, err := p.Warm(t.Context(), append(users(runs), gormcache.WarmPatience(60*time.Millisecond))...)
	if !errors.Is(err, gormcache.ErrStoreAway) || done.Done != 0 || done.Checkpoint != 0 || !strings.Contains(err.Error(), "WarmFrom(0)") || !strings.Contains(err.Error(), "20 of 20") {
		t.Errorf("%+v, %v", done, err)
	}
	if runs.Load() > people {
		t.Errorf("%d runs, though there is nothing to be gained", runs.Load())
	}
	s.off.Store(false)
	lab.Eventually(t, "the breaker closes", func() bool { return !p.Stats().BreakerOpen })
	if done, err := p.Warm(t.Context(), users(nil)...); err != nil || done.Loaded != people { // the remedy
		t.Errorf("%+v, %v", done, err)
	}
}

// A store of a region's own that is away is waited for too; and jobs of other regions that go well meanwhile don't make
// that endless.
func TestWarmLosesItsPatienceWithAnOwnStore(t *testing.T) {
	own := &switchable{Store: lab.Store(t, "memory")}
	cfg := apart(own)
	cfg.BreakerCooldown, cfg.BreakerFailures = 5*time.Millisecond, 1000 // it never opens
	w := newWorld(t, cfg)
	_, p := w.Process(t)
	own.off.Store(true)
	items := append(users(nil), gormcache.WarmQuery("own", func(db *gorm.DB) *gorm.DB {
		return db.Clauses(fromcache.Region("own")).First(&User{}, 1)
	}))
	done, err := p.Warm(t.Context(), append(items, gormcache.WarmPatience(300*time.Millisecond))...)
	if !errors.Is(err, gormcache.ErrStoreAway) || done.Done != people || done.Checkpoint != people || !strings.Contains(err.Error(), "own store") {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestWarmOfAClosedPlugin(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	must(t, p.Close())
	if done, err := p.Warm(t.Context(), users(nil)...); !errors.Is(err, gormcache.ErrClosed) || done.Done != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestWarmRefuses(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	for want, items := range map[string][]gormcache.WarmItem{
		"WarmParallel is 0":          {gormcache.WarmParallel(0)},
		"WarmPatience is -1ns":       {gormcache.WarmPatience(-1)},
		"WarmFrom is 2":              {user(1, nil), gormcache.WarmFrom(2)},
		"WarmFrom is -1":             {gormcache.WarmFrom(-1)},
		`job 1, "x", has no`:         {user(1, nil), gormcache.WarmQuery("x", nil)},
		`job 0, "", has no function`: {gormcache.WarmJob{}},
	} {
		if done, err := p.Warm(t.Context(), items...); err == nil || !strings.Contains(err.Error(), want) || done != (gormcache.WarmProgress{}) {
			t.Errorf("%+v, %v, want %q", done, err, want)
		}
	}
	if done, err := p.Warm(t.Context(), nil, gormcache.WarmParallel(1)); err != nil || done.Total != 0 {
		t.Errorf("nothing to do: %+v, %v", done, err)
	}
	cfg := w.Config
	unused, err := gormcache.New(cfg)
	must(t, err)
	defer unused.Close()
	if _, err := unused.Warm(t.Context(), user(1, nil)); !errors.Is(err, gormcache.ErrNotRegistered) || !strings.Contains(err.Error(), "db.Use") {
		t.Error(err)
	}
}

// Values of a region without GORM are warmed as those of the plugin's.
func TestWarmOfARegionWithoutGORM(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	r, err := region.New(nil, "regions", region.Config{TTL: time.Hour})
	must(t, err)
	defer r.Close()
	job := gormcache.WarmCall("value", func(ctx context.Context) (int, error) {
		return region.GetOrCreate(ctx, r, "k", func(context.Context) (int, error) { return 1, nil })
	})
	for i, want := range []gormcache.WarmProgress{{Loaded: 1}, {Hits: 1}} {
		if done, err := p.Warm(t.Context(), job); err != nil || done.Loaded != want.Loaded || done.Hits != want.Hits {
			t.Errorf("%d: %+v, %v", i, done, err)
		}
	}
}

// Falls if: the checkpoint counts jobs that have ended, and not those from the first.
func TestACheckpointHasNoGap(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	_, p := w.Process(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	items := append([]gormcache.WarmItem{gormcache.WarmCall("never ends", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })}, users(nil)...)
	done, err := p.Warm(ctx, append(items, gormcache.WarmParallel(2), gormcache.WarmProgressTo(func(now gormcache.WarmProgress) {
		if now.Done == 7 {
			cancel()
		}
	}))...)
	if !errors.Is(err, context.Canceled) || done.Done != 7 || done.Checkpoint != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}
