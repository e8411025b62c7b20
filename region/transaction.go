package region

import (
	"context"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
)

// transaction is the handle that a call runs with.
type transaction struct {
	pool gorm.ConnPool
	inv  *writer.Writer
}

// In says that the call, and the function that makes the value, run in the transaction of the handle. Once something was
// written in it, values are neither taken from the cache nor stored: what it reads may never be committed. A
// transaction whose isolation keeps it at an earlier moment takes values, and stores none. [Within] does the same for all
// calls with a context.
func In(tx *gorm.DB) Option {
	t := inside(tx)
	return func(o *valueOptions) { o.inside = t }
}

type transactionKey struct{}

// Within returns a context for calls that run in the transaction of the handle: they treat values as with [In].
//
//	err := db.Transaction(func(tx *gorm.DB) error {
//		ctx := region.Within(ctx, tx)
//		…
//		user, err := read.Call(ctx, 5)
func Within(ctx context.Context, tx *gorm.DB) context.Context {
	return context.WithValue(ctx, transactionKey{}, inside(tx))
}

func inside(tx *gorm.DB) *transaction {
	if tx == nil || tx.Statement == nil {
		return nil
	}
	t := &transaction{pool: tx.Statement.ConnPool}
	if p, err := plugin.Of[interface{ Invalidator() *writer.Writer }](tx); err == nil {
		t.inv = p.Invalidator()
	}
	return t
}

// Details of a bypass with reason observe.Transaction.
const (
	detailWrote    = "it runs in a transaction that has written: what it reads may never be committed"
	detailUnknown  = "it runs in a transaction that gormcache has not begun, so what was written in it is not known"
	detailNoPlugin = "it runs with a handle without the plugin, so what was written in its transaction is not known"
)

// state is what the engine must know of the transaction now.
func (t *transaction) state() engine.Inside {
	if t.inv == nil {
		if _, in := t.pool.(gorm.TxCommitter); in {
			return engine.Inside{Apart: detailNoPlugin}
		}
		return engine.Inside{}
	}
	s := t.inv.StateOf(t.pool)
	switch {
	case !s.In:
		return engine.Inside{Alone: s.Single}
	case !s.Followed:
		return engine.Inside{Apart: detailUnknown}
	case s.Wrote:
		return engine.Inside{Apart: detailWrote}
	}
	// Callers in transactions see their own snapshots: nothing of theirs is shared. Nor do they wait for a load: it may be
	// waiting for their very connection.
	return engine.Inside{Alone: true, NoFill: !s.ReadCommitted}
}

// within returns the transaction of a call, nil if there is none.
func (o *valueOptions) within(ctx context.Context) *transaction {
	if o.inside != nil {
		return o.inside
	}
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	return t
}

// refused is the error of a call that would store something, where that is not to be.
func (o *valueOptions) refused(ctx context.Context) error {
	if t := o.within(ctx); t != nil {
		if s := t.state(); s.Apart != "" {
			return &engine.NotStoredError{Detail: s.Apart}
		}
	}
	return nil
}
