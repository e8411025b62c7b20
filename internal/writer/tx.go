package writer

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// tx is a transaction that collects what its statements touch and runs the protocol around its COMMIT.
// It is safe for concurrent use as far as *sql.Tx is.
type tx struct {
	below     gorm.Tx
	w         *Writer
	base      any             // what its pool leads to
	caller    context.Context // that of Begin
	ctx       context.Context // the same, never cancelled
	isolation sql.IsolationLevel

	mu         sync.Mutex
	catalog    *schema.Snapshot // what was known when it began
	learned    *schema.Snapshot // what it has read itself since then
	log        changelog
	wrote      bool         // a statement may have written something
	ddl        bool         // a statement has changed the schema, or may have
	session    bool         // a statement changed the session or the transaction's properties
	lent       bool         // SQLTx has handed out the transaction below
	rolledBack bool         // the database has rolled it back; what follows is committed statement by statement
	rowsOpen   bool         // rows of a statement that writes or locks were handed out, with errors that may come yet
	implicit   *change      // set: a statement may have committed, or ended the transaction, behind database/sql
	altered    bool         // a statement that is no DDL may have changed the catalog, as yet for this transaction only
	cut        bool         // a statement was cut off, which takes effect yet if the transaction is over
	tiers      []*tier.Tier // of the requests that have written in it, that of its own context among them
	writes     bool         // a write to a table of the database's main file has succeeded: in SQLite nobody else can commit
}

// Begin implements [pool.Observer]. Before the transaction begins the catalog is read, if it is not yet known: at COMMIT
// it would be too late, as the transaction may hold the only connection.
func (o observer) Begin(ctx context.Context, p gorm.ConnPool, opts *sql.TxOptions) func(below gorm.Tx, base any) pool.Transaction {
	w := o.Writer
	known := w.loadCatalog(ctx, p)
	return func(below gorm.Tx, base any) pool.Transaction {
		t := &tx{below: below, w: w, base: base, caller: ctx, ctx: context.WithoutCancel(ctx), catalog: known}
		if opts != nil {
			t.isolation = opts.Isolation
		}
		return t
	}
}

// collect collects what a statement is about to touch. Before, not after: a statement that fails or
// panics half way may still have written.
func (t *tx) collect(ctx context.Context, info *sqltext.Info, e *schema.Edit) error {
	t.checkRolledBack()
	t.mu.Lock()
	defer t.mu.Unlock()
	ends := mayEndTransaction(info)
	if effects := t.w.schema.Effects(info, e); len(effects) > 0 {
		ends = ends || t.rolledBack
		t.wrote = true
		t.writtenBy(ctx)
		t.log.add(effects...)
	}
	if info.Verb == sqltext.Session {
		t.session = true
	}
	if info.DDL {
		t.ddl = true
		t.w.schema.Forget()
	}
	t.altered = t.altered || ends || len(info.Calls) > 0
	if !ends || t.implicit != nil {
		return nil
	}
	// From here on nothing is known of what is committed when. Everything is marked until the
	// transaction ends, and dropped then, even by a rollback.
	c, err := t.w.drop(ctx, schema.Reason{Cause: observe.PlainTransaction})
	if err != nil {
		return err
	}
	t.wrote, t.implicit = true, c
	t.writtenBy(ctx)
	for _, own := range t.tiers {
		own.Close()
	}
	return nil
}

// writtenBy notes that a request writes in the transaction, which need not be the one that began it.
func (t *tx) writtenBy(ctx context.Context) {
	for _, own := range []*tier.Tier{tier.Of(t.caller), tier.Of(ctx)} {
		if own != nil && !slices.Contains(t.tiers, own) {
			t.tiers = append(t.tiers, own)
		}
	}
}

// forgotten has the requests that wrote in the transaction forget what they have read. It is deferred before all else, so
// that it comes last.
func (t *tx) forgotten() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, own := range t.tiers {
		own.Drop()
	}
}

// succeeded follows savepoints, once their statement has succeeded.
func (t *tx) succeeded(info *sqltext.Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch info.Verb {
	case sqltext.Savepoint:
		t.log.save(info.Savepoint)
	case sqltext.RollbackTo:
		t.log.rollbackTo(info.Savepoint)
	case sqltext.Release:
		t.log.release(info.Savepoint)
	}
	if info.DDL {
		t.w.schema.Forget()
	}
}

// ended notes that a statement has succeeded, with all of its rows.
func (t *tx) ended(info *sqltext.Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Rows that were handed out may not have been asked for yet, and the statement not have begun.
	if !info.Write || info.Statements > 1 || len(info.Writes) == 0 || t.rowsOpen || t.catalog == nil {
		return
	}
	temporary := func(table string) bool { return t.catalog.Kind(table) != catalog.Table }
	t.writes = t.writes || !slices.ContainsFunc(info.Writes, temporary)
}

// add collects tags that the application names itself, perhaps because this very transaction has
// written what the plugin does not see: what is read in it from here on must not be stored.
func (t *tx) add(ctx context.Context, tags []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrote = true
	t.writtenBy(ctx)
	for _, tag := range tags {
		t.log.add(schema.TagEffect(tag, byHandOf(t.w, tag)))
	}
}

// edit returns which rows a statement is about to write, nil if that is not known. The error is for the
// caller: the statement must not run.
func (t *tx) edit(ctx context.Context, info *sqltext.Info, args []any) (*schema.Edit, *preimage, error) {
	s := t.w.schema.Known(t.base)
	if s == nil && t.w.schema.Holds(t.catalog) {
		s = t.catalog
	}
	e, _ := t.w.schema.Edit(s, info, args, t.w.tracking.columns)
	if e == nil || e.Inserts > 0 {
		return e, nil, nil
	}
	tracked := t.w.tracking.columns(e.Table)
	if len(tracked) == 0 {
		if e.Rows == nil {
			return nil, nil, nil
		}
		return e, nil, nil
	}
	before, err := t.readPreimage(ctx, e, info, args, tracked)
	if before == nil {
		return nil, nil, err
	}
	return e, before, nil
}

// take hands out what was collected, once.
func (t *tx) take() (effects []schema.Effect, implicit *change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	effects, implicit = t.log.take(), t.implicit
	t.implicit = nil
	return effects, implicit
}

// defined reports whether a statement has changed the schema, or may have.
func (t *tx) defined() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ddl
}

// resolve turns what was collected into tags, by what is known of the schema.
func (t *tx) resolve(effects []schema.Effect, anew bool) (r schema.Changes, s *schema.Snapshot) {
	if t.mayHaveRolledBack() { // then the rows that were read before may not have stayed locked
		for _, effect := range effects {
			if e := effect.Edit(); e != nil {
				e.Incomplete = true
			}
		}
	}
	if slices.ContainsFunc(effects, unresolved) {
		s = t.schema(anew)
	}
	return t.w.schema.Resolve(s, effects), s
}

// confirm adds what else the effects change, once their tags are marked: by a schema not older than any
// that the statements may have met, and the values of columns that anyone tracks.
func (t *tx) confirm(c *change, effects []schema.Effect, r schema.Changes, s *schema.Snapshot) error {
	if !slices.ContainsFunc(effects, unresolved) {
		return nil
	}
	anew := !c.upToDate(t.ctx)
	if anew || !t.w.schema.Holds(s) {
		r, _ = t.resolve(effects, anew)
		if r.Why.Cause != "" {
			c.why = r.Why
		}
		if err := c.extend(t.ctx, r.Tags); err != nil {
			return err
		}
	}
	return c.columns(t.ctx, r.Edits)
}

// unresolved reports whether an effect needs a schema to tell what it changes.
func unresolved(e schema.Effect) bool { return !e.Resolved() }

// schema is what is known of the schema while the transaction runs; nil: it can't be read.
func (t *tx) schema(anew bool) *schema.Snapshot {
	t.mu.Lock()
	own := t.learned
	if own == nil {
		own = t.catalog
	}
	i := &schema.Inside{
		Dialect: t.w.cfg.Dialect, Conn: t.below, ReadCommitted: t.isolation == sql.LevelReadCommitted && !t.session && !t.lent,
		Private: t.session || t.ddl || t.altered || t.lent, Writes: t.writes,
	}
	t.mu.Unlock()
	i.Pool, _ = t.base.(*sql.DB)
	s := t.w.schema.Within(t.ctx, t.base, own, anew, i.Open)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learned = s
	return s
}

// Commit marks, commits and settles.
func (t *tx) Commit() error {
	defer t.forgotten()
	effects, implicit := t.take()
	if t.bounded(implicit) && t.isDead() {
		return t.expired()
	}
	if implicit != nil || t.defined() { // others may have read the catalog meanwhile, as it was before
		defer t.w.schema.Forget()
	}
	if implicit != nil {
		defer implicit.settle(t.ctx)
	}
	r, s := t.resolve(effects, false)
	c, err := t.begin(implicit, r)
	if err == nil {
		err = t.confirm(c, effects, r, s)
	}
	if err == nil {
		err = c.withdrawn(t.ctx)
	}
	if err != nil {
		_ = t.below.Rollback() // the refusal is what the caller must see
		if !t.intact(implicit) {
			c.refused(r.Edits)
			c.settle(t.ctx)
		}
		return err
	}
	if len(c.tags) > 0 { // also after an error, and if the driver panics: the outcome is unknown then
		defer c.settle(t.ctx)
	}
	if t.isDead() { // while the marks were on their way
		c.void = t.intact(implicit)
		return t.expired()
	}
	return t.end(t.below.Commit, implicit, c)
}

// begin marks what the transaction changes.
func (t *tx) begin(implicit *change, r schema.Changes) (*change, error) {
	c, err := t.w.begin(t.until(implicit), r.Tags)
	c.why = r.Why
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut && (t.lent || t.rowsOpen) {
		c.claim(unknownStatement)
	}
	return c, err
}

// until is the context that what is done before COMMIT must not outlast.
func (t *tx) until(implicit *change) context.Context {
	if t.bounded(implicit) {
		return t.caller
	}
	return t.ctx
}

// bounded reports whether that is the caller's: nothing can have been committed yet, and database/sql refuses to commit
// after its end.
func (t *tx) bounded(implicit *change) bool {
	_, plain := t.below.(*sql.Tx)
	return plain && t.intact(implicit)
}

// returned tells a statement's outcome to what may be committed behind database/sql: the statement may have ended the
// transaction, or have run outside of it, and may do so yet if it was cut off.
func (t *tx) returned(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut = t.cut || inDoubt(t.w.cfg.Dialect, err)
	if t.implicit != nil {
		t.implicit.returned(err)
	}
}

// expired rolls back a transaction whose context has ended, as database/sql does when it is asked to
// commit such a one. Here it is done on purpose, so that there is no doubt that nothing was committed.
func (t *tx) expired() error {
	if err := t.below.Rollback(); errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return t.caller.Err()
}

// end ends the transaction and tells the changes how.
func (t *tx) end(how func() error, changes ...*change) error {
	err := pool.ErrNoReturn
	defer func() {
		for _, c := range changes {
			if c != nil {
				c.committed(err)
			}
		}
	}()
	err = how()
	return err
}

// Rollback drops what was collected, unless it may have been committed all the same.
func (t *tx) Rollback() error {
	defer t.forgotten() // it may have been committed all the same
	effects, implicit := t.take()
	if implicit != nil {
		defer t.w.schema.Forget()
		defer implicit.settle(t.ctx)
	}
	if len(effects) == 0 || !t.mayHaveRolledBack() && !t.isLent() { // who was lent it may have committed
		return t.end(t.below.Rollback, implicit)
	}
	r, s := t.resolve(effects, false)
	c, err := t.begin(implicit, r)
	if err == nil {
		err = t.confirm(c, effects, r, s)
	}
	if err != nil { // nothing can be refused any more
		c.refused(r.Edits)
	}
	defer c.settle(t.ctx)
	return t.end(t.below.Rollback, implicit, c)
}

// followed returns the transaction that the pool is, or that a statement on it runs in; nil if there is none that
// gormcache began.
func followed(p gorm.ConnPool) *tx {
	t, _ := pool.Followed(p).(*tx)
	return t
}
