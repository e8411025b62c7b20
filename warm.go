package gormcache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Defaults of [Plugin.Warm].
const (
	DefaultWarmParallel = 4
	DefaultWarmPatience = 30 * time.Second
)

const (
	// warmTries is how often a job is tried whose read was bypassed for a reason that passes.
	warmTries = 5
	// warmErrors is how many errors of jobs are kept; others are counted only.
	warmErrors = 100
)

var (
	// ErrNotCached is wrapped by the error of a job of [Plugin.Warm] that has read nothing through the cache, or was
	// bypassed: the error says why.
	ErrNotCached = errors.New("gormcache: not cached")
	// ErrStoreAway is wrapped by the error of [Plugin.Warm] where the store has not answered for longer than its patience.
	ErrStoreAway = errors.New("gormcache: the store has not answered")
)

// WarmItem is what [Plugin.Warm] takes: a [WarmJob] or a [WarmOption].
type WarmItem interface{ addTo(*warming) }

// WarmJob is something to be cached before it is asked for. Make it with [WarmQuery] or [WarmCall].
type WarmJob struct {
	name string
	run  func(context.Context, *gorm.DB) error
}

// WarmQuery is a query, or several of them, with what they preload. query runs it on the handle that it is given, with
// fromcache.Region or under a rule of Config.Models, as the application does, and returns what that returned:
//
//	gormcache.WarmQuery("countries", func(db *gorm.DB) *gorm.DB {
//		return db.Clauses(fromcache.Region("default")).Find(&[]Country{})
//	})
//
// name is for errors.
func WarmQuery(name string, query func(db *gorm.DB) *gorm.DB) WarmJob {
	j := WarmJob{name: name}
	if query != nil {
		j.run = func(_ context.Context, db *gorm.DB) error {
			if tx := query(db); tx != nil {
				return tx.Error
			}
			return errors.New("the query returned nil: return what Find or the like has returned")
		}
	}
	return j
}

// WarmCall is a value, or a call of a cached function: call asks for it by region.GetOrCreate or the like.
func WarmCall[T any](name string, call func(ctx context.Context) (T, error)) WarmJob {
	j := WarmJob{name: name}
	if call != nil {
		j.run = func(ctx context.Context, _ *gorm.DB) error {
			_, err := call(ctx)
			return err
		}
	}
	return j
}

// WarmOption changes how [Plugin.Warm] works.
type WarmOption func(*warming)

// WarmParallel is how many jobs run at once. Defaults to [DefaultWarmParallel].
func WarmParallel(n int) WarmOption { return func(w *warming) { w.parallel = n } }

// WarmPatience is how long to wait for a store that is away before giving up. Defaults to [DefaultWarmPatience].
func WarmPatience(d time.Duration) WarmOption { return func(w *warming) { w.patience = d } }

// WarmFrom goes on where an earlier call with the same jobs has stopped: at its Checkpoint.
func WarmFrom(checkpoint int) WarmOption { return func(w *warming) { w.from = checkpoint } }

// WarmProgressTo calls fn after each job, and when the store goes away or comes back; never twice at once. fn must be
// quick, since the jobs wait for it.
func WarmProgressTo(fn func(WarmProgress)) WarmOption { return func(w *warming) { w.tell = fn } }

// WarmProgress is how far [Plugin.Warm] has come.
type WarmProgress struct {
	// Total is how many jobs there are, and Done how many of them have ended, those before [WarmFrom] included.
	Total, Done int
	// Hits were cached already, Loaded are cached now, and Failed are those that ended with an error.
	Hits, Loaded, Failed int
	// Paused is set while the store is away and no job begins.
	Paused bool
	// Took is how long it has lasted, and Left an estimate of how long it will go on if the rest is like what was done;
	// 0 as long as there is nothing to go by.
	Took, Left time.Duration
	// Checkpoint is the number of jobs, from the first, that have all ended: [WarmFrom] goes on there.
	Checkpoint int
}

// Warm caches what the jobs ask for. What is cached already costs one read of the cache, so it may be called again, and by
// several processes. It goes the way that the application's own reads go: scopes, rules of Config.Models and policies
// of regions hold, and loads are shared with others who ask for the same. While the store is away no job begins, since the
// database would be asked for nothing; after WarmPatience that ends it.
//
// A job that fails, panics or is not cached does not stop the others. The error names those, 100 of them at most, and
// says why it has ended early: that of ctx, [ErrStoreAway] or [ErrClosed]. What is returned beside it says how far it has
// come, and where [WarmFrom] can go on; a job that has failed is behind that.
//
//	done, err := p.Warm(ctx, gormcache.WarmQuery("countries", countries), gormcache.WarmCall("rates", rates.Call),
//		gormcache.WarmParallel(8), gormcache.WarmProgressTo(func(p gormcache.WarmProgress) { log.Println(p.Done, p.Total, p.Left) }))
func (p *Plugin) Warm(ctx context.Context, items ...WarmItem) (WarmProgress, error) {
	w := &warming{p: p, parallel: DefaultWarmParallel, patience: DefaultWarmPatience}
	for _, item := range items {
		if item != nil {
			item.addTo(w)
		}
	}
	if err := w.check(); err != nil {
		return WarmProgress{}, err
	}
	w.begin()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range min(w.parallel, len(w.jobs)-w.from) {
		workers.Go(func() { w.work(ctx, cancel) })
	}
	workers.Wait()
	return w.end(ctx)
}

// warming is one call of [Plugin.Warm].
type warming struct {
	p        *Plugin
	jobs     []WarmJob
	parallel int
	patience time.Duration
	from     int
	tell     func(WarmProgress)

	mu     sync.Mutex
	next   int       // the first job that nobody has taken
	ended  []bool    // by job
	began  time.Time // of the call
	away   time.Time // since when the store has not answered, for the progress; zero: it answers
	paused time.Duration
	now    WarmProgress
	errs   []error
}

func (j WarmJob) addTo(w *warming)    { w.jobs = append(w.jobs, j) }
func (o WarmOption) addTo(w *warming) { o(w) }

func (w *warming) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if w.p == nil || w.p.engine == nil {
		return errors.New("gormcache: Warm: the plugin was not made by gormcache.New, or New returned an error: look at that")
	}
	if w.p.db.Load() == nil {
		bad("%w: call db.Use first", ErrNotRegistered)
	}
	if w.parallel <= 0 {
		bad("WarmParallel is %d: it must be positive", w.parallel)
	}
	if w.patience < 0 {
		bad("WarmPatience is %s: it must not be negative", w.patience)
	}
	if w.from < 0 || w.from > len(w.jobs) {
		bad("WarmFrom is %d: it must be a Checkpoint of the same jobs, from 0 to %d", w.from, len(w.jobs))
	}
	for i, j := range w.jobs {
		if j.run == nil {
			bad("job %d, %q, has no function: make it with WarmQuery or WarmCall", i, j.name)
		}
	}
	if len(errs) > 0 {
		return fault.Errorf("Warm: %w", errors.Join(errs...))
	}
	return nil
}

func (w *warming) begin() {
	w.began, w.next, w.ended = time.Now(), w.from, make([]bool, len(w.jobs))
	w.now = WarmProgress{Total: len(w.jobs), Done: w.from, Checkpoint: w.from}
}

// work runs jobs until there is none left, or cancel was called by anybody.
func (w *warming) work(ctx context.Context, cancel context.CancelCauseFunc) {
	for ctx.Err() == nil {
		w.mu.Lock()
		at := w.next
		w.next++
		w.mu.Unlock()
		if at >= len(w.jobs) {
			return
		}
		loaded, err := w.job(ctx, w.jobs[at])
		switch {
		case errors.Is(err, ErrStoreAway), errors.Is(err, ErrClosed):
			cancel(err) // and the job has not ended
		case ctx.Err() != nil:
		default:
			w.done(at, loaded, err)
		}
	}
}

// job runs one job, again where it was bypassed for a reason that passes.
func (w *warming) job(ctx context.Context, j WarmJob) (loaded bool, err error) {
	pause, out := 10*time.Millisecond, outage{}
	for try := 1; ; try++ {
		if err := w.await(ctx, &out); err != nil {
			return false, err
		}
		seen, failures := &engine.Watched{}, w.failures()
		if err := w.run(ctx, j, seen); err != nil {
			return false, err
		}
		n, loaded, bypassed := seen.Reads()
		if bypassed == nil && loaded && w.failures() != failures { // perhaps the fill; then the next try is a hit
			bypassed = &engine.Result{Reason: observe.StoreError, Detail: "the store may not have taken what was loaded"}
		}
		switch {
		case n == 0:
			return false, fmt.Errorf("%w: nothing was read through the cache: give the query fromcache.Region or its model a rule in "+
				"Config.Models, and run it in the job with the handle or the context that it is given", ErrNotCached)
		case bypassed == nil:
			w.answered()
			return loaded, nil
		case bypassed.Reason == observe.Closed:
			return false, ErrClosed
		case bypassed.Reason == observe.StoreError:
			w.missed(&out, bypassed.Detail)
			pause, try = w.p.cfg.BreakerCooldown, 0 // the patience ends it
		case !passes(bypassed.Reason) || try == warmTries:
			return false, fmt.Errorf("%w: bypassed (%s): %s", ErrNotCached, bypassed.Reason, bypassed.Detail)
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
		pause *= 2
	}
}

// failures is how many calls of the store have failed so far.
func (w *warming) failures() (n uint64) {
	for _, of := range w.p.recorder.Snapshot().StoreErrors {
		n += of
	}
	return n
}

// passes reports whether a read that was bypassed may do better in a moment: the catalog was read just now, or a writer
// was about to commit.
func passes(r observe.Reason) bool {
	return r == observe.Catalog || r == observe.Marked || r == observe.Pending
}

// run runs a job once.
func (w *warming) run(ctx context.Context, j WarmJob, seen *engine.Watched) (err error) {
	ctx, stop := engine.Watch(ctx, seen)
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			if bug, ok := r.(runtime.Error); ok {
				err = fmt.Errorf("it panicked: %w", bug)
			} else {
				err = fmt.Errorf("it panicked: %v", r)
			}
		}
	}()
	return j.run(ctx, w.p.db.Load().Session(&gorm.Session{NewDB: true, Context: ctx}))
}

// outage is since when a job has had no answer of the store, and what was said of it. Zero: there is none.
type outage struct {
	since  time.Time
	detail string
}

// await waits while a store is away that a breaker looks after.
func (w *warming) await(ctx context.Context, out *outage) error {
	for {
		if w.p.engine.Closed() {
			return ErrClosed
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		open := w.p.store.Open() || slices.ContainsFunc(w.p.stores, func(s regionStore) bool { return s.Open() })
		if open {
			w.missed(out, breaker.ErrOpen.Error())
		}
		if !out.since.IsZero() && time.Since(out.since) >= w.patience {
			return fault.Errorf("%w for %s: %s", ErrStoreAway, w.patience, out.detail)
		}
		if !open {
			return nil
		}
		if err := sleep(ctx, min(w.p.cfg.BreakerCooldown, max(w.patience/10, time.Millisecond))); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// missed notes that the store is away, and answered that it is not.
func (w *warming) missed(out *outage, detail string) {
	if out.since.IsZero() {
		out.since, out.detail = time.Now(), detail
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away.IsZero() {
		w.away = time.Now()
		w.p.cfg.Logger.Warn("gormcache: Warm pauses: the store does not answer", "done", w.now.Done, "of", w.now.Total)
		w.report()
	}
}

func (w *warming) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.away.IsZero() {
		w.paused += time.Since(w.away)
		w.away = time.Time{}
		w.p.cfg.Logger.Info("gormcache: Warm goes on: the store answers", "done", w.now.Done, "of", w.now.Total)
		w.report()
	}
}

// done notes a job that has ended.
func (w *warming) done(at int, loaded bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[at] = true
	w.now.Done++
	for w.now.Checkpoint < len(w.jobs) && w.ended[w.now.Checkpoint] {
		w.now.Checkpoint++
	}
	switch {
	case err != nil:
		w.now.Failed++
		if len(w.errs) < warmErrors {
			w.errs = append(w.errs, fmt.Errorf("job %d, %q: %w", at, w.jobs[at].name, err))
		}
	case loaded:
		w.now.Loaded++
	default:
		w.now.Hits++
	}
	w.report()
}

// report tells the progress. The lock is held.
func (w *warming) report() {
	w.now.Took, w.now.Paused, w.now.Left = time.Since(w.began), !w.away.IsZero(), 0
	paused := w.paused
	if w.now.Paused {
		paused += time.Since(w.away)
	}
	if did := w.now.Done - w.from; did > 0 {
		w.now.Left = (w.now.Took - paused) / time.Duration(did) * time.Duration(w.now.Total-w.now.Done)
	}
	if w.tell != nil {
		w.tell(w.now)
	}
}

// end returns how far it has come, and what was wrong.
func (w *warming) end(ctx context.Context) (WarmProgress, error) {
	w.now.Took, w.now.Paused = time.Since(w.began), false
	errs := w.errs
	if more := w.now.Failed - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d jobs more", more))
	}
	if w.now.Done < w.now.Total {
		err := context.Cause(ctx)
		if err == nil {
			err = errors.New("jobs have ended their goroutine, by runtime.Goexit")
		}
		errs = append([]error{fmt.Errorf("%d of %d jobs have not run, go on with WarmFrom(%d): %w", w.now.Total-w.now.Done, w.now.Total, w.now.Checkpoint, err)}, errs...)
	}
	if len(errs) == 0 {
		return w.now, nil
	}
	return w.now, fault.Errorf("Warm: %w", errors.Join(errs...))
}
