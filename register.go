package gormcache

import (
	"errors"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/preload"
	"github.com/seed-4f7f0efa/gormcache/internal/reader"
)

// replaced is the name of a callback for queries that is not GORM's own, "" if all are.
func replaced(db *gorm.DB) (name string) {
	same := func(a, b func(*gorm.DB)) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
	switch {
	case !same(db.Callback().Query().Get("gorm:query"), callbacks.Query):
		return "gorm:query"
	case !same(db.Callback().Row().Get("gorm:row"), callbacks.RowQuery):
		return "gorm:row"
	}
	return ""
}

// processor is what gorm.DB.Callback gives for one kind of statement.
type processor interface {
	Get(name string) func(*gorm.DB)
	Replace(name string, fn func(*gorm.DB)) error
}

// foremost is a processor whose callbacks run before all others, as dbresolver's must. A callback that
// is replaced loses its place otherwise, and the pool would be chosen after the query has run.
type foremost struct {
	processor
	replace func(name string, fn func(*gorm.DB)) error
}

// Replace replaces a callback that is before all others.
func (f foremost) Replace(name string, fn func(*gorm.DB)) error { return f.replace(name, fn) }

// before makes a processor foremost. GORM does not export the types.
func before[C interface {
	Replace(name string, fn func(*gorm.DB)) error
}, P interface {
	processor
	Before(name string) C
}](p P) foremost {
	return foremost{p, func(name string, fn func(*gorm.DB)) error { return p.Before("*").Replace(name, fn) }}
}

type wrapper = func(next func(*gorm.DB)) func(*gorm.DB)

// register wraps GORM's callbacks. Before and After would not do: the cache must be able to answer in
// a callback's place, and what is After("gorm:create") runs after the commit.
func (p *Plugin) register(db *gorm.DB) error {
	create, query, update, del, row, raw := db.Callback().Create(), db.Callback().Query(), db.Callback().Update(),
		db.Callback().Delete(), db.Callback().Row(), db.Callback().Raw()
	inv, reads := p.inv.Load(), p.reader.Load()
	relations := &preload.Callbacks{Logger: p.cfg.Logger}
	const begin, resolver = "gorm:begin_transaction", "gorm:db_resolver"
	quiet := db.Config.Logger
	db.Config.Logger = logger.Discard // Replace writes a line for each
	defer func() { db.Config.Logger = quiet }()
	for _, cb := range []struct {
		processor processor
		name      string
		wrap      wrapper
		optional  bool
	}{
		{query, "gorm:query", inv.Query, false},
		{query, "gorm:query", reads.Query, false},
		{query, "gorm:query", relations.Query, false},
		{row, "gorm:row", inv.Row, false},
		{row, "gorm:row", reads.Row, false},
		{create, "gorm:create", inv.Statement, false},
		{update, "gorm:update", inv.Statement, false},
		{del, "gorm:delete", inv.Statement, false},
		{raw, "gorm:raw", inv.Statement, false},
		{create, "gorm:create", reads.Write(false), false},
		{update, "gorm:update", reads.Write(false), false},
		{del, "gorm:delete", reads.Write(false), false},
		{raw, "gorm:raw", reads.Write(true), false},
		{create, begin, inv.Begin, true},
		{update, begin, inv.Begin, true},
		{del, begin, inv.Begin, true},
		{before(create), resolver, inv.Resolve, true},
		{before(query), resolver, inv.Resolve, true},
		{before(update), resolver, inv.Resolve, true},
		{before(del), resolver, inv.Resolve, true},
		{before(row), resolver, inv.Resolve, true},
		{before(raw), resolver, inv.Resolve, true},
	} {
		next := cb.processor.Get(cb.name)
		if next == nil {
			if cb.optional {
				continue
			}
			return fault.Errorf("GORM has no callback %q to wrap: register the plugin before others remove it", cb.name)
		}
		if err := cb.processor.Replace(cb.name, cb.wrap(next)); err != nil {
			return fault.Errorf("wrap callback %q: %w", cb.name, err)
		}
	}
	return registerPreload(db, relations, reads)
}

// registerPreload puts callbacks on both sides of GORM's preloads. They are not wrapped, since nothing of the plugin
// may stand on the stack meanwhile: see [reader.Reader.BeforePreload].
func registerPreload(db *gorm.DB, relations *preload.Callbacks, reads *reader.Reader) error {
	query := db.Callback().Query()
	if query.Get("gorm:preload") == nil {
		return nil
	}
	return errors.Join(
		query.Before("gorm:preload").Register("gormcache:before_preload", func(tx *gorm.DB) {
			relations.BeforePreload(tx)
			reads.BeforePreload(tx)
		}),
		// After("gorm:preload") would put it behind all others, and so behind hooks that send queries of their own.
		query.Before("gorm:after_query").Register("gormcache:after_preload", func(tx *gorm.DB) {
			reads.AfterPreload(tx)
			relations.AfterPreload(tx)
		}),
	)
}
