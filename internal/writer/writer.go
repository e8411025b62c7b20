package writer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Policy is what happens to a write when the store cannot be told of it.
type Policy uint8

const (
	// AllowStale commits anyway. The invalidation is queued and retried until it lands; meanwhile
	// this process bypasses the tables concerned. Other processes may serve what they have until it
	// lands, at most for the TTL.
	AllowStale Policy = iota
	// FailWrite refuses the write before it is committed, with [ErrStoreUnavailable].
	FailWrite
)

// ErrStoreUnavailable is wrapped by the error of a write that [FailWrite] refused. Nothing was committed.
var ErrStoreUnavailable = errors.New("gormcache: the store can't be told of the write, and the policy is FailWrite")

// Config is what an [Writer] works with. Store, Namespace, Dialect, Recorder, Logger, Replayer and the
// durations must be set.
type Config struct {
	Store        store.Store
	Namespace    store.Namespace
	Dialect      sqltext.Dialect
	Grace        time.Duration // a mark's life
	WriteTimeout time.Duration // budget of one call of the store by a writer
	ReplicaLag   time.Duration // how long reads may lag behind a commit
	Policy       Policy
	Regions      []string            // the regions there are
	Views        map[string][]string // view → what it reads
	Triggers     map[string][]string // table → what its triggers change
	Declared     []schema.Named      // names to be looked for in the database
	Recorder     *observe.Recorder
	Logger       *slog.Logger
	Replayer     pool.Replayer
}

// Writer turns writes into new tokens. It is safe for concurrent use.
type Writer struct {
	cfg      Config
	texts    *sqltext.Cache
	schema   *schema.Schema
	queue    *queue
	pools    *pool.Pools
	plain    plainTxs
	tracking tracking
	dropped  droppings
	failure  atomic.Pointer[error] // of the store, the last
	regions  map[string]bool
	doubts   doubts
	warned   sync.Once
	lookedUp lookedUp
	sharded  sync.Once
}

// memo is how many SQL texts are remembered with what they touch.
const memo = 4096

// New returns a writer. Configuration must have been validated.
func New(cfg Config) *Writer {
	w := &Writer{
		cfg:   cfg,
		texts: sqltext.NewCache(cfg.Dialect, memo),
		schema: schema.New(schema.Config{
			Namespace: cfg.Namespace, Dialect: cfg.Dialect, Views: cfg.Views, Triggers: cfg.Triggers, Declared: cfg.Declared, Logger: cfg.Logger,
		}),
		regions: map[string]bool{},
	}
	for _, name := range cfg.Regions {
		w.regions[name] = true
	}
	w.queue = newQueue(w)
	w.pools = pool.New(observer{w}, cfg.Replayer)
	return w
}

// Attach wraps the pool of a database handle, and so of all handles that are made from it later.
func (w *Writer) Attach(db *gorm.DB) { w.pools.Attach(db) }

// Info returns what a SQL text touches. The result is shared and must not be modified.
func (w *Writer) Info(sql string) *sqltext.Info { return w.texts.Info(sql) }

// Blocked reports whether an invalidation of one of the tags has not reached the store yet.
func (w *Writer) Blocked(tags []string) bool { return w.queue.blocked(tags) }

// Pending is the number of tags whose invalidation has not reached the store yet, and of epochs that it has still
// to be asked for.
func (w *Writer) Pending() int { return w.queue.len() }

// Close tries once more to deliver what is pending, until ctx ends, and stops the background work.
// The error tells how much was lost; marks that landed keep others from stale reads until their
// deadline all the same. Writes that come later still invalidate, but are not retried.
func (w *Writer) Close(ctx context.Context) error { return w.queue.close(ctx) }

// stay is how long a writer's marks stay when it has settled, and why, if that is because of a doubt.
type stay struct {
	linger time.Duration
	why    cause
}

// settle delivers new tokens, or queues them. The returned error says that they were queued; lost are tags that
// did not bear id's mark any more.
func (w *Writer) settle(ctx context.Context, tags []string, id store.Writer, stays stay, began time.Time) (lost []string, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	err = w.call(ctx, "settle", func(ctx context.Context) error {
		err := w.cfg.Store.Settle(ctx, tags, id, stays.linger)
		lost = store.Lost(err)
		return store.Failure(err)
	})
	if err != nil {
		w.queue.add(tags, id, stays.linger)
	} else {
		w.cfg.Recorder.Invalidated(len(tags))
	}
	w.report(ctx, tags, id, stays, err, began)
	return lost, err
}

// fence marks the tags and leaves the marks to run out, which changes the tokens: for writes whose
// commit can't be seen. The errors are the refusal by [FailWrite] and that of ctx, if it ends meanwhile.
func (w *Writer) fence(ctx context.Context, tags []string) (id store.Writer, queued bool, err error) {
	id = store.NewWriter()
	if len(tags) == 0 {
		return id, false, nil
	}
	began, caller, stays := time.Now(), untilSent(ctx), stay{w.cfg.Grace, foreignCommit}
	err = w.within(caller, "mark", func(ctx context.Context) error {
		return store.Failure(w.cfg.Store.Settle(ctx, tags, id, w.cfg.Grace))
	})
	if gone := gone(caller); gone != nil {
		w.takeBack(ctx, tags, id, err)
		return id, false, gone
	}
	if err != nil && w.cfg.Policy == FailWrite {
		return id, false, fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	if err != nil {
		w.queue.add(tags, id, w.cfg.Grace)
	}
	w.report(ctx, tags, id, stays, err, began)
	return id, err != nil, nil
}

// takeBack takes away the marks of a writer whose caller has left before anything was sent. Where the store has taken
// them it is well, and nobody is to meet them afterwards; what may have landed of a call that was cut off is the
// queue's, since the caller has no time to wait for it.
func (w *Writer) takeBack(ctx context.Context, tags []string, id store.Writer, marking error) {
	if marking != nil || w.call(ctx, "unmark", func(ctx context.Context) error { return w.cfg.Store.Unmark(ctx, tags, id) }) != nil {
		w.queue.sweepSoon(tags, id)
	}
}

// call runs one call of the store within the write budget. The caller's cancellation does not count:
// what was written is written.
func (w *Writer) call(ctx context.Context, op string, fn func(context.Context) error) error {
	return w.within(context.WithoutCancel(ctx), op, fn)
}

// within runs one within the write budget and the caller's context: one that can still be given up, because nothing
// has been sent to the database.
func (w *Writer) within(ctx context.Context, op string, fn func(context.Context) error) error {
	budget, cancel := context.WithTimeoutCause(ctx, w.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := fn(budget)
	if err == nil || gone(ctx) != nil { // whose caller has no time says nothing of the store
		return err
	}
	failure := err // only here is it moved to the heap
	w.failure.Store(&failure)
	w.cfg.Recorder.StoreError(op)
	w.cfg.Logger.DebugContext(ctx, "gormcache: store failed", "op", op, "error", err)
	if hook := w.cfg.Recorder.Hooks.StoreError; hook != nil {
		hook(ctx, op, err)
	}
	return err
}

// untilSent is the context that bounds what is asked of the store before anything is sent to the database. One that has
// ended already does not: what becomes of the statement then is the pool's to say.
func untilSent(ctx context.Context) context.Context {
	if gone(ctx) != nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// gone is the error of a context that has ended. Deadlines reach the network by themselves, so a connection may fail a
// moment before the context says why.
func gone(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// report tells hooks, log and [Writer.Doubts] of tags that were settled, or queued because of err.
func (w *Writer) report(ctx context.Context, tags []string, id store.Writer, stays stay, err error, began time.Time) {
	i := observe.Invalidation{Tags: tags, Queued: err != nil, Err: err, Duration: time.Since(began)}
	w.drops(ctx, &i)
	if stays.why != "" {
		i.Doubt, i.Writer, i.Left = string(stays.why), id.String(), stays.linger
		w.doubt(ctx, Doubt{Tags: slices.Clone(tags), Writer: id, Cause: i.Doubt, Until: time.Now().Add(stays.linger)})
	} else {
		w.doubts.remove(id)
	}
	if hook := w.cfg.Recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, i)
	}
	if log := w.cfg.Logger; log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "gormcache: invalidate", "tags", i.Tags, "queued", i.Queued, "error", i.Err, "cause", string(i.Cause), "detail", i.Detail, "took", i.Duration)
	}
}
