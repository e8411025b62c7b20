package invalidate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

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

// Config is what an [Invalidator] works with. Store, Namespace, Dialect, Recorder, Logger and the
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
	Recorder     *observe.Recorder
	Logger       *slog.Logger
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
	warned   sync.Once
	root     gorm.ConnPool // the pool of the handle that the plugin is registered on, if it hides its *sql.DB
	main     any           // its base then

	// Drain reads what is left of rows into memory and returns rows that give the same; a statement
	// that both writes and returns rows has surely run to its end only then. ended is false if it
	// could not be done. Set before use.
	Drain func(rows *sql.Rows) (drained *sql.Rows, ended bool, err error)
}

// memo is how many SQL texts are remembered with what they touch.
const memo = 4096

// New returns an invalidator. Configuration must have been validated.
func New(cfg Config) *Invalidator {
	inv := &Invalidator{
		cfg:      cfg,
		texts:    sqltext.NewCache(cfg.Dialect, memo),
		topology: newTopology(cfg),
		regions:  map[string]bool{},
	}
	for _, name := range cfg.Regions {
		inv.regions[name] = true
	}
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

// settle delivers new tokens, or queues them. The returned error says that they were queued; lost are tags that
// did not bear w's mark any more.
func (inv *Invalidator) settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration, began time.Time) (lost []string, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	err = inv.call(ctx, "settle", func(ctx context.Context) error {
		err := inv.cfg.Store.Settle(ctx, tags, w, linger)
		lost = store.Lost(err)
		return store.Failure(err)
	})
	if err != nil {
		inv.queue.add(tags, w, linger)
	} else {
		inv.cfg.Recorder.Invalidated(len(tags))
	}
	inv.report(ctx, observe.Invalidation{Tags: tags, Queued: err != nil, Err: err, Duration: time.Since(began)})
	return lost, err
}

// fence marks the tags and leaves the marks to run out, which changes the tokens: for writes whose
// commit can't be seen. The error is the refusal by [FailWrite].
func (inv *Invalidator) fence(ctx context.Context, tags []string) (queued bool, err error) {
	if len(tags) == 0 {
		return false, nil
	}
	began, w := time.Now(), store.NewWriter()
	err = inv.call(ctx, "mark", func(ctx context.Context) error {
		return store.Failure(inv.cfg.Store.Settle(ctx, tags, w, inv.cfg.Grace))
	})
	if err == nil {
		return false, nil
	}
	if inv.cfg.Policy == FailWrite {
		return false, fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	inv.queue.add(tags, w, inv.cfg.Grace)
	inv.report(ctx, observe.Invalidation{Tags: tags, Queued: true, Err: err, Duration: time.Since(began)})
	return true, nil
}

// call runs one call of the store within the write budget. The caller's cancellation does not count:
// what was written is written.
func (inv *Invalidator) call(ctx context.Context, op string, fn func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	budget, cancel := context.WithTimeoutCause(ctx, inv.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := fn(budget)
	if err == nil {
		return nil
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

func (inv *Invalidator) report(ctx context.Context, i observe.Invalidation) {
	inv.drops(ctx, &i)
	if hook := inv.cfg.Recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, i)
	}
	if log := inv.cfg.Logger; log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "gormcache: invalidate", "tags", i.Tags, "queued", i.Queued, "error", i.Err, "cause", string(i.Cause), "detail", i.Detail, "took", i.Duration)
	}
}
