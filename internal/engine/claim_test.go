package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// claiming is a store with claims that can be made to misbehave, and that remembers their names.
type claiming struct {
	store.Store
	store.Claimer
	mu       sync.Mutex
	names    map[string]bool
	lost     string                           // a tag that was evicted
	before   func()                           // runs once before a claim
	setTakes time.Duration                    // a Set
	cutOff   bool                             // Claim grants, and its answer does not arrive
	deaf     bool                             // nobody is woken
	dead     atomic.Bool                      // nothing arrives any more, as from a process that was killed
	hangs    bool                             // until the caller gives up
	refuses  bool                             // says that another has each claim
	grants   bool                             // says that all have it
	watching func() (<-chan struct{}, func()) // in place of Watch
	claims   func() ([]store.Claim, error)    // in place of Claims
	fails    error                            // of Claim
	calls    atomic.Int64                     // of Claim
	renewed  func(held bool, err error)       // after each Renew
}

func (c *claiming) Claim(ctx context.Context, cl *store.Claim) (bool, error) {
	c.calls.Add(1)
	if before := c.before; before != nil {
		c.before = nil
		before()
	}
	c.mu.Lock()
	c.names[cl.Name] = true
	c.mu.Unlock()
	switch {
	case c.cutOff:
		_, _ = c.Claimer.Claim(ctx, cl)
		<-ctx.Done()
		return false, ctx.Err()
	case c.hangs:
		<-ctx.Done()
		return false, ctx.Err()
	case c.fails != nil:
		return false, c.fails
	case c.refuses:
		return false, nil
	case c.grants:
		return true, nil
	}
	return c.Claimer.Claim(ctx, cl)
}

func (c *claiming) Lookup(ctx context.Context, l *store.Lookup) error {
	err := c.Store.Lookup(ctx, l)
	if i := slices.Index(l.Tags, c.lost); i >= 0 && err == nil {
		l.States[i] = store.State{}
	}
	return err
}

func (c *claiming) Tokens(ctx context.Context, tags []string, states []store.State) error {
	if slices.Contains(tags, c.lost) {
		if err := store.Failure(c.Settle(ctx, []string{c.lost}, store.NewWriter(), 0)); err != nil {
			return err
		}
		c.lost = ""
	}
	return c.Store.Tokens(ctx, tags, states)
}

func (c *claiming) Renew(ctx context.Context, cl *store.Claim) (bool, error) {
	if c.dead.Load() {
		return true, nil
	}
	held, err := c.Claimer.Renew(ctx, cl)
	if c.renewed != nil {
		c.renewed(held, err)
	}
	return held, err
}

func (c *claiming) Release(ctx context.Context, name string, owner store.Writer) (bool, error) {
	if c.dead.Load() {
		return true, nil
	}
	return c.Claimer.Release(ctx, name, owner)
}

func (c *claiming) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if c.dead.Load() {
		return nil
	}
	time.Sleep(c.setTakes)
	return c.Store.Set(ctx, key, value, ttl)
}

func (c *claiming) Swap(ctx context.Context, swaps []store.Swap) error {
	if c.dead.Load() {
		return nil
	}
	return store.SwapperOf(c.Store).Swap(ctx, swaps)
}

func (c *claiming) Claims(ctx context.Context, name string) ([]store.Claim, error) {
	if c.claims != nil {
		return c.claims()
	}
	return c.Claimer.Claims(ctx, name)
}

func (c *claiming) Watch(name string) (<-chan struct{}, func()) {
	switch {
	case c.watching != nil:
		return c.watching()
	case c.deaf:
		return nil, func() {}
	}
	return c.Claimer.Watch(name)
}

// held are the claims that have not been given back.
func (c *claiming) held(t *testing.T) (n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.names {
		all, err := c.Claimer.Claims(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		n += len(all)
	}
	return n
}

// process is one of several that share a store.
type process struct {
	*engine.Engine
	*engine.Region
	store    *claiming
	recorder *observe.Recorder
}

// world is what several processes share.
type world struct {
	memory    *memory.Store
	processes []*process
	loads     atomic.Int64
	takes     time.Duration // a load
	running   sync.WaitGroup
}

func openWorld(t *testing.T, n int, cfg region.Config) *world {
	t.Helper()
	w := &world{memory: memory.New(), takes: time.Second}
	for range n {
		p := &process{store: &claiming{Store: w.memory, Claimer: w.memory, names: map[string]bool{}}, recorder: observe.NewRecorder(nil)}
		p.Engine = engine.New(engine.Config{
			Store: p.store, Namespace: "test", Regions: map[string]engine.Policy{"r": engine.Policy(cfg.WithDefaults())},
			ReadTimeout: 50 * time.Millisecond, WriteTimeout: time.Second,
			Recorder: p.recorder, Logger: slog.New(slog.DiscardHandler),
		})
		var err error
		if p.Region, err = p.Engine.Region("r"); err != nil {
			t.Fatal(err)
		}
		w.processes = append(w.processes, p)
	}
	t.Cleanup(func() {
		for _, p := range w.processes {
			p.Close()
		}
		if err := w.memory.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// request is a read of the one entry of these tests, which is a value, and so claimed by default.
func (w *world) request(p *process, load engine.Load) *engine.Request {
	return &engine.Request{Key: "test:v:k", Kind: entry.KindValue, Tags: p.Tags("test:t:x"), Load: load, Later: func() engine.Load { return load }}
}

// load takes its time, and says which of all loads it was.
func (w *world) load(ctx context.Context, _ []int) (engine.Loaded, error) {
	n := w.loads.Add(1)
	select {
	case <-time.After(w.takes):
		return engine.Loaded{Payload: fmt.Append(nil, "v", n)}, nil
	case <-ctx.Done():
		return engine.Loaded{}, ctx.Err()
	}
}

// behind reads in a goroutine.
func (w *world) behind(p *process) {
	w.running.Go(func() { _, _ = w.read(context.Background(), p) })
}

func (w *world) read(ctx context.Context, p *process) (engine.Result, error) {
	return p.Read(ctx, w.request(p, w.load))
}

// want reads, and compares the answer, its outcome and how long it took.
func (w *world) want(t *testing.T, p *process, payload string, outcome observe.Outcome, took time.Duration) {
	t.Helper()
	began := time.Now()
	res, err := w.read(t.Context(), p)
	if got := time.Since(began); err != nil || string(res.Payload) != payload || res.Outcome != outcome || got != took {
		t.Errorf("%q, %v (%s), %v after %v; want %q, %v after %v", res.Payload, res.Outcome, res.Detail, err, got, payload, outcome, took)
	}
}

// commit changes the token of a tag.
func (w *world) commit(t *testing.T, tags ...string) {
	t.Helper()
	if err := store.Failure(w.memory.Settle(context.Background(), tags, store.NewWriter(), 0)); err != nil {
		t.Error(err)
	}
}

// inBubble runs a test of several processes with a clock of its own.
func inBubble(t *testing.T, n int, cfg region.Config, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, n, cfg)
		test(t, w)
		w.running.Wait()
	})
}

// hourly is a policy by which nobody polls: who goes on was woken.
var hourly = region.Config{TTL: time.Hour, Claim: region.Claim{TTL: 6 * time.Second, Poll: time.Hour, Wait: time.Hour}}

// Falls if: leaders don't claim, don't look once more after a grant, or are not woken by the release after the fill.
func TestOneProcessLoadsForAll(t *testing.T) {
	inBubble(t, 4, hourly, func(t *testing.T, w *world) {
		w.takes = time.Minute // renewed on the way
		for _, p := range w.processes {
			p.store.setTakes = 200 * time.Millisecond // longer than a caller has patience
		}
		began, payloads := time.Now(), make(chan string, 1000)
		for i := range 1000 {
			go func() {
				res, err := w.read(context.Background(), w.processes[i%4])
				payloads <- fmt.Sprint(string(res.Payload), err)
			}()
		}
		for range 1000 {
			if got := <-payloads; got != "v1<nil>" {
				t.Fatal(got)
			}
		}
		if took := time.Since(began); w.loads.Load() != 1 || took != w.takes+200*time.Millisecond {
			t.Errorf("%d loads, after %v", w.loads.Load(), took)
		}
		synctest.Wait()
		for i, p := range w.processes {
			if n := p.store.held(t); n != 0 {
				t.Errorf("process %d: %d claims are left", i, n)
			}
			s := p.recorder.Snapshot()
			if s.Hits+s.Misses != 250 || s.Coalesced < 249 || s.StoreErrors["claim"] != 0 {
				t.Errorf("process %d: %+v", i, s)
			}
		}
	})
}

// The schedule that would load twice:
//
//	A   looks up, misses, claims, loads, fills, releases
//	B   looks up, misses                                  claims
//
// Falls if: who gets the claim does not look once more.
func TestWhoGetsTheClaimLooksOnceMore(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		a, b := w.processes[0], w.processes[1]
		w.takes = 0 // within the patience of the other, whose claim waits for it
		b.store.before = func() { w.want(t, a, "v1", observe.Miss, w.takes); synctest.Wait() }
		w.want(t, b, "v1", observe.Hit, 0)
		b.store.before = func() {
			if _, err := region.GetOrCreate(t.Context(), a.values(), "k", w.create); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if v, err := region.GetOrCreate(t.Context(), b.values(), "k", w.create); err != nil || v != "v2" {
			t.Errorf("%q, %v", v, err)
		}
	})
}

// A query does not claim unless its region says so, and nobody does where that is turned off.
func TestWhoClaims(t *testing.T) {
	for name, c := range map[string]struct {
		ttl  time.Duration
		kind entry.Kind
		want int64
	}{
		"a value": {0, entry.KindValue, 1}, "a query": {0, entry.KindRows, 0},
		"a query, asked for": {time.Second, entry.KindRows, 1}, "a value, turned off": {-1, entry.KindValue, 0},
	} {
		inBubble(t, 1, region.Config{TTL: time.Hour, Claim: region.Claim{TTL: c.ttl}}, func(t *testing.T, w *world) {
			p := w.processes[0]
			q := w.request(p, w.load)
			q.Kind = c.kind
			for range 2 {
				if _, err := p.Read(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			if n := p.store.calls.Load(); n != c.want {
				t.Errorf("%s: %d claims, want %d", name, n, c.want)
			}
		})
	}
}

// Falls if: who waits relies on being woken.
func TestWhoIsNotWokenPolls(t *testing.T) {
	inBubble(t, 2, region.Config{TTL: time.Hour, Claim: region.Claim{Poll: 100 * time.Millisecond}}, func(t *testing.T, w *world) {
		w.behind(w.processes[0])
		synctest.Wait()
		b := w.processes[1]
		b.store.deaf = true
		began := time.Now()
		res, err := w.read(t.Context(), b)
		if took := time.Since(began); err != nil || string(res.Payload) != "v1" || took > w.takes+150*time.Millisecond {
			t.Errorf("%q, %v after %v", res.Payload, err, took)
		}
	})
}

// A process is killed while it loads: no release, no renewal, no fill.
//
// Falls if: a claim has no end, or who waits looks for the entry only.
func TestADeadLoaderDelaysByItsTTL(t *testing.T) {
	inBubble(t, 4, region.Config{TTL: time.Hour, Claim: region.Claim{TTL: 3 * time.Second, Wait: time.Hour}}, func(t *testing.T, w *world) {
		w.takes = 10 * time.Second
		w.behind(w.processes[0])
		synctest.Wait()
		w.processes[0].store.dead.Store(true)
		began := time.Now()
		ended := make(chan string, 3)
		for _, p := range w.processes[1:] {
			go func() {
				res, err := w.read(context.Background(), p)
				ended <- fmt.Sprint(string(res.Payload), err)
			}()
		}
		for range 3 {
			if got := <-ended; got != "v2<nil>" {
				t.Error(got)
			}
		}
		if took := time.Since(began) - w.takes; took > 3*time.Second+100*time.Millisecond || w.loads.Load() != 2 {
			t.Errorf("delayed by %v, %d loads", took, w.loads.Load())
		}
	})
}

// The schedule that would be stale:
//
//	A        miss, claims, reads the old row ------------------------- fills
//	writer                                     commits
//	B                                                    miss, waits for A
//
// Falls if: the name of a claim is that of the key alone.
func TestNobodyWaitsForALoadBeforeACommit(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		w.behind(w.processes[0])
		synctest.Wait()
		time.Sleep(w.takes / 2)
		w.commit(t, "test:t:x")
		w.want(t, w.processes[1], "v2", observe.Miss, w.takes)
	})
}

// Who waits when the commit comes begins anew, and waits for a load that began after it.
//
// Falls if: who is woken takes what is there without a look at the tags.
func TestWhoWaitsBeginsAnewAfterACommit(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		w.behind(w.processes[0])
		synctest.Wait()
		got := make(chan string)
		go func() {
			res, err := w.read(context.Background(), w.processes[1])
			got <- fmt.Sprint(string(res.Payload), err)
		}()
		synctest.Wait()
		w.commit(t, "test:t:x")
		if got := <-got; got != "v2<nil>" {
			t.Error(got)
		}
		w.want(t, w.processes[0], "v2", observe.Hit, 0)
	})
}

// A tag changes all the time, so each look finds another claim to wait for.
//
// Falls if: each wait of a read has its own bound, or those who have waited enough join a flight that waits.
func TestUnderConstantInvalidationAllGoOn(t *testing.T) {
	cfg := region.Config{TTL: time.Hour, Claim: region.Claim{TTL: time.Second, Wait: 2 * time.Second}}
	inBubble(t, 4, cfg, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(context.Background())
		var writer, all sync.WaitGroup
		writer.Go(func() {
			for ctx.Err() == nil {
				w.commit(t, "test:t:x")
				time.Sleep(70 * time.Millisecond)
			}
		})
		for i := range 100 {
			all.Go(func() {
				began := time.Now()
				_, err := w.read(context.Background(), w.processes[i%4])
				if took := time.Since(began); err != nil || took > 2*(2*time.Second+w.takes) {
					t.Errorf("%v after %v", err, took)
				}
			})
		}
		all.Wait()
		stop()
		writer.Wait()
	})
}

// The same where another always has the claim.
//
// Falls if: each turn of a read waits anew.
func TestUnderConstantInvalidationNobodyWaitsForEver(t *testing.T) {
	cfg := region.Config{TTL: time.Hour, Claim: region.Claim{TTL: time.Second, Wait: 2 * time.Second}}
	inBubble(t, 1, cfg, func(t *testing.T, w *world) {
		p := w.processes[0]
		p.store.refuses = true
		p.store.claims = func() ([]store.Claim, error) { return []store.Claim{{Owner: store.Writer{1}, TTL: time.Hour}}, nil }
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		w.running.Go(func() {
			for ctx.Err() == nil {
				w.commit(t, "test:t:x")
				time.Sleep(70 * time.Millisecond)
			}
		})
		began := time.Now()
		_, err := w.read(context.Background(), p)
		if took := time.Since(began); err != nil || took > 2*time.Second+w.takes+100*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		stop()
	})
}

// A claim that was granted, but whose answer came too late, is given back.
func TestAClaimThatWasCutOffIsGivenBack(t *testing.T) {
	inBubble(t, 1, hourly, func(t *testing.T, w *world) {
		p := w.processes[0]
		p.store.cutOff = true
		if _, err := w.read(t.Context(), p); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := p.store.held(t); n != 0 {
			t.Errorf("%d claims are left", n)
		}
	})
}

// However a load ends, its claim is given back.
//
// Falls if: a claim is given back after an answer only.
func TestAClaimIsGivenBack(t *testing.T) {
	ends := map[string]engine.Load{
		"an answer": func(context.Context, []int) (engine.Loaded, error) { return engine.Loaded{Payload: []byte("v")}, nil },
		"an error":  func(context.Context, []int) (engine.Loaded, error) { return engine.Loaded{}, errors.New("down") },
		"too large": func(context.Context, []int) (engine.Loaded, error) {
			return engine.Loaded{Reason: observe.TooLarge}, nil
		},
		"a panic": func(context.Context, []int) (engine.Loaded, error) { panic("boom") },
		"Goexit":  func(context.Context, []int) (engine.Loaded, error) { runtime.Goexit(); return engine.Loaded{}, nil },
	}
	for name, load := range ends {
		inBubble(t, 1, hourly, func(t *testing.T, w *world) {
			p := w.processes[0]
			go func() {
				defer func() { _ = recover() }()
				_, _ = p.Read(context.Background(), w.request(p, load))
			}()
			synctest.Wait()
			if n := p.store.held(t); n != 0 || p.store.calls.Load() != 1 {
				t.Errorf("%s: %d claims are left of %d", name, n, p.store.calls.Load())
			}
		})
	}
}

// A process that is closed while it loads keeps nobody waiting.
//
// Falls if: Close leaves the claim to its TTL.
func TestCloseGivesClaimsBack(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		w.takes = time.Minute
		w.behind(w.processes[0])
		synctest.Wait()
		waited := make(chan time.Duration)
		go func() {
			began := time.Now()
			_, _ = w.read(context.Background(), w.processes[1])
			waited <- time.Since(began)
		}()
		synctest.Wait()
		w.processes[0].Close()
		if n := w.processes[0].store.held(t); n > 1 { // the other has it by now
			t.Errorf("%d claims are left", n)
		}
		if took := <-waited; took != w.takes || w.loads.Load() != 2 {
			t.Errorf("%d loads, the other after %v", w.loads.Load(), took)
		}
	})
	inBubble(t, 2, hourly, func(t *testing.T, w *world) { // and who waits goes on when its own process closes
		w.takes = time.Hour
		w.behind(w.processes[0])
		synctest.Wait()
		w.takes = time.Minute
		done := make(chan error)
		go func() {
			_, err := w.read(context.Background(), w.processes[1])
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		w.processes[1].Close()
		if err := <-done; err != nil || time.Since(began) != w.takes {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Loads that fill nothing don't wait for each other: a process in the queue would wait for all before it.
//
// Falls if: who is woken and finds nothing waits for the next owner.
func TestLoadsThatFillNothingRunTogether(t *testing.T) {
	inBubble(t, 8, hourly, func(t *testing.T, w *world) {
		began := time.Now()
		var all sync.WaitGroup
		for _, p := range w.processes {
			all.Go(func() {
				load := func(ctx context.Context, _ []int) (engine.Loaded, error) {
					time.Sleep(w.takes)
					return engine.Loaded{}, errors.New("down")
				}
				if _, err := p.Read(context.Background(), w.request(p, load)); err == nil {
					t.Error("no error")
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 2*w.takes {
			t.Errorf("the last after %v", took)
		}
	})
}

// A caller with a deadline waits for half of its time, and has the other half to load.
func TestWhoHasADeadlineKeepsTimeToLoad(t *testing.T) {
	inBubble(t, 2, hourly, func(t *testing.T, w *world) {
		w.takes = time.Minute
		w.behind(w.processes[0])
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		began := time.Now()
		quick := func(context.Context, []int) (engine.Loaded, error) {
			return engine.Loaded{Payload: []byte("mine")}, nil
		}
		res, err := w.processes[1].Read(ctx, w.request(w.processes[1], quick))
		if took := time.Since(began); err != nil || string(res.Payload) != "mine" || took != 2*time.Second {
			t.Errorf("%q, %v after %v", res.Payload, err, took)
		}
	})
}

// Nor does who shares the load of a process that waits for another: its leader may have more time.
//
// Falls if: who has waited enough stays in the flight, or joins it again; or leaves one that loads.
func TestWhoHasADeadlineLeavesALeaderWhoWaits(t *testing.T) {
	for name, read := range map[string]func(context.Context, *world, *process, func()) (string, error){
		"query": func(ctx context.Context, w *world, p *process, loads func()) (string, error) {
			res, err := p.Read(ctx, w.request(p, func(context.Context, []int) (engine.Loaded, error) {
				loads()
				return engine.Loaded{Payload: []byte("mine")}, nil
			}))
			return string(res.Payload), err
		},
		"value": func(ctx context.Context, w *world, p *process, loads func()) (string, error) {
			return w.get(ctx, p, func(context.Context) (string, error) {
				loads()
				return "mine", nil
			})
		},
	} {
		cfg := region.Config{TTL: time.Hour, Claim: region.Claim{TTL: time.Hour, Wait: time.Minute}}
		inBubble(t, 1, cfg, func(t *testing.T, w *world) {
			p := w.processes[0]
			p.store.refuses = true
			p.store.claims = func() ([]store.Claim, error) { return []store.Claim{{Owner: store.Writer{1}, TTL: time.Hour}}, nil }
			var loads atomic.Int64
			load := func() {
				loads.Add(1)
				time.Sleep(time.Second)
			}
			w.running.Go(func() {
				if v, err := read(context.Background(), w, p, load); err != nil || v != "mine" {
					t.Errorf("%s: the leader: %q, %v", name, v, err)
				}
			})
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					began := time.Now()
					v, err := read(ctx, w, p, load)
					if took := time.Since(began); err != nil || v != "mine" || took != 3*time.Second {
						t.Errorf("%s: %q, %v after %v", name, v, err, took)
					}
				})
			}
			all.Wait()
			w.running.Wait()
			if loads.Load() != 1 {
				t.Errorf("%s: %d loads", name, loads.Load())
			}
		})
		// A leader who loads is not left.
		inBubble(t, 1, cfg, func(t *testing.T, w *world) {
			p := w.processes[0]
			var loads atomic.Int64
			load := func() {
				loads.Add(1)
				time.Sleep(3 * time.Second)
			}
			w.running.Go(func() { _, _ = read(context.Background(), w, p, load) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			if v, err := read(ctx, w, p, load); err != nil || v != "mine" || loads.Load() != 1 {
				t.Errorf("%s: %q, %v after %d loads", name, v, err, loads.Load())
			}
		})
	}
}

// Whatever the store does, a read is answered by a load at last, and without an error.
//
// Falls if: a call of the claimer has no budget, or the wait none.
func TestAStoreWhoseClaimsAreNoGood(t *testing.T) {
	const ms = time.Millisecond
	closed := make(chan struct{})
	close(closed)
	other := func() ([]store.Claim, error) { return []store.Claim{{Owner: store.Writer{1}, TTL: time.Hour}}, nil }
	for name, c := range map[string]struct {
		breaks func(*claiming)
		most   time.Duration // waited for claims
		asked  int64         // at most
	}{
		"hangs":          {func(c *claiming) { c.hangs = true }, 50 * ms, 1},
		"fails":          {func(c *claiming) { c.fails = errors.New("down") }, 0, 1},
		"has none":       {func(c *claiming) { c.fails = store.ErrNoClaim }, 0, 1},
		"grants to all":  {func(c *claiming) { c.grants = true }, 0, 1},
		"grants to none": {func(c *claiming) { c.refuses, c.claims = true, other }, 2000 * ms, 60},
		"grants to none, and says that it is free": {func(c *claiming) { c.refuses = true }, 2000 * ms, 60},
		"closes its channels": {func(c *claiming) {
			c.refuses, c.claims = true, other
			c.watching = func() (<-chan struct{}, func()) { return closed, func() {} }
		}, 2000 * ms, 60},
		"does not know who": {func(c *claiming) {
			c.refuses = true
			c.claims = func() ([]store.Claim, error) { return nil, errors.New("down") }
		}, 0, 1},
	} {
		cfg := region.Config{TTL: time.Hour, Claim: region.Claim{TTL: time.Second}}
		inBubble(t, 1, cfg, func(t *testing.T, w *world) {
			p := w.processes[0]
			c.breaks(p.store)
			began := time.Now()
			res, err := w.read(t.Context(), p)
			if took := time.Since(began) - w.takes; err != nil || res.Outcome != observe.Miss || took > c.most {
				t.Errorf("%s: %v, %v after %v", name, res.Outcome, err, took)
			}
			if n := p.store.calls.Load(); n > c.asked {
				t.Errorf("%s: claimed %d times", name, n)
			}
			p.store.hangs, p.store.refuses, p.store.fails = false, false, nil
			w.want(t, p, "v1", observe.Hit, 0)
		})
	}
}

// A claim that was lost is not renewed any more, and its load is as good as before.
func TestALostClaimIsNotRenewed(t *testing.T) {
	inBubble(t, 1, hourly, func(t *testing.T, w *world) {
		w.takes = time.Minute
		p := w.processes[0]
		var renewals atomic.Int64
		p.store.renewed = func(held bool, _ error) {
			if renewals.Add(1) == 1 {
				p.store.mu.Lock()
				defer p.store.mu.Unlock()
				for name := range p.store.names {
					_, _ = w.memory.Release(context.Background(), name, store.Writer{})
				}
			}
		}
		w.want(t, p, "v1", observe.Miss, time.Minute)
		if renewals.Load() != 2 {
			t.Errorf("%d renewals", renewals.Load())
		}
		w.want(t, p, "v1", observe.Hit, 0)
	})
}

// Of several processes that serve what is old, one reloads it.
//
// Falls if: refreshes don't claim, or take an entry as old as the one that they saw for a new one.
func TestOneProcessRefreshesForAll(t *testing.T) {
	for name, cfg := range map[string]region.Config{
		"stale": {TTL: time.Minute, StaleWhileRevalidate: time.Hour},
		"early": {TTL: 4 * time.Minute, EarlyRefresh: region.Early{Share: 0.6}},
	} {
		outcome := observe.Stale
		if cfg.EarlyRefresh.Share > 0 {
			outcome = observe.Hit
		}
		inBubble(t, 4, cfg, func(t *testing.T, w *world) {
			w.want(t, w.processes[0], "v1", observe.Miss, w.takes)
			time.Sleep(2 * time.Minute)
			for range 10 {
				for _, p := range w.processes {
					w.want(t, p, "v1", outcome, 0)
				}
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			for _, p := range w.processes {
				w.want(t, p, "v2", observe.Hit, 0)
			}
			if n := w.loads.Load(); n != 2 {
				t.Errorf("%s: %d loads", name, n)
			}
		})
	}
}
