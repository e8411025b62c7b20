package region

import (
	"context"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/internal/engine"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
)

// transaction is the handle that a call runs with.
type transaction struct {
	pool   gorm.ConnPool
	plugin interface {
		Inside(gorm.ConnPool) engine.Inside
	}
}

// In says that the call, and the function that makes the value, run in the transaction of the handle. Once something was
// written in it, values are neither taken from the cache nor stored: what it reads may never be committed. A
// transaction whose isolation keeps it at an earlier moment takes values, and stores none. What the function calls with its
// context runs in the transaction too. [Within] does the same for all calls with a context.
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
	t.plugin, _ = plugin.Of[interface {
		Inside(gorm.ConnPool) engine.Inside
	}](tx)
	return t
}

// Details of what is not stored, or left alone.
const (
	detailEarlier  = "its transaction keeps to an earlier moment, and what it reads may have been replaced since"
	detailNoPlugin = "it runs with a handle without the plugin, so what was written in its transaction is not known"
)

// state is what the engine must know of the transaction now.
func (t *transaction) state() engine.Inside {
	if t.plugin != nil {
		return t.plugin.Inside(t.pool)
	}
	if _, in := t.pool.(gorm.TxCommitter); in {
		return engine.Inside{Apart: detailNoPlugin}
	}
	return engine.Inside{}
}

// within returns the transaction of a call, nil if there is none.
func (o *valueOptions) within(ctx context.Context) *transaction {
	if o.inside != nil {
		return o.inside
	}
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	return t
}

// enter returns the context for the function that makes a value. Values that it asks for, of other regions too, are made in
// the transaction of [In]: they may be what is never committed.
func (o *valueOptions) enter(ctx context.Context) context.Context {
	if o.inside == nil {
		return ctx
	}
	return context.WithValue(ctx, transactionKey{}, o.inside)
}

// refused is the error of a call that would store something, where that is not to be.
func (o *valueOptions) refused(ctx context.Context) error {
	if t := o.within(ctx); t != nil {
		switch s := t.state(); {
		case s.Apart != "":
			return &engine.NotStoredError{Detail: s.Apart}
		case s.NoFill:
			return &engine.NotStoredError{Detail: detailEarlier}
		}
	}
	return nil
}
