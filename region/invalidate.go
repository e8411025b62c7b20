package region

import (
	"context"
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/tier"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Invalidate drops all entries of the region, in all processes that share the store and the namespace. Like those beside it,
// it takes effect at once: in a transaction use invalidate.Region with the transaction's handle, which waits for the commit.
// An error says that the store could not be told; that is retried in the background then, and until it has succeeded this
// process serves nothing of what was to be dropped.
func (r *Region) Invalidate(ctx context.Context) error {
	return r.dropTags(ctx, "Invalidate", func(tags []string) []string {
		return append(tags, r.engine.Namespace().Region(r.Name()))
	})
}

// InvalidateSoft makes all entries of the region old, in all processes: they are served as stale while one caller reloads them,
// as with invalidate.Soft. The region must have a StaleWhileRevalidate. It works as [Region.Invalidate].
func (r *Region) InvalidateSoft(ctx context.Context) error {
	if r != nil && r.engine != nil && r.Config().StaleWhileRevalidate == 0 {
		return fault.Errorf("Region.InvalidateSoft: region %q serves nothing stale: set its StaleWhileRevalidate, or call Invalidate", r.Name())
	}
	return r.dropTags(ctx, "InvalidateSoft", func(tags []string) []string {
		return append(tags, r.engine.Namespace().Soft(r.Name()))
	})
}

// InvalidateGrace lets all entries of the region be reloaded before they are served, in all processes; where that fails, the
// old value stays and is served as stale, as with invalidate.Grace. The region must have a StaleIfError. It works as
// [Region.Invalidate].
func (r *Region) InvalidateGrace(ctx context.Context) error {
	if r != nil && r.engine != nil && r.Config().StaleIfError == 0 {
		return fault.Errorf("Region.InvalidateGrace: region %q serves nothing old where a load fails: set its StaleIfError, or call Invalidate", r.Name())
	}
	return r.dropTags(ctx, "InvalidateGrace", func(tags []string) []string {
		return append(tags, r.engine.Namespace().Grace(r.Name()))
	})
}

// InvalidateTags drops what was stored with one of the user's own tags, in this region and all others of the namespace. It
// works as [Region.Invalidate].
func (r *Region) InvalidateTags(ctx context.Context, tags ...string) error {
	return r.dropTags(ctx, "InvalidateTags", func(all []string) []string {
		for _, tag := range tags {
			all = append(all, r.engine.Namespace().User(tag))
		}
		return all
	})
}

// InvalidateTables drops what depends on the tables, in this region and all others of the namespace, and the rows of queries
// that plugins have cached: for what was written to them by other means than GORM. It works as [Region.Invalidate].
func (r *Region) InvalidateTables(ctx context.Context, tables ...string) error {
	return r.dropTags(ctx, "InvalidateTables", func(all []string) []string {
		for _, table := range tables {
			// Both, as for a write whose rows are not known.
			all = append(all, r.engine.Namespace().Table(table), r.engine.Namespace().Bulk(table))
		}
		return all
	})
}

func (r *Region) dropTags(ctx context.Context, method string, of func([]string) []string) error {
	if r == nil || r.engine == nil || r.drop == nil {
		return errors.New("gormcache: Region." + method + ": the region is nil: take it from Plugin.Region or region.New, and look at the error")
	}
	tags := of(nil)
	if len(tags) == 0 {
		return nil
	}
	defer tier.Of(ctx).Drop()
	return r.drop(ctx, tags)
}

// Stats returns the counters of a region of [New] since it was made. Of a plugin's region it returns the region's own
// counts only: Plugin.Stats has the rest.
func (r *Region) Stats() observe.Stats {
	switch {
	case r == nil || r.engine == nil:
		return observe.Stats{}
	case r.own != nil:
		return r.own.stats()
	}
	return observe.Stats{Counts: r.engine.Counts()}
}

// Close ends a region of [New]: it delivers what invalidations are pending, for at most 5 seconds, and ends all background
// work. From then on every call makes its value; none fails because of Close. It may be called more than once. The
// error says which invalidations could not be delivered. A plugin's region is closed with its plugin: for one, Close returns
// an error and does nothing.
func (r *Region) Close() error {
	if r == nil || r.own == nil {
		return errors.New("gormcache: Region.Close: the region belongs to a plugin: close that, or make the region with region.New")
	}
	return r.own.close()
}
