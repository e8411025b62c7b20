package writer

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// markNontransactional marks what a statement in a transaction changes whatever becomes of that: MyISAM's tables take
// part in none, so what is written is there at once, and stays after a ROLLBACK. It counts as a statement outside
// of transactions then, beside what is collected. nil: it changes nothing so.
func (t *tx) markNontransactional(ctx context.Context, info *sqltext.Info) (*change, error) {
	if t.w.cfg.Dialect != sqltext.MySQL {
		return nil, nil
	}
	if len(t.w.schema.Effects(info, nil)) == 0 {
		return nil, nil
	}
	s := t.schema(false)
	if s == nil { // there is no telling, then or now
		return t.w.drop(ctx, schema.Reason{Cause: observe.NoCatalog})
	}
	if !t.w.schema.Instant(s, info) {
		return nil, nil
	}
	r := t.w.schema.Resolve(s, t.w.schema.Effects(info, nil))
	c, err := t.w.begin(ctx, r.Tags)
	c.why = r.Why
	return c, err
}
