package gormcache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/internal/reader"
	"github.com/seed-4f7f0efa/gormcache/internal/replay"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

var (
	// ErrClosed is returned by db.Use of a closed plugin. Queries and writes never return it.
	ErrClosed = errors.New("gormcache: the plugin is closed: make another one with gormcache.New")
	// ErrNotRegistered is returned where a *gorm.DB has no plugin.
	ErrNotRegistered = plugin.ErrNotRegistered
	// ErrUnknownRegion is wrapped by the error of a query whose region is not configured.
	ErrUnknownRegion = region.ErrUnknownRegion
	// ErrNotExplained is returned by [Explain] where its function has made no statement on the handle that it was
	// given, or has returned another: what it has made on another has been sent.
	ErrNotExplained = reader.ErrNotExplained
)

// closeTimeout bounds how long Close tries to deliver what is pending.
const closeTimeout = 5 * time.Second

// Plugin is the cache of one *gorm.DB. Make it with [New] and register it with db.Use. It is safe for
// concurrent use.
type Plugin struct {
	cfg      Config
	recorder *observe.Recorder
	own      *memory.Store  // the store to be emptied with the plugin, if it made one
	store    *breaker.Store // cfg.Store behind a breaker
	stores   []regionStore  // those that regions have of their own
	engine   *engine.Engine
	locks    *lock.Locks
	regions  map[string]*region.Region // handles of the engine's: made once, since each query's scope asks for one
	replayer *replay.Replayer

	mu     sync.Mutex // one Initialize or Close at a time
	closed bool
	db     atomic.Pointer[gorm.DB]       // nil before Initialize
	inv    atomic.Pointer[writer.Writer] // nil before Initialize, as is reader
	reader atomic.Pointer[reader.Reader]
}

// New returns a plugin, or an error that names every wrong field and its remedy.
func New(cfg Config) (*Plugin, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fault.Errorf("%w", err)
	}
	p := &Plugin{recorder: observe.NewRecorder(cfg.Hooks), replayer: replay.New()}
	readTimeout := cfg.ReadTimeout
	if cfg.Store == nil {
		p.own = memory.New()
		cfg.Store = p.own
	}
	if _, ok := cfg.Store.(*memory.Store); ok {
		readTimeout = 0 // it never waits, and a deadline costs a hit as much as the lookup itself
	}
	p.cfg = cfg
	p.store = behindBreaker(cfg.Store, cfg)
	p.store.LogTo(cfg.Logger)
	p.stores = regionStores(cfg)
	p.engine = engine.New(engine.Config{
		Store:        p.store,
		Namespace:    store.Namespace(cfg.Namespace),
		Regions:      policies(cfg.Regions),
		ReadTimeout:  readTimeout,
		WriteTimeout: cfg.WriteTimeout,
		Recorder:     p.recorder,
		Logger:       cfg.Logger,
		Blocked:      p.blocked,
		Schema:       p.schema,

		Stores:        byRegion(p.stores),
		StoresTimeout: cfg.ReadTimeout,
	})
	// Not behind the breaker: a lock is not refused because reads have failed. An error is that of each call.
	p.locks, _ = lock.New(cfg.Store, cfg.Namespace, lock.Timeout(cfg.WriteTimeout), lock.Logger(cfg.Logger))
	p.regions = make(map[string]*region.Region, len(cfg.Regions))
	for name := range cfg.Regions {
		r, err := p.engine.Region(name)
		if err != nil {
			return nil, err
		}
		p.regions[name] = region.Of(r, p.drop)
	}
	return p, nil
}

// policies are those of regions, as the engine takes them.
func policies(regions map[string]region.Config) map[string]engine.Policy {
	all := make(map[string]engine.Policy, len(regions))
	for name, cfg := range regions {
		all[name] = engine.Policy(cfg)
	}
	return all
}

// Name implements gorm.Plugin.
func (p *Plugin) Name() string { return plugin.Name }

// Initialize implements gorm.Plugin: db.Use calls it. A plugin serves one *gorm.DB (and all handles
// made from it).
func (p *Plugin) Initialize(db *gorm.DB) error {
	if db == nil || db.Config == nil {
		return errors.New("gormcache: db is nil: call db.Use on an opened *gorm.DB")
	}
	if p == nil || p.engine == nil {
		return errors.New("gormcache: the plugin was not made by gormcache.New, or New returned an error: look at that")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if inv := p.inv.Load(); inv != nil {
		// dbresolver opens its sources and replicas with the plugins of the handle it serves.
		if db.Plugins[p.Name()] == gorm.Plugin(p) {
			inv.Attach(db)
			return nil
		}
		return errors.New("gormcache: the plugin is in use by another *gorm.DB: make one for each with gormcache.New")
	}
	dialect := sqltext.DialectOf(db.Name())
	if dialect == sqltext.Unknown {
		return fault.Errorf("dialect %q is not supported: use sqlite, postgres or mysql", db.Name())
	}
	if _, ok := db.Plugins[writer.Sharding]; ok {
		return errors.New("gormcache: gorm.io/sharding takes its pool's transactions for none, and commits at the first " +
			"statement, as with PrepareStmt: use one of the two")
	}
	if err := p.check(); err != nil {
		return err
	}
	p.build(db, dialect)
	if err := p.register(db); err != nil {
		p.inv.Store(nil)
		p.reader.Store(nil)
		return err
	}
	p.inv.Load().Attach(db)
	p.db.Store(db)
	if p.own != nil && dialect != sqltext.SQLite {
		p.cfg.Logger.Warn("gormcache: Config.Store is not set, so this process caches in its own memory: other processes that write to this " +
			"database don't invalidate it (CAVEATS.md, 14); set redisstore.New(client), or memory.New() if there is no other process")
	}
	return nil
}

// check asks the stores whether they can do what they must. One that can't be reached now is no reason to
// keep a program from starting.
func (p *Plugin) check() error {
	if err := p.checkStore("Config.Store", p.cfg.Store, p.rehearse); err != nil {
		return err
	}
	for _, s := range p.stores {
		if err := p.checkStore(s.field(), s.user, s.rehearse(store.Namespace(p.cfg.Namespace))); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plugin) checkStore(field string, s store.Store, rehearse func(context.Context) error) error {
	checker, ok := s.(store.Checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.WriteTimeout)
	defer cancel()
	err := checker.Check(ctx)
	if err == nil {
		err = rehearse(ctx)
	}
	if errors.Is(err, store.ErrUnsupported) {
		return fault.Errorf("%s: %w", field, err)
	}
	if err != nil {
		p.cfg.Logger.Warn("gormcache: the store can't serve yet; the database answers until it can", "store", field, "error", err)
	}
	return nil
}

// rehearse does once what queries and writes will do, on names that nothing else has since no region is called "".
// Who may use the store may have no right to the namespace's names, or not to all that is done with them.
func (p *Plugin) rehearse(ctx context.Context) error {
	s, ns := p.cfg.Store, store.Namespace(p.cfg.Namespace)
	keys, tags := []string{ns.Value("", "")}, []string{ns.Region("")}
	tokens := func() error { return s.Tokens(ctx, tags, make([]store.State, 1)) }
	for _, step := range []func() error{
		func() error { return s.Set(ctx, keys[0], []byte{}, time.Minute) },
		tokens, // makes the tag
		tokens, // finds it
		func() error { return s.Lookup(ctx, &store.Lookup{Keys: keys, Tags: tags}) },
		func() error { return s.Delete(ctx, keys[0], tags[0]) }, // where tags are not keys, of the entry only
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plugin) build(db *gorm.DB, dialect sqltext.Dialect) {
	regions := make(map[string]writer.RegionTags, len(p.cfg.Regions))
	for name, cfg := range p.cfg.Regions {
		regions[name] = writer.RegionTags{Soft: cfg.StaleWhileRevalidate > 0, Grace: cfg.StaleIfError > 0}
	}
	inv := writer.New(writer.Config{
		Store:        p.store,
		Namespace:    store.Namespace(p.cfg.Namespace),
		Dialect:      dialect,
		Grace:        p.cfg.WriteGrace,
		WriteTimeout: p.cfg.WriteTimeout,
		ReplicaLag:   p.cfg.ReplicaLag,
		Policy:       writer.Policy(p.cfg.WritePolicy),
		Regions:      regions,
		Views:        p.cfg.Views,
		Triggers:     p.cfg.Triggers,
		Declared:     p.declared(db),
		Recorder:     p.recorder,
		Logger:       p.cfg.Logger,
		Replayer:     p.replayer,
	})
	p.inv.Store(inv)
	p.reader.Store(reader.New(reader.Config{
		Engine:       p.engine,
		Invalidator:  inv,
		Replayer:     p.replayer,
		Recorder:     p.recorder,
		Dialect:      db.Name(),
		Database:     p.cfg.Database,
		Tracked:      tracked(p.cfg.Tracked),
		Models:       p.cfg.Models,
		ReplicaReads: p.cfg.ReplicaLag > 0,
		Replaced:     replaced(db),
	}))
}

// declared are the names in the configuration that only the database can tell to be right.
func (p *Plugin) declared(db *gorm.DB) (all []schema.Named) {
	table := func(field, key, name, column string) {
		all = append(all, schema.Named{Field: fmt.Sprintf("Config.%s[%q]", field, key), Tables: []string{store.TableName(name)}, Column: column})
	}
	for _, key := range slices.Sorted(maps.Keys(p.cfg.Tracked)) {
		for _, column := range p.cfg.Tracked[key] {
			table("Tracked", key, key, strings.ToLower(column))
		}
	}
	for _, m := range []struct {
		field string
		names map[string][]string
	}{{"Views", p.cfg.Views}, {"Triggers", p.cfg.Triggers}} {
		for _, key := range slices.Sorted(maps.Keys(m.names)) {
			for _, name := range append([]string{key}, m.names[key]...) {
				table(m.field, key, name, "")
			}
		}
	}
	for _, key := range reader.ExactModels(p.cfg.Models) {
		last := key[strings.LastIndexByte(key, '.')+1:]
		all = append(all, schema.Named{
			Field:  fmt.Sprintf("Config.Models[%q]", key),
			Tables: slices.Compact([]string{store.TableName(key), store.TableName(db.NamingStrategy.TableName(last))}),
			Met:    func() bool { return p.reader.Load().Met(key) },
		})
	}
	return all
}

// tracked brings declared columns into the form in which they are compared.
func tracked(declared map[string][]string) map[string][]string {
	m := make(map[string][]string, len(declared))
	for table, columns := range declared {
		table = store.TableName(table)
		for _, c := range columns {
			m[table] = append(m[table], strings.ToLower(c))
		}
	}
	return m
}

func (p *Plugin) blocked(tags []string) bool {
	inv := p.inv.Load()
	return inv != nil && inv.Blocked(tags)
}

func (p *Plugin) schema(epoch store.Token) uint64 {
	if inv := p.inv.Load(); inv != nil {
		return inv.Schema(epoch)
	}
	return 0
}

// Region returns the region of that name, for region.GetOrCreate.
func (p *Plugin) Region(name string) (*region.Region, error) {
	if r, ok := p.regions[name]; ok {
		return r, nil
	}
	_, err := p.engine.Region(name)
	return nil, err
}

// drop is for the methods of regions that invalidate.
func (p *Plugin) drop(ctx context.Context, tags []string) error {
	inv := p.inv.Load()
	if inv == nil {
		return ErrNotRegistered
	}
	return inv.Drop(ctx, tags)
}

// Locks returns the locks of the namespace in Config.Store: among all processes that share them, or in this process only,
// where the store is in it. They need no db.Use. A store that has no claims makes each call return [store.ErrNoClaim]. Close
// closes them.
func (p *Plugin) Locks() *lock.Locks { return p.locks }

// Invalidator is for the functions of package invalidate, which find the write side by this method. It is nil
// before db.Use.
func (p *Plugin) Invalidator() *writer.Writer { return p.inv.Load() }

// reads is the read path, nil before db.Use.
func (p *Plugin) reads() *reader.Reader { return p.reader.Load() }

// Stats returns the counters since the plugin was made.
func (p *Plugin) Stats() observe.Stats {
	s := p.recorder.Snapshot()
	s.BreakerOpen = p.store.Open()
	s.Rejected += rejected(p.cfg.Store)
	for _, own := range p.stores {
		s.BreakerOpen = s.BreakerOpen || own.Open()
		s.Rejected += rejected(own.user)
	}
	if inv := p.Invalidator(); inv != nil {
		s.Pending = inv.Pending()
	}
	return s
}

// Inspect says what keeps queries from being cached, or may let others read old rows: the marks on the tables' tags in
// the store, with writers and the time they have left, what of this process waits for the store, and whether that is
// asked at all. Without tables it is about those that this process has read through the cache, or has something
// pending for. It changes nothing, asks the store even where a breaker is open, and takes at most WriteTimeout; the
// error says that the store has not answered, and what this process knows is there all the same.
func (p *Plugin) Inspect(ctx context.Context, tables ...string) (observe.Inspection, error) {
	inv := p.Invalidator()
	if inv == nil {
		return observe.Inspection{}, ErrNotRegistered
	}
	read := slices.Collect(maps.Keys(p.recorder.Snapshot().Tables))
	i, err := inv.Inspect(ctx, tables, slices.DeleteFunc(read, func(name string) bool { return name == observe.OtherTables }))
	readers, writers := p.store.State()
	i.Readers, i.Writers, i.Closed = breakerState(readers), breakerState(writers), p.engine.Closed()
	return i, err
}

func breakerState(s breaker.State) observe.BreakerState {
	b := observe.BreakerState{Open: s.Open, Since: s.Since}
	if s.Err != nil {
		b.Error = s.Err.Error()
	}
	return b
}

// Close delivers what invalidations are pending, for at most 5 seconds, ends all background work and
// empties the store if the plugin made it. From then on all queries go to the database, those with a scope too:
// they are bypassed, with reason [observe.Closed]. No query fails because of Close, whether it is under way or
// comes later. Writes still invalidate as far as the store answers, but nothing is retried. Locks that are held are lost, as
// [lock.Locks.Close] says. Close may be called more than once. The error says which invalidations could not be delivered.
func (p *Plugin) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.engine.Close()
	var errs []error
	if inv := p.inv.Load(); inv != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, inv.Close(ctx))
	}
	errs = append(errs, p.replayer.Close(), p.locks.Close())
	if p.own != nil {
		// Not closed: queries and writes that are under way, and writes that come later, still use it.
		p.own.Clear()
	}
	return errors.Join(errs...)
}
