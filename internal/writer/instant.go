package writer

import (
	"context"

	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// instantly marks what a statement in a transaction changes whatever becomes of that: MyISAM's tables take
// part in none, so what is written is there at once, and stays after a ROLLBACK. It counts as a statement outside
// of transactions then, beside what is collected. nil: it changes nothing so.
func (t *tx) instantly(ctx context.Context, info *sqltext.Info) (*change, error) {
	if t.inv.cfg.Dialect != sqltext.MySQL {
		return nil, nil
	}
	if len(t.inv.touches(info, nil)) == 0 {
		return nil, nil
	}
	s := t.schema(false)
	if s == nil { // there is no telling, then or now
		return t.inv.drop(ctx, dropping{cause: observe.NoCatalog})
	}
	called, _ := t.inv.topology.called(s, info.Calls)
	tables, _ := t.inv.topology.writes(s, append(s.written(info), called...))
	if !s.Instant(tables) {
		return nil, nil
	}
	r := t.inv.resolve(s, t.inv.touches(info, nil))
	c, err := t.inv.begin(ctx, r.tags)
	c.why = r.why
	return c, err
}
