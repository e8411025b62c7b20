package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	gormschema "gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/memo"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// PluginName is the name under which the plugin stands in gorm.DB.Plugins.
const PluginName = plugin.Name

// ErrNotRegistered is returned where a database handle has no plugin.
var ErrNotRegistered = plugin.ErrNotRegistered

// registered returns the writer of the plugin that is registered on db.
func registered(db *gorm.DB) (*Writer, error) {
	if db == nil || db.Config == nil {
		return nil, errors.New("gormcache: db is nil: pass the *gorm.DB that the plugin is registered on")
	}
	p, ok := db.Plugins[PluginName].(interface{ Invalidator() *Writer })
	if !ok {
		return nil, ErrNotRegistered
	}
	return p.Invalidator(), nil
}

// Tables drops what depends on the tables, in all processes: for writes that were made outside GORM. Name
// them without quotes, and with them what their triggers and cascades have changed: unlike for a
// statement, the catalog is not asked for these.
// A name that the database has not is no error, since another database may have the table, or a migration have dropped
// it just now: what depends on it is dropped, and a warning says so, once.
// Within a transaction of db it takes effect when that commits. An error says that the store could
// not be told; the invalidation is queued and retried then, and this process bypasses the tables
// until it lands.
func Tables(ctx context.Context, db *gorm.DB, tables ...string) error {
	err := byHand(ctx, db, tables, func(w *Writer, table string) ([]string, error) {
		if table == "" {
			return nil, errors.New("gormcache: invalidate.Tables: a table's name is empty")
		}
		if strings.ContainsAny(table, "\"`[]") {
			return nil, fault.Errorf("invalidate.Tables: %s is quoted: give the name as it is", table)
		}
		return schema.TableTags(w.cfg.Namespace, table), nil
	})
	if w, unregistered := registered(db); unregistered == nil && err == nil {
		w.lookedUp.warnOfMissing(ctx, w, db, "invalidate.Tables", tables)
	}
	return err
}

// Model drops what depends on the tables of the models: values, pointers or slices of them, as in
// gorm.DB.Model. It works as [Tables].
func Model(ctx context.Context, db *gorm.DB, models ...any) error {
	var tables []string
	err := byHand(ctx, db, models, func(w *Writer, model any) ([]string, error) {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			if errors.Is(err, gormschema.ErrUnsupportedDataType) {
				err = gormschema.ErrUnsupportedDataType // GORM's text shows the value, with all that it holds
			}
			return nil, fault.Errorf("invalidate.Model: %T is not a model: %w", model, err)
		}
		tables = append(tables, stmt.Table)
		return schema.TableTags(w.cfg.Namespace, stmt.Table), nil
	})
	if w, unregistered := registered(db); unregistered == nil && err == nil {
		w.lookedUp.warnOfMissing(ctx, w, db, "invalidate.Model", tables)
	}
	return err
}

// Words among the names of regions that say how to invalidate them. No region has such a name.
const (
	Soft  = "\x00soft"
	Grace = "\x00grace"
)

// Region drops all entries of the regions, or makes them old where one of the names is [Soft] or [Grace]. It works as
// [Tables].
func Region(ctx context.Context, db *gorm.DB, regions ...string) error {
	soft, grace := slices.Contains(regions, Soft), slices.Contains(regions, Grace)
	if soft && grace {
		return errors.New("gormcache: invalidate.Region: Soft and Grace are given: use one of them")
	}
	names := slices.DeleteFunc(slices.Clone(regions), func(name string) bool { return name == Soft || name == Grace })
	if len(names) == 0 && (soft || grace) {
		return errors.New("gormcache: invalidate.Region: no region is named: give its name before Soft or Grace")
	}
	return byHand(ctx, db, names, func(w *Writer, region string) ([]string, error) {
		has, ok := w.cfg.Regions[region]
		switch ns := w.cfg.Namespace; {
		case !ok:
			return nil, fault.Errorf("invalidate.Region: unknown region %q: add it to Config.Regions", region)
		case soft && !has.Soft:
			return nil, fault.Errorf("invalidate.Region: region %q serves nothing stale: set its StaleWhileRevalidate, or leave invalidate.Soft out", region)
		case grace && !has.Grace:
			return nil, fault.Errorf("invalidate.Region: region %q serves nothing old where a load fails: set its StaleIfError, or leave invalidate.Grace out", region)
		case soft:
			return []string{ns.Soft(region)}, nil
		case grace:
			return []string{ns.Grace(region)}, nil
		default:
			return []string{ns.Region(region)}, nil
		}
	})
}

// Tags drops what was stored with one of the user's own tags. It works as [Tables].
func Tags(ctx context.Context, db *gorm.DB, tags ...string) error {
	return byHand(ctx, db, tags, func(w *Writer, tag string) ([]string, error) {
		return []string{w.cfg.Namespace.User(tag)}, nil
	})
}

// All drops everything in the plugin's namespace. It works as [Tables].
func All(ctx context.Context, db *gorm.DB) error {
	return byHand(ctx, db, []struct{}{{}}, func(w *Writer, _ struct{}) ([]string, error) {
		return []string{w.cfg.Namespace.Epoch()}, nil
	})
}

// byHandOf is the cause where a tag that the application drops stands for everything.
func byHandOf(w *Writer, tag string) schema.Reason {
	if tag != w.cfg.Namespace.Epoch() {
		return schema.Reason{}
	}
	return schema.Reason{Cause: observe.ByHand}
}

func byHand[T any](ctx context.Context, db *gorm.DB, names []T, of func(*Writer, T) ([]string, error)) error {
	w, err := registered(db)
	if err != nil {
		return err
	}
	tags := make([]string, 0, len(names))
	for _, name := range names {
		more, err := of(w, name)
		if err != nil {
			return err
		}
		tags = append(tags, more...)
	}
	if t := followed(db.Statement.ConnPool); t != nil {
		t.add(ctx, tags)
		t.add(db.Statement.Context, nil)
		return nil
	}
	if _, foreign := db.Statement.ConnPool.(gorm.TxCommitter); foreign {
		tier.Of(ctx).Close() // nobody sees the COMMIT
		tier.Of(db.Statement.Context).Close()
		_, _, err := w.fence(context.WithoutCancel(w.byHand(ctx, tags)), tags) // what it is to drop has been written already
		return err
	}
	defer tier.Of(db.Statement.Context).Drop()
	return w.Drop(ctx, tags)
}

// Drop gives the tags new tokens now, in whatever transaction the caller is. It works as [Tables].
func (w *Writer) Drop(ctx context.Context, tags []string) error {
	defer tier.Of(ctx).Drop()
	_, err := w.settle(w.byHand(ctx, tags), tags, store.NewWriter(), stay{linger: w.cfg.ReplicaLag}, time.Now())
	return err
}

// byHand says in the context why the tags are dropped.
func (w *Writer) byHand(ctx context.Context, tags []string) context.Context {
	for _, tag := range tags {
		ctx = withReason(ctx, byHandOf(w, tag), store.Writer{})
	}
	return ctx
}

// lookedUp is what has been looked up in the catalog for names given by hand. The zero value is ready; it is safe for
// concurrent use.
type lookedUp struct {
	names  memo.Memo[string, struct{}] // names that have been looked at
	loaded atomic.Bool                 // the catalog has been read for one
}

// warnOfMissing warns, once for each, of tables given by hand that the database does not know. It comes last: what depends
// on them has been dropped by then, whatever they are.
func (l *lookedUp) warnOfMissing(ctx context.Context, w *Writer, db *gorm.DB, call string, tables []string) {
	var s *schema.Snapshot
	for _, name := range tables {
		table := store.TableName(name)
		if w.schema.Declares(table) {
			continue
		}
		if _, looked := l.names.Get(table); looked {
			continue
		}
		if s == nil {
			if s = l.lookUp(ctx, w, db.Statement.ConnPool); s == nil {
				return
			}
		}
		hint, missing := s.Missing(table)
		if l.names.Put(table, struct{}{}) || !missing {
			continue
		}
		w.cfg.Logger.WarnContext(ctx, fmt.Sprintf("gormcache: %s(%q): the database has no table or view of that name%s", call, name, hint))
	}
}

// lookUp returns what is known of the schema, read if need be: once, for no longer than a writer waits, and never in a
// transaction, which must not be disturbed.
func (l *lookedUp) lookUp(ctx context.Context, w *Writer, p gorm.ConnPool) *schema.Snapshot {
	if s := w.schema.Known(w.pools.Base(p)); s != nil {
		return s
	}
	if w.StateOf(p).In || l.loaded.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.WriteTimeout)
	defer cancel()
	return w.loadCatalog(ctx, p)
}
