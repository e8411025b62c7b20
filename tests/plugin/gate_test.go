package plugin_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// gate is a store through which one plugin speaks to the store that all share. It stops or fails at the
// protocol's steps: lookup, tokens, set, mark, settle, unmark; and at inspect.
type gate struct {
	store.Store
	mu     sync.Mutex
	before map[string]func(context.Context) error
	after  map[string]func()
	lost   string // the step that works, and whose reply is lost
}

var errStore = errors.New("the test lets the store fail")

// on runs fn before each such step, until off. Its error is the step's.
func (g *gate) on(step string, fn func(context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.before == nil {
		g.before = map[string]func(context.Context) error{}
	}
	g.before[step] = fn
}

// once runs fn before the next such step only.
func (g *gate) once(step string, fn func()) {
	var ran atomic.Bool // not a sync.Once, which keeps others waiting while fn runs
	g.on(step, func(context.Context) error {
		if !ran.Swap(true) {
			fn()
		}
		return nil
	})
}

// onceAfter runs fn after the next such step only.
func (g *gate) onceAfter(step string, fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.after == nil {
		g.after = map[string]func(){}
	}
	var ran atomic.Bool
	g.after[step] = func() {
		if !ran.Swap(true) {
			fn()
		}
	}
}

// fail lets the steps fail, until off.
func (g *gate) fail(steps ...string) {
	for _, s := range steps {
		g.on(s, func(context.Context) error { return errStore })
	}
}

// hang lets the steps hang until the caller's budget is spent.
func (g *gate) hang(steps ...string) {
	for _, s := range steps {
		g.on(s, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	}
}

// off lets everything pass again.
func (g *gate) off() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.before)
	clear(g.after)
	g.lost = ""
}

// lose loses the replies of a step, until off.
func (g *gate) lose(step string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = step
}

func (g *gate) step(ctx context.Context, name string, fn func() error) error {
	g.mu.Lock()
	before, after, lost := g.before[name], g.after[name], g.lost == name
	g.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	err := fn()
	if after != nil {
		after()
	}
	if lost {
		return errStore
	}
	return err
}

func (g *gate) Lookup(ctx context.Context, l *store.Lookup) error {
	return g.step(ctx, "lookup", func() error { return g.Store.Lookup(ctx, l) })
}

func (g *gate) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return g.step(ctx, "tokens", func() error { return g.Store.Tokens(ctx, tags, states) })
}

func (g *gate) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return g.step(ctx, "set", func() error { return g.Store.Set(ctx, key, value, ttl) })
}

// Swapper and Claimer implement store.Layer.
func (g *gate) Swapper() store.Swapper {
	if below := store.SwapperOf(g.Store); below != nil {
		return gatedSwapper{g, below}
	}
	return nil
}

func (g *gate) Claimer() store.Claimer { return store.ClaimerOf(g.Store) }

type gatedSwapper struct {
	g     *gate
	below store.Swapper
}

func (s gatedSwapper) Swap(ctx context.Context, swaps []store.Swap) error {
	return s.g.step(ctx, "swap", func() error { return s.below.Swap(ctx, swaps) })
}

func (g *gate) Mark(ctx context.Context, tags []string, w store.Writer, grace time.Duration) error {
	return g.step(ctx, "mark", func() error { return g.Store.Mark(ctx, tags, w, grace) })
}

func (g *gate) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	return g.step(ctx, "settle", func() error { return g.Store.Settle(ctx, tags, w, linger) })
}

func (g *gate) Unmark(ctx context.Context, tags []string, w store.Writer) error {
	return g.step(ctx, "unmark", func() error { return g.Store.Unmark(ctx, tags, w) })
}

func (g *gate) Inspect(ctx context.Context, tags []string) (infos []store.TagInfo, err error) {
	err = g.step(ctx, "inspect", func() (err error) {
		infos, err = store.Inspect(ctx, g.Store, tags)
		return err
	})
	return infos, err
}

// process is a plugin with a database handle and a way to the store of its own, as a process has.
type process struct {
	db   *gorm.DB
	p    *gormcache.Plugin
	gate *gate
}

// scene is a database and a store with two processes: a writer and another.
type scene struct {
	*database
	store         store.Store
	writer, other process
}

func newScene(t testing.TB, kind, storeKind string, change ...func(*gormcache.Config)) *scene {
	s := &scene{database: newDatabase(t, kind), store: newStore(t, storeKind)}
	s.writer = s.process(t, gorm.Config{}, change...)
	s.other = s.process(t, gorm.Config{}, change...)
	return s
}

func (s *scene) process(t testing.TB, cfg gorm.Config, change ...func(*gormcache.Config)) process {
	p := process{db: s.Open(t, &cfg), gate: &gate{Store: s.store}}
	p.p = use(t, p.db, p.gate, change...)
	return p
}

// onScenes runs a schedule on two scenes that differ in all.
func onScenes(t *testing.T, schedule func(t *testing.T, s *scene), change ...func(*gormcache.Config)) {
	t.Run("sqlite, memory", func(t *testing.T) { schedule(t, newScene(t, "sqlite", "memory", change...)) })
	t.Run("postgres, redis", func(t *testing.T) { schedule(t, newScene(t, "postgres", "redis", change...)) })
}

// onScenesInTime is onScenes for schedules that wait for something to run out. On SQLite, where all happens in
// this process, such a wait takes no time. A schedule may not call t.Run there.
func onScenesInTime(t *testing.T, schedule func(t *testing.T, s *scene), change ...func(*gormcache.Config)) {
	t.Run("sqlite, memory", func(t *testing.T) { inTime(t, schedule, change...) })
	t.Run("postgres, redis", func(t *testing.T) { schedule(t, newScene(t, "postgres", "redis", change...)) })
}

// inTime runs a schedule on SQLite and the store in the process, in a bubble whose clock leaps to the next thing
// that somebody waits for.
func inTime(t *testing.T, schedule func(t *testing.T, s *scene), change ...func(*gormcache.Config)) {
	synctest.Test(t, func(t *testing.T) { schedule(t, newScene(t, "sqlite", "memory", change...)) })
}

// fresh checks that both processes read what the database holds, not from an entry that is old.
func (s *scene) fresh(t testing.TB, table string) {
	t.Helper()
	truth := direct(t, s.plain, table)
	reading(t, s.other.db, table, truth, miss)
	reading(t, s.writer.db, table, truth, hit)
}
