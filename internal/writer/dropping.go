package writer

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// dropping says why everything in the namespace is dropped.
type dropping struct {
	schema.Reason
	id store.Writer // whose write it was
}

type droppingKey struct{}

// withReason hands down why the epoch will be among the tags that are settled under the context.
func withReason(ctx context.Context, why schema.Reason, id store.Writer) context.Context {
	if why.Cause == "" {
		return ctx
	}
	return context.WithValue(ctx, droppingKey{}, dropping{why, id})
}

// maxDroppings bounds the causes that are warned of, since their details are names from SQL texts.
const maxDroppings = 64

// droppings are the causes that have been warned of. The zero value is ready; it is safe for concurrent use.
type droppings struct {
	mu     sync.Mutex
	warned map[dropping]bool
}

// first reports whether a cause has not been warned of. Each trigger, function and table counts by itself: each has
// a remedy of its own. Statements that change the schema do not.
func (d *droppings) first(one dropping) bool {
	one.id = store.Writer{}
	if one.Cause == observe.SchemaChange {
		one.Detail = ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.warned[one] || len(d.warned) >= maxDroppings {
		return false
	}
	if d.warned == nil {
		d.warned = map[dropping]bool{}
	}
	d.warned[one] = true
	return true
}

// level is that of the first line about a cause: a warning, unless the program has asked for it.
func (d dropping) level() slog.Level {
	switch d.Cause {
	case observe.SchemaChange, observe.ByHand:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// drops adds the cause to an invalidation that drops everything, and says so: once for each cause so that it is seen,
// then to those who debug.
func (p *publisher) drops(ctx context.Context, i *observe.Invalidation) {
	if !slices.Contains(i.Tags, p.cfg.Namespace.Epoch()) {
		return
	}
	d, _ := ctx.Value(droppingKey{}).(dropping)
	i.Cause, i.Detail = d.Cause, d.Detail
	level := slog.LevelDebug
	if p.dropped.first(d) {
		level = d.level()
	}
	log := p.cfg.Logger
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("cause", string(d.Cause)), slog.String("detail", d.Detail), slog.Bool("queued", i.Queued)}
	if d.id != (store.Writer{}) {
		attrs = append(attrs, slog.String("writer", d.id.String()))
	}
	if do := d.Cause.Remedy(); do != "" {
		attrs = append(attrs, slog.String("do", do))
	}
	log.LogAttrs(ctx, level, "gormcache: everything is dropped, in all processes", attrs...)
}
