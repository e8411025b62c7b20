package writer

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
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

// Config is what an [Invalidator] works with. Store, Namespace, Dialect, Recorder, Logger, Replayer and the
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
	Declared     []Named             // names to be looked for in the database
	Recorder     *observe.Recorder
	Logger       *slog.Logger
	Replayer     Replayer
}

// Invalidator turns writes into new tokens. It is safe for concurrent use.
type Invalidator struct {
	cfg      Config
	texts    *sqltext.Cache
	topology *topology
	queue    *queue
	pools    pools
	plain    plainTxs
	tracking tracking
	dropped  droppings
	failure  atomic.Pointer[error] // of the store, the last
	regions  map[string]bool
	doubts   doubts
	warned   sync.Once
	names    names
	sharded  sync.Once
	root     gorm.ConnPool // the pool of the handle that the plugin is registered on, if it hides its *sql.DB
	main     any           // its base then

}

// Replayer reads the rows of statements that write ahead of the application, since only then they have surely run to
// their end.
type Replayer interface {
	// Drain reads rows to their end and returns rows that give the same. Where that can't be done, ended is false: what
	// is returned goes on reading, and calls closed with its error when it is closed.
	Drain(rows *sql.Rows, closed func(error)) (drained *sql.Rows, ended bool, err error)
	// First closes rows when it has read the first, and returns a row that gives the same. The error is how they ended.
	First(rows *sql.Rows) (*sql.Row, error)
	// RowError returns a row that gives nothing but the error.
	RowError(err error) *sql.Row
}

// maxTexts is how many SQL texts are remembered with what they touch.
const maxTexts = 4096

// New returns an invalidator. Configuration must have been validated.
func New(cfg Config) *Invalidator {
	inv := &Invalidator{
		cfg:      cfg,
		texts:    sqltext.NewCache(cfg.Dialect, maxTexts),
		topology: newTopology(cfg),
		regions:  map[string]bool{},
	}
	for _, name := range cfg.Regions {
		inv.regions[name] = true
	}
	inv.names.declared = cfg.Declared
	inv.queue = newQueue(inv)
	return inv
}

// Info tells what a SQL text touches. The result is shared and must not be modified.
func (inv *Invalidator) Info(sql string) *sqltext.Info { return inv.texts.Info(sql) }

// Blocked tells that an invalidation of one of the tags has not reached the store yet.
func (inv *Invalidator) Blocked(tags []string) bool { return inv.queue.blocked(tags) }

// Pending is the number of tags whose invalidation has not reached the store yet, and of epochs that it has still
// to be asked for.
func (inv *Invalidator) Pending() int { return inv.queue.len() }

// Close tries once more to deliver what is pending, until ctx ends, and stops the background work.
// The error tells how much was lost; marks that landed keep others from stale reads until their
// deadline all the same. Writes that come later still invalidate, but are not retried.
func (inv *Invalidator) Close(ctx context.Context) error { return inv.queue.close(ctx) }

// stay is how long a writer's marks stay when it has settled, and why, if that is because of a doubt.
type stay struct {
	linger time.Duration
	why    cause
}

// settle delivers new tokens, or queues them. The returned error says that they were queued; lost are tags that
// did not bear w's mark any more.
func (inv *Invalidator) settle(ctx context.Context, tags []string, w store.Writer, stays stay, began time.Time) (lost []string, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	err = inv.call(ctx, "settle", func(ctx context.Context) error {
		err := inv.cfg.Store.Settle(ctx, tags, w, stays.linger)
		lost = store.Lost(err)
		return store.Failure(err)
	})
	if err != nil {
		inv.queue.add(tags, w, stays.linger)
	} else {
		inv.cfg.Recorder.Invalidated(len(tags))
	}
	inv.report(ctx, tags, w, stays, err, began)
	return lost, err
}

// fence marks the tags and leaves the marks to run out, which changes the tokens: for writes whose
// commit can't be seen. The errors are the refusal by [FailWrite] and that of ctx, if it ends meanwhile.
func (inv *Invalidator) fence(ctx context.Context, tags []string) (w store.Writer, queued bool, err error) {
	w = store.NewWriter()
	if len(tags) == 0 {
		return w, false, nil
	}
	began, caller, stays := time.Now(), untilSent(ctx), stay{inv.cfg.Grace, foreignCommit}
	err = inv.within(caller, "mark", func(ctx context.Context) error {
		return store.Failure(inv.cfg.Store.Settle(ctx, tags, w, inv.cfg.Grace))
	})
	if gone := gone(caller); gone != nil {
		inv.queue.sweepSoon(tags, w)
		return w, false, gone
	}
	if err != nil && inv.cfg.Policy == FailWrite {
		return w, false, fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	if err != nil {
		inv.queue.add(tags, w, inv.cfg.Grace)
	}
	inv.report(ctx, tags, w, stays, err, began)
	return w, err != nil, nil
}

// call runs one call of the store within the write budget. The caller's cancellation does not count:
// what was written is written.
func (inv *Invalidator) call(ctx context.Context, op string, fn func(context.Context) error) error {
	return inv.within(context.WithoutCancel(ctx), op, fn)
}

// within runs one within the write budget and the caller's context: one that can still be given up, because nothing
// has been sent to the database.
func (inv *Invalidator) within(ctx context.Context, op string, fn func(context.Context) error) error {
	budget, cancel := context.WithTimeoutCause(ctx, inv.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := fn(budget)
	if err == nil || gone(ctx) != nil { // whose caller has no time says nothing of the store
		return err
	}
	failure := err // only here is it moved to the heap
	inv.failure.Store(&failure)
	inv.cfg.Recorder.StoreError(op)
	inv.cfg.Logger.DebugContext(ctx, "gormcache: store failed", "op", op, "error", err)
	if hook := inv.cfg.Recorder.Hooks.StoreError; hook != nil {
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

// report tells hooks, log and [Invalidator.Doubts] of tags that were settled, or queued because of err.
func (inv *Invalidator) report(ctx context.Context, tags []string, w store.Writer, stays stay, err error, began time.Time) {
	i := observe.Invalidation{Tags: tags, Queued: err != nil, Err: err, Duration: time.Since(began)}
	inv.drops(ctx, &i)
	if stays.why != "" {
		i.Doubt, i.Writer, i.Left = string(stays.why), w.String(), stays.linger
		inv.doubt(ctx, Doubt{Tags: slices.Clone(tags), Writer: w, Cause: i.Doubt, Until: time.Now().Add(stays.linger)})
	} else {
		inv.doubts.remove(w)
	}
	if hook := inv.cfg.Recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, i)
	}
	if log := inv.cfg.Logger; log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "gormcache: invalidate", "tags", i.Tags, "queued", i.Queued, "error", i.Err, "cause", string(i.Cause), "detail", i.Detail, "took", i.Duration)
	}
}
