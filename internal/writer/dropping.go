package writer

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// dropping says why everything in the namespace is dropped. Its detail is a name, never an argument.
type dropping struct {
	cause  observe.Cause
	detail string
	writer store.Writer
}

type droppingKey struct{}

// because hands down why the epoch will be among the tags that are settled under the context.
func because(ctx context.Context, d dropping, w store.Writer) context.Context {
	if d.cause == "" {
		return ctx
	}
	d.writer = w
	return context.WithValue(ctx, droppingKey{}, d)
}

// maxDroppings bounds the causes that are warned of, since their details are names from SQL texts.
const maxDroppings = 64

// droppings are the causes that have been warned of. The zero value is ready; it is safe for concurrent use.
type droppings struct {
	mu   sync.Mutex
	told map[dropping]bool
}

// first reports whether a cause has not been warned of. Each trigger, function and table counts by itself: each has
// a remedy of its own. Statements that change the schema do not.
func (d *droppings) first(one dropping) bool {
	one.writer = store.Writer{}
	if one.cause == observe.SchemaChange {
		one.detail = ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[one] || len(d.told) >= maxDroppings {
		return false
	}
	if d.told == nil {
		d.told = map[dropping]bool{}
	}
	d.told[one] = true
	return true
}

// level is that of the first line about a cause: a warning, unless the program has asked for it.
func (d dropping) level() slog.Level {
	switch d.cause {
	case observe.SchemaChange, observe.ByHand:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// drops adds the cause to an invalidation that drops everything, and says so: once for each cause so that it is seen,
// then to those who debug.
func (inv *Invalidator) drops(ctx context.Context, i *observe.Invalidation) {
	if !slices.Contains(i.Tags, inv.cfg.Namespace.Epoch()) {
		return
	}
	d, _ := ctx.Value(droppingKey{}).(dropping)
	i.Cause, i.Detail = d.cause, d.detail
	level := slog.LevelDebug
	if inv.dropped.first(d) {
		level = d.level()
	}
	log := inv.cfg.Logger
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("cause", string(d.cause)), slog.String("detail", d.detail), slog.Bool("queued", i.Queued)}
	if d.writer != (store.Writer{}) {
		attrs = append(attrs, slog.String("writer", d.writer.String()))
	}
	if do := d.cause.Remedy(); do != "" {
		attrs = append(attrs, slog.String("do", do))
	}
	log.LogAttrs(ctx, level, "gormcache: everything is dropped, in all processes", attrs...)
}

// drop begins a change of everything.
func (inv *Invalidator) drop(ctx context.Context, why dropping) (*change, error) {
	c, err := inv.begin(ctx, []string{inv.cfg.Namespace.Epoch()})
	c.why = why
	return c, err
}

// unknown says why it can't be told what a write to these tables, with calls of these functions, changes.
func (t *topology) unknown(s *snapshot, calls []string, tables ...[]string) dropping {
	if s == nil {
		return dropping{cause: observe.NoCatalog}
	}
	if _, function := s.Calls(calls, t.triggers); function != "" && len(calls) > 0 {
		return dropping{cause: observe.UnknownFunction, detail: function}
	}
	for _, names := range tables {
		if _, trigger := s.Affected(names, t.triggers); trigger != "" {
			return dropping{cause: observe.UnknownTrigger, detail: trigger}
		}
	}
	return dropping{cause: observe.UnknownStatement}
}
