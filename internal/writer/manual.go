package writer

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/plugin"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// PluginName is the name under which the plugin stands in gorm.DB.Plugins.
const PluginName = plugin.Name

// ErrNotRegistered is returned where a database handle has no plugin.
var ErrNotRegistered = plugin.ErrNotRegistered

// Of returns the invalidator of the plugin that is registered on db.
func Of(db *gorm.DB) (*Invalidator, error) {
	if db == nil || db.Config == nil {
		return nil, errors.New("gormcache: db is nil: pass the *gorm.DB that the plugin is registered on")
	}
	p, ok := db.Plugins[PluginName].(interface{ Invalidator() *Invalidator })
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
	err := byHand(ctx, db, tables, func(inv *Invalidator, table string) ([]string, error) {
		if table == "" {
			return nil, errors.New("gormcache: invalidate.Tables: a table's name is empty")
		}
		if strings.ContainsAny(table, "\"`[]") {
			return nil, fault.Errorf("invalidate.Tables: %s is quoted: give the name as it is", table)
		}
		return coarse(inv.cfg.Namespace, table), nil
	})
	if inv, unregistered := Of(db); unregistered == nil && err == nil {
		inv.unheard(ctx, db, "invalidate.Tables", tables)
	}
	return err
}

// Model drops what depends on the tables of the models: values, pointers or slices of them, as in
// gorm.DB.Model. It works as [Tables].
func Model(ctx context.Context, db *gorm.DB, models ...any) error {
	var tables []string
	err := byHand(ctx, db, models, func(inv *Invalidator, model any) ([]string, error) {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			if errors.Is(err, schema.ErrUnsupportedDataType) {
				err = schema.ErrUnsupportedDataType // GORM's text shows the value, with all that it holds
			}
			return nil, fault.Errorf("invalidate.Model: %T is not a model: %w", model, err)
		}
		tables = append(tables, stmt.Table)
		return coarse(inv.cfg.Namespace, stmt.Table), nil
	})
	if inv, unregistered := Of(db); unregistered == nil && err == nil {
		inv.unheard(ctx, db, "invalidate.Model", tables)
	}
	return err
}

// Region drops all entries of the regions. It works as [Tables].
func Region(ctx context.Context, db *gorm.DB, regions ...string) error {
	return byHand(ctx, db, regions, func(inv *Invalidator, region string) ([]string, error) {
		if !inv.regions[region] {
			return nil, fault.Errorf("invalidate.Region: unknown region %q: add it to Config.Regions", region)
		}
		return []string{inv.cfg.Namespace.Region(region)}, nil
	})
}

// Tags drops what was stored with one of the user's own tags. It works as [Tables].
func Tags(ctx context.Context, db *gorm.DB, tags ...string) error {
	return byHand(ctx, db, tags, func(inv *Invalidator, tag string) ([]string, error) {
		return []string{inv.cfg.Namespace.User(tag)}, nil
	})
}

// All drops everything in the plugin's namespace. It works as [Tables].
func All(ctx context.Context, db *gorm.DB) error {
	return byHand(ctx, db, []struct{}{{}}, func(inv *Invalidator, _ struct{}) ([]string, error) {
		return []string{inv.cfg.Namespace.Epoch()}, nil
	})
}

// byHandOf is the cause where a tag that the application drops stands for everything.
func byHandOf(inv *Invalidator, tag string) dropping {
	if tag != inv.cfg.Namespace.Epoch() {
		return dropping{}
	}
	return dropping{cause: observe.ByHand}
}

func byHand[T any](ctx context.Context, db *gorm.DB, names []T, of func(*Invalidator, T) ([]string, error)) error {
	inv, err := Of(db)
	if err != nil {
		return err
	}
	tags := make([]string, 0, len(names))
	for _, name := range names {
		more, err := of(inv, name)
		if err != nil {
			return err
		}
		tags = append(tags, more...)
	}
	if t := followed(db.Statement.ConnPool); t != nil {
		t.add(tags)
		return nil
	}
	for _, tag := range tags {
		ctx = because(ctx, byHandOf(inv, tag), store.Writer{})
	}
	if _, foreign := db.Statement.ConnPool.(gorm.TxCommitter); foreign {
		_, _, err := inv.fence(context.WithoutCancel(ctx), tags) // what it is to drop has been written already
		return err
	}
	_, err = inv.settle(ctx, tags, store.NewWriter(), stay{linger: inv.cfg.ReplicaLag}, time.Now())
	return err
}
