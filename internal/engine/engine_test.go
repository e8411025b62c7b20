package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is an engine over a store in memory, with a knife for the store.
type fixture struct {
	*engine.Engine
	store    *failing
	recorder *observe.Recorder
}

// failing is a store whose methods can be made to fail, or to be watched.
type failing struct {
	store.Store
	lookup error
	before func() // runs before a lookup
	after  func() // runs when a lookup has its answer
	set    error
	sets   atomic.Int64
}

func (f *failing) Lookup(ctx context.Context, l *store.Lookup) error {
	if f.lookup != nil {
		return f.lookup
	}
	if f.before != nil {
		f.before()
	}
	err := f.Store.Lookup(ctx, l)
	if f.after != nil {
		f.after()
	}
	return err
}

func (f *failing) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	f.sets.Add(1)
	if f.set != nil {
		return f.set
	}
	return f.Store.Set(ctx, key, value, ttl)
}

func open(t *testing.T, cfg region.Config, change ...func(*engine.Config)) *fixture {
	t.Helper()
	f := &fixture{store: &failing{Store: memory.New()}, recorder: observe.NewRecorder(nil)}
	ec := engine.Config{
		Store: f.store, Namespace: "test", Regions: map[string]engine.Policy{"r": engine.Policy(cfg.WithDefaults())},
		ReadTimeout: time.Second, WriteTimeout: time.Second,
		Recorder: f.recorder, Logger: slog.New(slog.DiscardHandler),
	}
	for _, fn := range change {
		fn(&ec)
	}
	f.Engine = engine.New(ec)
	t.Cleanup(func() {
		f.Close()
		if err := f.store.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) region(t *testing.T) *engine.Region {
	t.Helper()
	r, err := f.Region("r")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// values is the handle by which values are read.
func (f *fixture) values(t *testing.T) *region.Region {
	t.Helper()
	return region.Of(f.region(t))
}

type user struct {
	Name string
	Tags []string
}

func counting(n *atomic.Int64, u user) func(context.Context) (user, error) {
	return func(context.Context) (user, error) {
		n.Add(1)
		return u, nil
	}
}

func TestGetOrCreateMakesAValueOnce(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	for range 3 {
		u, err := region.GetOrCreate(t.Context(), r, "user:1", counting(n, user{Name: "ada"}))
		if err != nil || u.Name != "ada" {
			t.Fatalf("got %+v, %v", u, err)
		}
	}
	if n.Load() != 1 {
		t.Errorf("created %d times", n.Load())
	}
	s := f.recorder.Snapshot()
	if s.Hits != 2 || s.Misses != 1 || s.Fills != 1 || s.Regions["r"].Hits != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestKeysOfTwoRegionsAreTwo(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour}, func(c *engine.Config) {
		c.Regions["rx"] = engine.Policy(region.Config{TTL: time.Hour}.WithDefaults())
	})
	rx, err := f.Region("rx")
	if err != nil {
		t.Fatal(err)
	}
	n := new(atomic.Int64)
	for _, call := range []struct {
		r   *region.Region
		key string
	}{{f.values(t), "x"}, {region.Of(rx), ""}, {f.values(t), ""}} {
		if _, err := region.GetOrCreate(t.Context(), call.r, call.key, counting(n, user{})); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 3 {
		t.Errorf("%d values were made for 3 keys", n.Load())
	}
}

func TestEntriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Minute})
		r, n := f.values(t), new(atomic.Int64)
		get := func() {
			if _, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{})); err != nil {
				t.Fatal(err)
			}
		}
		get()
		time.Sleep(59 * time.Second)
		get()
		if n.Load() != 1 {
			t.Fatal("the entry did not live for its TTL")
		}
		time.Sleep(2 * time.Second)
		get()
		if n.Load() != 2 {
			t.Fatal("the entry outlived its TTL")
		}
	})
}

// What depends on a table is dropped by its settling, and by nothing else.
func TestATokenThatChangedIsAMiss(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	get := func() {
		t.Helper()
		if _, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{}), region.WithTables("Users"), region.WithTags("mine")); err != nil {
			t.Fatal(err)
		}
	}
	ns := store.Namespace("test")
	get()
	for i, tag := range []string{ns.Table("public.users"), ns.User("mine"), ns.Region("r"), ns.Epoch()} {
		if err := store.Failure(f.store.Settle(t.Context(), []string{ns.Table("orders"), ns.Region("other"), tag}, store.NewWriter(), 0)); err != nil {
			t.Fatal(err)
		}
		get()
		get()
		if int(n.Load()) != i+2 {
			t.Fatalf("after %s changed: %d values made, want %d", tag, n.Load(), i+2)
		}
	}
}

// A load that began before a commit must not serve one who came after it: the late joiner has seen
// other tokens.
func TestALoadIsNotSharedAcrossACommit(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r := f.values(t)
	ns := store.Namespace("test")
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		got, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) {
			close(inside)
			<-release
			return "old", nil
		}, region.WithTables("users"))
		if err != nil || got != "old" {
			t.Errorf("first reader: %q, %v", got, err)
		}
	})
	<-inside
	if err := store.Failure(f.store.Settle(t.Context(), []string{ns.Table("users")}, store.NewWriter(), 0)); err != nil {
		t.Fatal(err)
	}
	fresh := func(context.Context) (string, error) { return "new", nil }
	if got, err := region.GetOrCreate(t.Context(), r, "k", fresh, region.WithTables("users")); err != nil || got != "new" {
		t.Errorf("a reader after the commit got %q, %v", got, err)
	}
	close(release)
	wg.Wait()
	// The late fill of the first reader overwrote the entry, but nobody accepts it.
	if got, err := region.GetOrCreate(t.Context(), r, "k", fresh, region.WithTables("users")); err != nil || got != "new" {
		t.Errorf("after the late fill: %q, %v", got, err)
	}
}

func TestAMarkedTagIsBypassed(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	get := func() {
		t.Helper()
		if _, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{}), region.WithTables("users")); err != nil {
			t.Fatal(err)
		}
	}
	get()
	w, tags := store.NewWriter(), []string{store.Namespace("test").Table("users")}
	if err := f.store.Mark(t.Context(), tags, w, time.Hour); err != nil {
		t.Fatal(err)
	}
	sets := f.store.sets.Load()
	get()
	get()
	if n.Load() != 3 || f.store.sets.Load() != sets {
		t.Errorf("%d values made, %d fills under a mark", n.Load(), f.store.sets.Load()-sets)
	}
	if got := f.recorder.Snapshot().Bypassed[observe.Marked]; got != 2 {
		t.Errorf("%d bypasses by marks, want 2", got)
	}
	if err := f.store.Unmark(t.Context(), tags, w); err != nil {
		t.Fatal(err)
	}
	get()
	if n.Load() != 3 {
		t.Error("a write that was rolled back dropped the entry")
	}
}

// waiters starts one leader and n callers that join its load, and returns what they got.
func waiters(t *testing.T, r *region.Region, n int, lead func(context.Context) (user, error), follow func(context.Context) (user, error), entered <-chan struct{}, release func()) (us []user, errs []error) {
	t.Helper()
	us, errs = make([]user, n+1), make([]error, n+1)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = recover() }()
		us[0], errs[0] = region.GetOrCreate(t.Context(), r, "k", lead)
	})
	<-entered
	for i := range n {
		wg.Go(func() { us[i+1], errs[i+1] = region.GetOrCreate(t.Context(), r, "k", follow) })
	}
	synctest.Wait() // all wait for the leader
	release()
	wg.Wait()
	return us, errs
}

func TestCallersShareOneLoadAndNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		entered, gate := make(chan struct{}), make(chan struct{})
		load := func(context.Context) (user, error) {
			if n.Add(1) == 1 {
				close(entered)
			}
			<-gate
			return user{Name: "ada", Tags: []string{"x"}}, nil
		}
		us, errs := waiters(t, r, 50, load, load, entered, func() { close(gate) })
		if n.Load() != 1 {
			t.Errorf("%d loads", n.Load())
		}
		for i := range us {
			if errs[i] != nil || us[i].Tags[0] != "x" {
				t.Fatalf("caller %d: %+v, %v", i, us[i], errs[i])
			}
			us[i].Tags[0] = fmt.Sprint(i) // must not be seen by the others
		}
		if got := f.recorder.Snapshot().Coalesced; got != 50 {
			t.Errorf("%d coalesced, want 50", got)
		}
	})
}

func TestAnErrorReachesEveryWaiterAndIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Hour})
		r, boom := f.values(t), errors.New("boom")
		entered, gate := make(chan struct{}), make(chan struct{})
		fail := func(context.Context) (user, error) {
			close(entered)
			<-gate
			return user{}, boom
		}
		_, errs := waiters(t, r, 10, fail, fail, entered, func() { close(gate) })
		for i, err := range errs {
			if !errors.Is(err, boom) {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		n := new(atomic.Int64)
		if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
			t.Errorf("after the error: %+v, %v", u, err)
		}
	})
}

func TestAPanicLeavesTheKeyAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		entered, gate := make(chan struct{}), make(chan struct{})
		panics := func(context.Context) (user, error) {
			close(entered)
			<-gate
			panic("boom")
		}
		us, errs := waiters(t, r, 10, panics, counting(n, user{Name: "ada"}), entered, func() { close(gate) })
		for i := 1; i < len(us); i++ {
			if errs[i] != nil || us[i].Name != "ada" {
				t.Errorf("waiter %d: %+v, %v", i, us[i], errs[i])
			}
		}
		if n.Load() != 1 {
			t.Errorf("%d loads after the panic, want 1", n.Load())
		}
	})
}

// The leader's own cancellation is its own: those who wait elect another, and each waiter's deadline
// is its own too.
func TestEachCallerHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		leader, cancel := context.WithCancel(t.Context())
		entered := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := region.GetOrCreate(leader, r, "k", func(ctx context.Context) (user, error) {
				close(entered)
				<-ctx.Done()
				return user{}, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("leader: %v", err)
			}
		})
		<-entered
		hasty, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		wg.Go(func() {
			if _, err := region.GetOrCreate(hasty, r, "k", counting(n, user{})); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("hasty: %v", err)
			}
		})
		wg.Go(func() {
			if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
				t.Errorf("patient: %+v, %v", u, err)
			}
		})
		time.Sleep(2 * time.Second)
		cancel()
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("%d loads, want 1", n.Load())
		}
	})
}

func TestStaleWhileRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		get := func() (string, error) {
			return region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) {
				return fmt.Sprint("v", n.Add(1)), nil
			}, region.WithTables("users"))
		}
		want := func(v string) {
			t.Helper()
			if got, err := get(); err != nil || got != v {
				t.Fatalf("got %q, %v; want %q", got, err, v)
			}
		}
		want("v1")
		time.Sleep(2 * time.Minute)
		want("v1") // old, served at once
		synctest.Wait()
		want("v2") // refreshed behind
		if s := f.recorder.Snapshot(); s.Stale != 1 {
			t.Errorf("%d stale reads, want 1", s.Stale)
		}
		// Once something was written the entry is wrong, not old.
		time.Sleep(2 * time.Minute)
		if err := store.Failure(f.store.Settle(t.Context(), []string{store.Namespace("test").Table("users")}, store.NewWriter(), 0)); err != nil {
			t.Fatal(err)
		}
		want("v3")
		time.Sleep(2 * time.Hour)
		want("v4") // beyond StaleWhileRevalidate
	})
}

func TestAPanicInTheBackgroundIsNoCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		get := func() (string, error) {
			return region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) {
				if n.Add(1) == 2 {
					panic("boom")
				}
				return fmt.Sprint("v", n.Load()), nil
			})
		}
		for range 3 {
			if _, err := get(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		}
		if got, err := get(); err != nil || got != "v3" {
			t.Errorf("after the panic: %q, %v", got, err)
		}
		synctest.Wait()
	})
}

func TestCloseEndsBackgroundWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		get := func() error {
			_, err := region.GetOrCreate(t.Context(), r, "k", func(ctx context.Context) (string, error) {
				if n.Add(1) > 1 {
					<-ctx.Done() // a refresh that hangs
					return "", ctx.Err()
				}
				return "v", nil
			})
			return err
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if err := get(); err != nil {
			t.Fatal(err)
		}
		f.Close() // returns only if the refresh was told
		n.Store(0)
		if err := get(); err != nil || n.Load() != 1 || f.recorder.Snapshot().Bypassed[observe.Closed] != 1 {
			t.Errorf("after Close: %v, made %d times", err, n.Load())
		}
		if _, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) { return "", nil }, region.WithMode(engine.OnlyIfCached)); !errors.Is(err, engine.ErrCacheMiss) {
			t.Errorf("only if cached, after Close: %v", err)
		}
	})
}

// A refresh in the background leads the load that a caller waits for, and Close ends the refresh. The caller has
// all the time there is, and gets its answer by itself. So does one whose lookup, or fill, the close of the store
// meets.
func TestCloseFailsNobodyWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, region.Config{TTL: time.Minute, StaleWhileRevalidate: time.Hour})
		r, n := f.values(t), new(atomic.Int64)
		get := func(opts ...region.Option) (string, error) {
			return region.GetOrCreate(t.Context(), r, "k", func(ctx context.Context) (string, error) {
				switch n.Add(1) {
				case 2: // the refresh
					<-ctx.Done()
					return "", ctx.Err()
				}
				return fmt.Sprint("v", n.Load()), nil
			}, opts...)
		}
		if v, err := get(); v != "v1" || err != nil {
			t.Fatal(v, err)
		}
		time.Sleep(2 * time.Minute)
		if v, err := get(); v != "v1" || err != nil { // stale, and begins the refresh
			t.Fatal(v, err)
		}
		synctest.Wait()
		time.Sleep(2 * time.Hour) // by now it is too old to be served: who comes waits for the refresh
		answer := make(chan string, 1)
		go func() {
			v, err := get()
			answer <- fmt.Sprint(v, err)
		}()
		synctest.Wait()
		f.Close()
		if got := <-answer; got != "v3<nil>" {
			t.Errorf("who waited got %s", got)
		}
	})
}

// The store is closed between a reader's look at the plugin and its lookup.
func TestALookupThatMeetsClose(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	f.store.before = func() {
		f.Close()
		_ = f.store.Store.Close()
	}
	if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
		t.Errorf("%+v, %v", u, err)
	}
	if s := f.recorder.Snapshot(); s.Bypassed[observe.Closed] != 1 {
		t.Errorf("bypassed: %v", s.Bypassed)
	}
}

func TestAStoreThatFailsNeverFailsARead(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	f.store.lookup = errors.New("down")
	for range 2 {
		if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
			t.Fatalf("lookup fails: %+v, %v", u, err)
		}
	}
	f.store.lookup, f.store.set = nil, errors.New("full")
	if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
		t.Fatalf("set fails: %+v, %v", u, err)
	}
	s := f.recorder.Snapshot()
	if n.Load() != 3 || s.StoreErrors["lookup"] != 2 || s.StoreErrors["set"] != 1 || s.Bypassed[observe.StoreError] != 2 {
		t.Errorf("%d loads, stats %+v", n.Load(), s)
	}
}

func TestModes(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	get := func(opts ...region.Option) (string, error) {
		return region.GetOrCreate(t.Context(), r, "k", func(context.Context) (string, error) {
			return fmt.Sprint("v", n.Add(1)), nil
		}, opts...)
	}
	if _, err := get(region.WithMode(engine.OnlyIfCached)); !errors.Is(err, engine.ErrCacheMiss) {
		t.Errorf("OnlyIfCached on nothing: %v", err)
	}
	for i, want := range []string{"v1", "v1"} {
		if got, err := get(); err != nil || got != want {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if got, err := get(region.WithMode(engine.OnlyIfCached)); err != nil || got != "v1" {
		t.Errorf("OnlyIfCached: %q, %v", got, err)
	}
	if got, err := get(region.WithMode(engine.Refresh)); err != nil || got != "v2" {
		t.Errorf("Refresh: %q, %v", got, err)
	}
	if got, err := get(); err != nil || got != "v2" {
		t.Errorf("after Refresh: %q, %v", got, err)
	}
}

func TestBlockedTagsAreBypassed(t *testing.T) {
	blocked := false
	f := open(t, region.Config{TTL: time.Hour}, func(c *engine.Config) {
		c.Blocked = func([]string) bool { return blocked }
	})
	r, n := f.values(t), new(atomic.Int64)
	for _, blocked = range []bool{false, true, true, false} {
		if _, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{})); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 3 {
		t.Errorf("%d loads, want 3", n.Load())
	}
}

func TestUnknownRegionNamesThoseThereAre(t *testing.T) {
	_, err := open(t, region.Config{TTL: time.Hour}).Region("nope")
	if !errors.Is(err, region.ErrUnknownRegion) || err.Error() != `gormcache: unknown region "nope": add it to Config.Regions, which has ["r"]` {
		t.Error(err)
	}
}

// A reader that looked up before another's fill and got to load after it must look up again:
//
//	A: lookup, load ............ fill, forget
//	B:                 lookup                 join as leader: must not load
func TestNobodyLoadsWhatWasJustFilled(t *testing.T) {
	f := open(t, region.Config{TTL: time.Hour})
	r, n := f.values(t), new(atomic.Int64)
	f.store.after = func() {
		f.store.after = nil // B's lookup has found nothing; now A comes and goes
		if _, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil {
			t.Error(err)
		}
	}
	if u, err := region.GetOrCreate(t.Context(), r, "k", counting(n, user{Name: "ada"})); err != nil || u.Name != "ada" {
		t.Errorf("%+v, %v", u, err)
	}
	if n.Load() != 1 {
		t.Errorf("%d loads, want 1", n.Load())
	}
}
