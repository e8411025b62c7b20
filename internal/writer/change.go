package writer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// change is one run of the protocol for a set of tags: begin, then settle or cancel.
type change struct {
	p      *publisher
	id     store.Writer
	tags   []string
	marked bool
	doubt  cause // why it may still take effect when it has ended
	open   bool  // its rows are still to be read, by the application
	void   bool  // it was never sent
	began  time.Time
	spare  []string // marked, but not changed after all
	// schemaUnverified is set when the store could not confirm that our schema version is current. epoch is the last
	// that was seen.
	schemaUnverified bool
	epoch            store.Token
	// guards are tags whose marks keep enrolments from filling, and bulk are the tags to change beyond tags if
	// they have failed to.
	guards, bulk []string
	// caller bounds what the store is asked until the COMMIT or the statement is sent; nil: nobody does.
	caller context.Context
	why    schema.Reason // if everything is dropped
	// waited is what calls of the store have taken that failed, and failure the error of the last.
	waited  time.Duration
	failure error
}

// extend marks further tags. The errors are those of begin, after which nothing is marked.
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
		return c.p.cfg.Store.Mark(ctx, more, c.id, c.p.cfg.Grace)
	})
	c.marked = c.marked && err == nil
	if gone := c.withdrawn(ctx); gone != nil {
		return gone
	}
	if err != nil && c.p.cfg.Policy == FailWrite {
		c.cancel(ctx) // some of the marks may have landed
		return fault.Errorf("%w: %w", ErrStoreUnavailable, err)
	}
	return nil
}

// call makes one call of the store for this write.
func (c *change) call(ctx context.Context, op string, fn func(context.Context) error) error {
	began, call := time.Now(), c.p.call
	if c.caller != nil {
		ctx, call = c.caller, c.p.within
	}
	err := call(ctx, op, fn)
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

// gaveUp reports whether the write has spent a budget on calls that failed, or the most of one, since clients have
// time-outs of their own. What it would still ask a store that hangs would take as long, one call after another;
// it does without, and leaves the rest to the queue.
func (c *change) gaveUp() bool { return c.waited > c.p.cfg.WriteTimeout/2 }

// withdrawn reports the error of a caller whose context has ended before anything was sent, and takes the marks away.
func (c *change) withdrawn(ctx context.Context) error {
	if c.caller == nil {
		return nil
	}
	err := gone(c.caller)
	if err != nil {
		c.leave(ctx)
	}
	return err
}

// leave takes the marks away for a caller who has no time. What may have landed of them, though their call was cut off,
// is the queue's.
func (c *change) leave(ctx context.Context) {
	if c.failure == nil || !c.p.queue.sweepSoon(c.tags, c.id) {
		c.cancel(ctx)
	}
}

// refused is told that its marks were refused, though what it stands for may be committed all the same. It is settled
// without them, under another name: what has landed of them is swept.
func (c *change) refused(edits []*schema.Edit) {
	c.id = store.NewWriter()
	c.guard(edits)
}

// returned is told what the driver returned for the statement.
func (c *change) returned(err error) {
	c.caller = nil
	if inDoubt(c.p.cfg.Dialect, err) {
		c.claim(unknownStatement)
	}
}

// committed is told what the driver returned for the COMMIT.
func (c *change) committed(err error) {
	c.caller = nil
	if inDoubt(c.p.cfg.Dialect, err) {
		c.claim(unknownCommit)
	}
}

// ended is told how the callback around the statement ended, and again how its rows did, if these were open then:
// rows may end with an error that their statement did not have.
func (c *change) ended(err error) {
	c.caller = nil
	if c.open && c.doubt == openRows {
		c.doubt = ""
	}
	c.open = errors.Is(err, pool.ErrOpen)
	switch {
	case c.open:
		c.claim(openRows)
	case cutShort(c.p.cfg.Dialect, err):
		c.claim(unknownStatement)
	}
}

// claim notes why the change may still take effect when it has ended. What is in doubt stays so.
func (c *change) claim(why cause) {
	if c.doubt == "" {
		c.doubt = why
	}
}

// narrow is told that only these tags have changed. The marks of others go when these have their new
// tokens: until then they are all that keeps readers from what has changed.
func (c *change) narrow(tags []string) {
	c.spare = slices.DeleteFunc(c.tags, func(tag string) bool { return slices.Contains(tags, tag) })
	c.tags = tags
}

// columns marks the values of tracked columns that edits change, once their tables are marked.
func (c *change) columns(ctx context.Context, edits []*schema.Edit) error {
	sets := c.sets(ctx, edits)
	c.guard(edits)
	return c.extend(ctx, sets)
}

// guard notes what depends on the marks of the edits' tables.
func (c *change) guard(edits []*schema.Edit) {
	ns := c.p.cfg.Namespace
	for _, e := range edits {
		if tag := ns.Table(e.Table); !slices.Contains(c.guards, tag) {
			c.guards, c.bulk = append(c.guards, tag), append(c.bulk, ns.Bulk(e.Table))
		}
	}
}

// beyond are the tags of bulk that are not settled with the others.
func (c *change) beyond() []string {
	return slices.DeleteFunc(slices.Clone(c.bulk), func(tag string) bool { return slices.Contains(c.tags, tag) })
}

// passed reports whether an enrolment may have got past the marks: of a guard the mark is lost.
func (c *change) passed(lost []string) bool {
	return slices.ContainsFunc(lost, func(tag string) bool { return slices.Contains(c.guards, tag) })
}

// late reports whether an enrolment may not have seen the marks: they did not all land, or may have run out. It
// may have filled entries then for values that are not known here.
func (c *change) late() bool { return !c.marked || time.Since(c.began) >= c.p.cfg.Grace }

// settle gives the tags new tokens, now or as soon as the store can be reached. In doubt the marks stay
// until they run out, which changes the tokens once more.
func (c *change) settle(ctx context.Context) {
	if c.void {
		c.cancel(ctx)
		return
	}
	stays := stay{linger: c.p.cfg.ReplicaLag, why: c.doubt}
	if c.doubt != "" {
		stays.linger = max(stays.linger, c.p.cfg.Grace)
	}
	ctx = withReason(ctx, c.why, c.id)
	if c.late() || c.gaveUp() {
		c.tags = append(c.tags, c.beyond()...)
	}
	err := c.deliver(ctx, stays) // it is in the queue's hands
	if c.schemaUnverified {
		c.p.queue.verifyLater(c.epoch, stays.linger)
	}
	if (err != nil || !c.marked) && stays.linger == 0 {
		c.p.queue.sweepLater(c.tags, c.id)
	}
	if err == nil && len(c.spare) > 0 {
		rest := *c
		rest.tags = c.spare
		rest.cancel(ctx)
	}
}

// deliver gives the new tokens, or leaves them to the queue. What an enrolment may have filled meanwhile, for values
// that are not known here, goes with the rest of the table.
func (c *change) deliver(ctx context.Context, stays stay) error {
	if c.gaveUp() && c.p.queue.hand(c.tags, c.id, stays.linger) {
		c.p.report(ctx, c.tags, c.id, stays, c.failure, c.began)
		return c.failure
	}
	lost, err := c.p.settle(ctx, c.tags, c.id, stays, c.began)
	switch {
	case err != nil: // nobody will say later what was lost
		if beyond := c.beyond(); len(beyond) > 0 {
			c.p.queue.add(beyond, c.id, stays.linger)
		}
	case c.passed(lost):
		_, err = c.p.settle(ctx, c.beyond(), c.id, stays, c.began)
	}
	return err
}

// cancel removes the marks, also those that land late: nothing was written.
func (c *change) cancel(ctx context.Context) {
	c.caller = nil
	c.p.doubts.remove(c.id)
	err := c.ask(ctx, "unmark", func(ctx context.Context) error {
		return c.p.cfg.Store.Unmark(ctx, c.tags, c.id)
	})
	if err != nil || !c.marked {
		c.p.queue.sweepLater(c.tags, c.id)
	}
}

// upToDate reports whether what is known of the schema is not older than any DDL that a statement which has
// run may have met. DDL marks the epoch before it takes effect and changes it after: a writer in another
// process, which may never read, learns so of the trigger that has just changed a further table.
// A store that can't be asked now, and took no mark, can't be told of the write either: the queue asks later (verifyLater).
// One that took them, or is not asked any more, may be well again.
func (c *change) upToDate(ctx context.Context) bool {
	if c.gaveUp() {
		return false
	}
	p := c.p
	epoch := []string{p.cfg.Namespace.Epoch()}
	l := store.Lookup{Tags: epoch}
	err := c.call(ctx, "lookup", func(ctx context.Context) error { return p.cfg.Store.Lookup(ctx, &l) })
	if err == nil && !l.States[0].Known {
		err = c.call(ctx, "tokens", func(ctx context.Context) error { return p.cfg.Store.Tokens(ctx, epoch, l.States) })
	}
	if err != nil {
		if !c.marked {
			c.schemaUnverified, c.epoch = true, p.schema.LastEpoch()
		}
		return !c.marked
	}
	p.schema.SawEpoch(l.States[0].Token)
	return !l.States[0].Marked
}

// sets are the tags of tracked columns that edits change. It is asked once the edits' tables are marked: who
// starts to track a column later sees the mark. Where a store does not answer, or the values are not known,
// the table's rows count as unknown.
func (c *change) sets(ctx context.Context, edits []*schema.Edit) (tags []string) {
	if len(edits) == 0 {
		return nil
	}
	tables := map[string]*catalog.Layout{}
	for _, e := range edits {
		tables[e.Table] = e.Layout
	}
	columns, err := c.tracked(ctx, tables)
	ns, found := c.p.cfg.Namespace, schema.Changes{}
	for _, e := range edits {
		if sets, ok := e.Sets(ns, columns[e.Table]); ok && err == nil {
			found.Add(sets...)
		} else {
			found.Add(ns.Bulk(e.Table))
		}
	}
	return found.Tags
}

// further are the tags that a statement outside a transaction has changed beyond those that were marked
// for it, because the schema has changed meanwhile.
func (c *change) further(ctx context.Context, base any, info *sqltext.Info, known *schema.Snapshot, open schema.Opener) (tags []string) {
	p := c.p
	if info.DDL { // everything is dropped already
		return nil
	}
	upToDate := c.upToDate(ctx)
	if upToDate && p.schema.Holds(known) {
		return nil
	}
	if c.open { // what it has open may be the pool's only connection
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.WriteTimeout)
		defer cancel()
	}
	s := p.schema.Within(ctx, base, nil, !upToDate, open)
	r := p.schema.Resolve(s, p.schema.Effects(info, nil))
	for _, t := range r.Tags {
		if !slices.Contains(c.tags, t) {
			tags = append(tags, t)
		}
	}
	if r.Why.Cause != "" {
		c.why = r.Why
	}
	return tags
}
