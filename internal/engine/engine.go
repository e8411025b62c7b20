package engine

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

var (
	// ErrUnknownRegion is wrapped by the error for a region that was not configured.
	ErrUnknownRegion = errors.New("gormcache: unknown region")
	// ErrCacheMiss is returned by a read that asked for cached data only, where there is none that may
	// be served.
	ErrCacheMiss = errors.New("gormcache: cache miss")
	// ErrLoadTimeout is wrapped by the error of a load that took longer than the region's HardTimeout. Nothing was
	// stored.
	ErrLoadTimeout = errors.New("gormcache: the load took longer than the region's HardTimeout")
)

// Config is what an [Engine] works with. All fields but the functions and ReadTimeout must be set.
type Config struct {
	Store     store.Store
	Namespace store.Namespace
	Regions   map[string]Policy // defaults filled in
	// Stores are where the entries of regions live that have a store of their own, by the region's name, each behind its
	// breaker; tags are in Store all the same. StoresTimeout is ReadTimeout for their reads, of both stores together.
	Stores        map[string]store.Store
	StoresTimeout time.Duration
	ReadTimeout   time.Duration // budget of all calls that one read waits for; 0: none, for a store that never waits
	WriteTimeout  time.Duration // budget of a fill
	Recorder      *observe.Recorder
	Logger        *slog.Logger
	// Blocked reports whether an invalidation of this process for one of the tags has not reached the store
	// yet, so that nothing the store says of them can be trusted here.
	Blocked func(tags []string) bool
	// Schema is told the token of the namespace's epoch whenever it was read, and returns the version
	// of what is known of the database's schema; see [Request.Schema].
	Schema func(epoch store.Token) (version uint64)
}

// Engine reads through the regions of one plugin. It is safe for concurrent use.
type Engine struct {
	cfg     Config
	regions map[string]*Region
	others  []*Engine // of regions with a store of their own
	flights *flights
	turns   turns
	pauses  pauses
	noSwap  sync.Once // said that the store has no check-and-set

	ctx    context.Context // done when the engine is closed
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed against background.Add
	closed bool
	work   sync.WaitGroup
}

// New returns an engine for the configured regions. Their policies must have been validated.
func New(cfg Config) *Engine {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{cfg: cfg, flights: newFlights(), ctx: ctx, cancel: cancel, regions: map[string]*Region{}}
	for name, policy := range cfg.Regions {
		if entries := cfg.Stores[name]; entries != nil {
			e.regions[name] = e.apart(name, policy, entries)
		} else {
			e.regions[name] = newRegion(e, name, policy)
		}
	}
	return e
}

// Region returns the region of that name, or an error that names those there are.
func (e *Engine) Region(name string) (*Region, error) {
	if r, ok := e.regions[name]; ok {
		return r, nil
	}
	names := make([]string, 0, len(e.regions))
	for n := range e.regions {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, fault.Errorf("%w %q: add it to Config.Regions, which has %q", ErrUnknownRegion, name, names)
}

// Namespace returns the prefix of the engine's keys.
func (e *Engine) Namespace() store.Namespace { return e.cfg.Namespace }

// Closed reports whether Close was called.
func (e *Engine) Closed() bool { return e.ctx.Err() != nil }

// Close ends background refreshes and the probes of a breaker before the store, and waits for them. From then
// on reads are bypassed, with reason [observe.Closed]; none fails, nor do those that are under way.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.work.Wait()
	for _, other := range e.others {
		other.Close()
	}
	if breaker, ok := e.cfg.Store.(interface{ Stop() }); ok {
		breaker.Stop()
	}
}

// background runs fn in a goroutine whose context keeps the values of ctx and ends with the engine.
// It reports false, and does not run fn, if the engine is closed.
func (e *Engine) background(ctx context.Context, fn func(context.Context)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.work.Go(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		stop := context.AfterFunc(e.ctx, cancel)
		defer stop()
		fn(ctx)
	})
	return true
}

// survive logs a panic in the background, which has nobody to go to and must not end the program. It is deferred.
func (e *Engine) survive(ctx context.Context, what string) {
	if p := recover(); p != nil {
		e.cfg.Logger.ErrorContext(ctx, "gormcache: background "+what+" panicked", "panic", describe(p), "stack", string(debug.Stack()))
	}
}

// storeError records a failed call of the store, unless the caller itself gave up.
func (e *Engine) storeError(ctx context.Context, op string, err error) {
	if ctx.Err() != nil {
		return
	}
	e.cfg.Recorder.StoreError(op)
	e.cfg.Logger.DebugContext(ctx, "gormcache: store failed", "op", op, "error", err)
	if hook := e.cfg.Recorder.Hooks.StoreError; hook != nil {
		hook(ctx, op, err)
	}
}
