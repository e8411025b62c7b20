package writer

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// publisher tells the store what has changed, and hooks and log what the store was told. It is safe for concurrent use.
type publisher struct {
	cfg      Config
	schema   *schema.Schema
	tracking tracking
	queue    *queue
	dropped  droppings
	doubts   doubts
	failure  atomic.Pointer[error] // of the store, the last
}

func newPublisher(cfg Config) *publisher {
	p := &publisher{cfg: cfg, schema: schema.New(schema.Config{
		Namespace: cfg.Namespace, Dialect: cfg.Dialect, Views: cfg.Views, Triggers: cfg.Triggers, Declared: cfg.Declared, Logger: cfg.Logger,
	})}
	p.queue = newQueue(p)
	return p
}

// begin marks the tags. The only errors are the refusal by [FailWrite] and that of ctx, if it ends meanwhile.
func (p *publisher) begin(ctx context.Context, tags []string) (*change, error) {
	c := &change{p: p, id: store.NewWriter(), marked: true, began: time.Now(), caller: untilSent(ctx)}
	return c, c.extend(ctx, tags)
}

// drop begins a change of everything.
func (p *publisher) drop(ctx context.Context, why schema.Reason) (*change, error) {
	c, err := p.begin(ctx, []string{p.cfg.Namespace.Epoch()})
	c.why = why
	return c, err
}

// stay is how long a writer's marks stay when it has settled, and why, if that is because of a doubt.
type stay struct {
	linger time.Duration
	why    cause
}

// settle delivers new tokens, or queues them. The returned error says that they were queued; lost are tags that
// did not bear id's mark any more.
func (p *publisher) settle(ctx context.Context, tags []string, id store.Writer, stays stay, began time.Time) (lost []string, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	err = p.call(ctx, "settle", func(ctx context.Context) error {
		err := p.cfg.Store.Settle(ctx, tags, id, stays.linger)
		lost = store.Lost(err)
		return store.Failure(err)
	})
	if err != nil {
		p.queue.add(tags, id, stays.linger)
	} else {
		p.cfg.Recorder.Invalidated(len(tags))
	}
	p.report(ctx, tags, id, stays, err, began)
	return lost, err
}

// fence marks the tags and leaves the marks to run out, which changes the tokens: for writes whose
// commit can't be seen. The errors are the refusal by [FailWrite] and that of ctx, if it ends meanwhile.
func (p *publisher) fence(ctx context.Context, tags []string) (id store.Writer, queued bool, err error) {
	id = store.NewWriter()
	if len(tags) == 0 {
		return id, false, nil
	}
	began, caller, stays := time.Now(), untilSent(ctx), stay{p.cfg.Grace, foreignCommit}
	err = p.within(caller, "mark", func(ctx context.Context) error {
		return store.Failure(p.cfg.Store.Settle(ctx, tags, id, p.cfg.Grace))
	})
	c := &change{p: p, tags: tags, id: id, marked: err == nil, failure: err}
	if gone := gone(caller); gone != nil {
		c.leave(ctx)
		return id, false, gone
	}
	if err != nil && p.cfg.Policy == FailWrite {
		c.waited = time.Since(began)
		c.cancel(ctx) // some of the marks may have landed
		return id, false, fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	if err != nil {
		p.queue.add(tags, id, p.cfg.Grace)
	}
	p.report(ctx, tags, id, stays, err, began)
	return id, err != nil, nil
}

// call runs one call of the store within the write budget. The caller's cancellation does not count:
// what was written is written.
func (p *publisher) call(ctx context.Context, op string, fn func(context.Context) error) error {
	return p.within(context.WithoutCancel(ctx), op, fn)
}

// within runs one within the write budget and the caller's context: one that can still be given up, because nothing
// has been sent to the database.
func (p *publisher) within(ctx context.Context, op string, fn func(context.Context) error) error {
	budget, cancel := context.WithTimeoutCause(ctx, p.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	err := fn(budget)
	if err == nil || gone(ctx) != nil { // whose caller has no time says nothing of the store
		return err
	}
	failure := err // only here is it moved to the heap
	p.failure.Store(&failure)
	p.cfg.Recorder.StoreError(op)
	p.cfg.Logger.DebugContext(ctx, "gormcache: store failed", "op", op, "error", err)
	if hook := p.cfg.Recorder.Hooks.StoreError; hook != nil {
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
func (p *publisher) report(ctx context.Context, tags []string, id store.Writer, stays stay, err error, began time.Time) {
	i := observe.Invalidation{Tags: tags, Queued: err != nil, Err: err, Duration: time.Since(began)}
	p.drops(ctx, &i)
	if stays.why != "" {
		i.Doubt, i.Writer, i.Left = string(stays.why), id.String(), stays.linger
		p.doubt(ctx, Doubt{Tags: slices.Clone(tags), Writer: id, Cause: i.Doubt, Until: time.Now().Add(stays.linger)})
	} else {
		p.doubts.remove(id)
	}
	if hook := p.cfg.Recorder.Hooks.Invalidate; hook != nil {
		hook(ctx, i)
	}
	if log := p.cfg.Logger; log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "gormcache: invalidate", "tags", i.Tags, "queued", i.Queued, "error", i.Err, "cause", string(i.Cause), "detail", i.Detail, "took", i.Duration)
	}
}
