package region

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// Defaults of a region of [New], the same as those of a plugin.
const (
	// DefaultName is what the region is called without [Named].
	DefaultName = "default"
	// DefaultReadTimeout and DefaultWriteTimeout are used without [Timeouts].
	DefaultReadTimeout  = 50 * time.Millisecond
	DefaultWriteTimeout = time.Second
)

// closeTimeout bounds how long Close tries to deliver what is pending.
const closeTimeout = 5 * time.Second

// Setting changes a region of [New].
type Setting func(*settings)

type settings struct {
	name        string
	logger      *slog.Logger
	hooks       *observe.Hooks
	read, write time.Duration
}

// Named gives the region its name. Programs that share a namespace share the entries and the invalidation of regions with
// one name, plugins of gormcache among them. Defaults to [DefaultName].
func Named(name string) Setting { return func(s *settings) { s.name = name } }

// LogTo sends what the region logs to log. Defaults to slog.Default().
func LogTo(log *slog.Logger) Setting { return func(s *settings) { s.logger = log } }

// Hooks are called for each read and invalidation. Defaults to none.
func Hooks(h *observe.Hooks) Setting { return func(s *settings) { s.hooks = h } }

// Timeouts are how long a read waits for the store, in all its calls together, and how long a fill or an invalidation
// does, as in Config.ReadTimeout and Config.WriteTimeout of a plugin. 0 stands for the default.
func Timeouts(read, write time.Duration) Setting {
	return func(s *settings) { s.read, s.write = read, write }
}

// New returns a region without GORM and without a plugin: for programs that have no database, or another library for it.
// s is where entries and tags live; nil makes a store in the process, which the region empties when it is closed. namespace
// is that of all programs that share the data. The error names every wrong field and its remedy.
//
// Where plugins of gormcache use the same store and namespace, their writes invalidate what was made [WithTables], and
// invalidate.Region, invalidate.Tags and invalidate.All reach it as they reach their own entries. What no plugin sees is
// told by [Region.Invalidate], [Region.InvalidateTags] and [Region.InvalidateTables].
//
// A plugin's regions come from Plugin.Region: New is not for them.
func New(s store.Store, namespace string, cfg Config, opts ...Setting) (*Region, error) {
	set := settings{name: DefaultName, logger: slog.Default()}
	for _, opt := range opts {
		if opt != nil {
			opt(&set)
		}
	}
	cfg = cfg.WithDefaults()
	if err := set.check(s, namespace, cfg); err != nil {
		return nil, fault.Errorf("region.New: %w", err)
	}
	own := &standalone{recorder: observe.NewRecorder(set.hooks), logger: set.logger, write: set.write}
	readTimeout := set.read
	if s == nil {
		own.made = memory.New()
		s = own.made
	}
	if _, ok := s.(*memory.Store); ok {
		readTimeout = 0 // it never waits, and a deadline costs a hit as much as the lookup itself
	}
	if err := own.ask(s); err != nil {
		return nil, fault.Errorf("region.New: the store: %w", err)
	}
	own.store = own.behindBreaker(s, set)
	own.pending = newPending(own)
	ec := engine.Config{
		Store: own.store, Namespace: store.Namespace(namespace), Regions: map[string]engine.Policy{set.name: engine.Policy(cfg)},
		ReadTimeout: readTimeout, WriteTimeout: set.write, StoresTimeout: set.read,
		Recorder: own.recorder, Logger: set.logger, Blocked: own.pending.blocks,
	}
	if cfg.Store != nil {
		own.entries = own.behindBreaker(cfg.Store, set)
		ec.Stores = map[string]store.Store{set.name: own.entries}
	}
	own.engine = engine.New(ec)
	r, err := own.engine.Region(set.name)
	if err != nil {
		return nil, err
	}
	return &Region{engine: r, drop: own.drop, own: own}, nil
}

func (set *settings) check(s store.Store, namespace string, cfg Config) error {
	v := &validation{}
	if isNil(s) {
		v.bad("the store is a %T that is nil: pass one that was made, or nil for one in the process", s)
	}
	if err := store.Namespace(namespace).Validate(); err != nil {
		v.bad("%w", err)
	}
	if set.name == "" {
		v.bad("Named: the region's name is empty: give it one, or leave Named out")
	}
	if set.logger == nil {
		v.bad("LogTo: the logger is nil: pass one, or leave LogTo out for slog.Default()")
	}
	if set.read < 0 || set.write < 0 {
		v.bad("Timeouts are %s and %s: they must be positive (0 for the default)", set.read, set.write)
	}
	if set.read == 0 {
		set.read = DefaultReadTimeout
	}
	if set.write == 0 {
		set.write = DefaultWriteTimeout
	}
	return errors.Join(append(v.errs, cfg.Validate())...)
}

// standalone is what a region has of its own that no plugin made.
type standalone struct {
	engine   *engine.Engine
	store    *breaker.Store
	entries  *breaker.Store // before the region's own store; nil: entries are in store
	made     *memory.Store  // the store, if the region made it
	pending  *pending
	recorder *observe.Recorder
	logger   *slog.Logger
	write    time.Duration
}

func (o *standalone) behindBreaker(s store.Store, set settings) *breaker.Store {
	b := breaker.New(s, breaker.Config{ReadTimeout: set.read, WriteTimeout: set.write})
	b.LogTo(o.logger)
	return b
}

// ask asks the store whether it can do what it must. One that can't be reached now keeps no program from starting.
func (o *standalone) ask(s store.Store) error {
	checker, ok := s.(store.Checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.write)
	defer cancel()
	err := checker.Check(ctx)
	if errors.Is(err, store.ErrUnsupported) {
		return err
	}
	if err != nil {
		o.logger.Warn("gormcache: the store can't serve yet; values are made anew until it can", "error", err)
	}
	return nil
}

// drop gives the tags new tokens, or leaves that to the background: the error says so.
func (o *standalone) drop(ctx context.Context, tags []string) error {
	began := time.Now()
	err := o.settle(context.WithoutCancel(ctx), tags) // what it is to drop has changed already
	queued := err != nil && o.pending.add(tags)
	if hook := o.recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, observe.Invalidation{Tags: tags, Queued: queued, Err: err, Duration: time.Since(began)})
	}
	switch {
	case queued:
		return fault.Errorf("the invalidation has not reached the store and is being retried; this process makes values anew until it has: %w", err)
	case err != nil:
		return fault.Errorf("the invalidation has not reached the store, and is not retried since the region is closed: %w", err)
	}
	return nil
}

func (o *standalone) settle(ctx context.Context, tags []string) error {
	budget, cancel := context.WithTimeoutCause(ctx, o.write, store.ErrBudget)
	defer cancel()
	err := store.Failure(o.store.Settle(budget, tags, store.NewWriter(), 0))
	if err != nil {
		o.recorder.StoreError("settle")
		return err
	}
	o.recorder.Invalidated(len(tags))
	return nil
}

func (o *standalone) stats() observe.Stats {
	s := o.recorder.Snapshot()
	s.BreakerOpen = o.store.Open() || o.entries != nil && o.entries.Open()
	s.Pending = o.pending.len()
	return s
}

func (o *standalone) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := o.pending.close(ctx)
	o.engine.Close()
	if o.made != nil {
		// Not closed: reads that are under way still use it.
		o.made.Clear()
	}
	return err
}
