package invalidate

import (
	"context"
	"slices"

	"github.com/seed-4f7f0efa/gormcache/invalidate/sqltext"
)

// instantly marks what a statement in a transaction changes whatever becomes of that: MyISAM's tables take
// part in none, so what is written is there at once, and stays after a ROLLBACK. It counts as a statement outside
// of transactions then, beside what is collected. nil: it changes nothing so.
func (t *tx) instantly(ctx context.Context, info *sqltext.Info) (*change, error) {
	if t.inv.cfg.Dialect != sqltext.MySQL {
		return nil, nil
	}
	s := t.inv.topology.known(t.base)
	if s == nil { // the transaction may have run DDL
		if s = t.catalog; s == nil {
			return nil, nil
		}
	}
	names := slices.Clone(info.Writes)
	written, _ := t.inv.topology.called(s, info.Calls)
	tables, _ := t.inv.topology.writes(s, append(names, written...))
	if !s.Instant(tables) {
		return nil, nil
	}
	return t.inv.begin(ctx, t.inv.tags(s, info))
}
