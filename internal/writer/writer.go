package writer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"

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

// Config is what a [Writer] works with. Store, Namespace, Dialect, Recorder, Logger, Replayer and the
// durations must be set.
type Config struct {
	Store        store.Store
	Namespace    store.Namespace
	Dialect      sqltext.Dialect
	Grace        time.Duration // a mark's life
	WriteTimeout time.Duration // budget of one call of the store by a writer
	ReplicaLag   time.Duration // how long reads may lag behind a commit
	Policy       Policy
	Regions      map[string]RegionTags // the regions there are
	Views        map[string][]string   // view → what it reads
	Triggers     map[string][]string   // table → what its triggers change
	Declared     []schema.Named        // names to be looked for in the database
	Recorder     *observe.Recorder
	Logger       *slog.Logger
	Replayer     pool.Replayer
}

// RegionTags are the tags that entries of a region depend on besides the region's own: see [store.Namespace.Soft] and
// [store.Namespace.Grace].
type RegionTags struct{ Soft, Grace bool }

// Writer turns writes into new tokens. It is safe for concurrent use.
type Writer struct {
	*publisher

	texts    *sqltext.Cache
	pools    *pool.Pools
	plain    plainTxs
	warned   sync.Once
	lookedUp lookedUp
	sharded  sync.Once
}

// maxTexts is how many SQL texts are remembered with what they touch.
const maxTexts = 4096

// New returns a writer. Configuration must have been validated.
func New(cfg Config) *Writer {
	w := &Writer{publisher: newPublisher(cfg), texts: sqltext.NewCache(cfg.Dialect, maxTexts)}
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
func (w *Writer) Close(ctx context.Context) error {
	w.doubts.close()
	return w.queue.close(ctx)
}

// Explain says what a statement would change if it ran on that pool. inTx reports whether it would run in a
// transaction, GORM's own included. The database is asked for its catalog at most; the store is not asked, so
// what it alone knows (columns that only other processes track) is missing.
func (w *Writer) Explain(ctx context.Context, p gorm.ConnPool, sql string, args []any, inTx bool) *observe.Write {
	return (&explainer{w: w, info: w.Info(sql), args: args, inTx: inTx}).explain(ctx, p)
}

// Inspect says what this process and the store know of tables, by name, or of those that something is pending for and
// those in read. The error is the store's, within WriteTimeout; what this process knows is there all the same.
func (w *Writer) Inspect(ctx context.Context, tables, read []string) (observe.Inspection, error) {
	return inspector{w}.inspect(ctx, tables, read)
}
