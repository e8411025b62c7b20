package invalidate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate/sqltext"
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

// Pending is the number of tags whose invalidation has not reached the store yet.
func (inv *Invalidator) Pending() int { return inv.queue.len() }

// Close tries once more to deliver what is pending, until ctx ends, and stops the background work.
// The error tells how much was lost; marks that landed keep others from stale reads until their
// deadline all the same. Writes that come later still invalidate, but are not retried.
func (inv *Invalidator) Close(ctx context.Context) error { return inv.queue.close(ctx) }

// change is one run of the protocol for a set of tags: begin, then settle or cancel.
type change struct {
	inv    *Invalidator
	writer store.Writer
	tags   []string
	marked bool
	doubt  bool // it may still take effect when it has ended
	began  time.Time
	spare  []string // marked, but not changed after all
	// blind tells that the store could not say whether the schema is the present one, of which epoch is the last
	// that was seen.
	blind bool
	epoch store.Token
	// guards are tags whose marks keep enrolments from filling, and bulk are the tags to change beyond tags if
	// they have failed to.
	guards, bulk []string
	// waited is what calls of the store have taken that failed, and failure the error of the last.
	waited  time.Duration
	failure error
}

// begin marks the tags. The only error is the refusal by [FailWrite].
func (inv *Invalidator) begin(ctx context.Context, tags []string) (*change, error) {
	c := &change{inv: inv, writer: store.NewWriter(), marked: true, began: time.Now()}
	return c, c.extend(ctx, tags)
}

// extend marks further tags. The only error is the refusal by [FailWrite], after which nothing is marked.
func (c *change) extend(ctx context.Context, tags []string) error {
	var more []string
	for _, tag := range tags {
		if !slices.Contains(c.tags, tag) {
			more = append(more, tag)
		}
	}
	if len(more) == 0 {
		return nil
	}
	c.tags = append(c.tags, more...)
	ask := c.ask
	if c.marked { // as long as all marks land they keep others from stale reads, which is worth another wait
		ask = c.call
	}
	err := ask(ctx, "mark", func(ctx context.Context) error {
		return c.inv.cfg.Store.Mark(ctx, more, c.writer, c.inv.cfg.Grace)
	})
	c.marked = c.marked && err == nil
	if err != nil && c.inv.cfg.Policy == FailWrite {
		c.cancel(ctx) // some of the marks may have landed
		return fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	return nil
}

// call makes one call of the store for this write.
func (c *change) call(ctx context.Context, op string, fn func(context.Context) error) error {
	began := time.Now()
	err := c.inv.call(ctx, op, fn)
	if err != nil {
		c.waited, c.failure = c.waited+time.Since(began), err
	}
	return err
}

// ask does so unless the write has waited for a store that fails as long as it may.
func (c *change) ask(ctx context.Context, op string, fn func(context.Context) error) error {
	if c.gaveUp() {
		return c.failure
	}
	return c.call(ctx, op, fn)
}

// gaveUp tells that the write has spent a budget on calls that failed, or the most of one, since clients have
// time-outs of their own. What it would still ask a store that hangs would take as long, one call after another;
// it does without, and leaves the rest to the queue.
func (c *change) gaveUp() bool { return c.waited > c.inv.cfg.WriteTimeout/2 }

// ended is told what the driver returned for the COMMIT or the statement.
func (c *change) ended(err error) { c.doubt = c.doubt || inDoubt(c.inv.cfg.Dialect, err) }

// closed is told how the callback around the statement ended: rows may end with an error that their
// statement did not have.
func (c *change) closed(err error) { c.doubt = c.doubt || cutShort(c.inv.cfg.Dialect, err) }

// narrow is told that only these tags have changed. The marks of others go when these have their new
// tokens: until then they are all that keeps readers from what has changed.
func (c *change) narrow(tags []string) {
	c.spare = slices.DeleteFunc(c.tags, func(tag string) bool { return slices.Contains(tags, tag) })
	c.tags = tags
}

// columns marks the values of tracked columns that edits change, once their tables are marked.
func (c *change) columns(ctx context.Context, edits []*edit) error {
	sets := c.sets(ctx, edits)
	c.guard(edits)
	return c.extend(ctx, sets)
}

// guard notes what depends on the marks of the edits' tables.
func (c *change) guard(edits []*edit) {
	ns := c.inv.cfg.Namespace
	for _, e := range edits {
		if tag := ns.Table(e.table); !slices.Contains(c.guards, tag) {
			c.guards, c.bulk = append(c.guards, tag), append(c.bulk, ns.Bulk(e.table))
		}
	}
}

// beyond are the tags of bulk that are not settled with the others.
func (c *change) beyond() []string {
	return slices.DeleteFunc(slices.Clone(c.bulk), func(tag string) bool { return slices.Contains(c.tags, tag) })
}

// passed tells that an enrolment may have got past the marks: of a guard the mark is lost.
func (c *change) passed(lost []string) bool {
	return slices.ContainsFunc(lost, func(tag string) bool { return slices.Contains(c.guards, tag) })
}

// late tells that an enrolment may not have seen the marks: they did not all land, or may have run out. It
// may have filled entries then for values that are not known here.
func (c *change) late() bool { return !c.marked || time.Since(c.began) >= c.inv.cfg.Grace }

// settle gives the tags new tokens, now or as soon as the store can be reached. In doubt the marks stay
// until they run out, which changes the tokens once more.
func (c *change) settle(ctx context.Context) {
	linger := c.inv.cfg.ReplicaLag
	if c.doubt {
		linger = max(linger, c.inv.cfg.Grace)
	}
	if c.late() || c.gaveUp() {
		c.tags = append(c.tags, c.beyond()...)
	}
	err := c.deliver(ctx, linger) // it is in the queue's hands
	if c.blind {
		c.inv.queue.goneBy(c.epoch, linger)
	}
	if (err != nil || !c.marked) && linger == 0 {
		c.inv.queue.sweepLater(c.tags, c.writer)
	}
	if err == nil && len(c.spare) > 0 {
		rest := *c
		rest.tags = c.spare
		rest.cancel(ctx)
	}
}

// deliver gives the new tokens, or leaves them to the queue. What an enrolment may have filled meanwhile, for values
// that are not known here, goes with the rest of the table.
func (c *change) deliver(ctx context.Context, linger time.Duration) error {
	if c.gaveUp() && c.inv.queue.hand(c.tags, c.writer, linger) {
		c.inv.report(ctx, observe.Invalidation{Tags: c.tags, Queued: true, Err: c.failure, Duration: time.Since(c.began)})
		return c.failure
	}
	lost, err := c.inv.settle(ctx, c.tags, c.writer, linger, c.began)
	switch {
	case err != nil: // nobody will say later what was lost
		if beyond := c.beyond(); len(beyond) > 0 {
			c.inv.queue.add(beyond, c.writer, linger)
		}
	case c.passed(lost):
		_, err = c.inv.settle(ctx, c.beyond(), c.writer, linger, c.began)
	}
	return err
}

// cancel removes the marks: nothing was written.
func (c *change) cancel(ctx context.Context) {
	err := c.ask(ctx, "unmark", func(ctx context.Context) error {
		return c.inv.cfg.Store.Unmark(ctx, c.tags, c.writer)
	})
	if err != nil {
		c.inv.queue.sweepLater(c.tags, c.writer)
	}
}

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
	inv.cfg.Recorder.StoreError(op)
	inv.cfg.Logger.DebugContext(ctx, "gormcache: store failed", "op", op, "error", err)
	if hook := inv.cfg.Recorder.Hooks.StoreError; hook != nil {
		hook(ctx, op, err)
	}
	return err
}

func (inv *Invalidator) report(ctx context.Context, i observe.Invalidation) {
	if hook := inv.cfg.Recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, i)
	}
	if log := inv.cfg.Logger; log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "gormcache: invalidate", "tags", i.Tags, "queued", i.Queued, "error", i.Err, "took", i.Duration)
	}
}
