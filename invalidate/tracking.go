package invalidate

import (
	"context"
	"slices"
	"sync"

	"github.com/seed-4f7f0efa/gormcache/invalidate/catalog"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// tracking remembers which columns of which tables are tracked, as the store said last. What it remembers
// is a hint: before each COMMIT the store is asked. The zero value is ready; it is safe for concurrent use.
type tracking struct {
	mu sync.RWMutex
	m  map[string]tracked
}

// tracked are the columns of one table, by the token that its tag had.
type tracked struct {
	token   store.Token
	layout  *catalog.Layout // whose columns were asked for: two databases may have a table of one name
	names   []string
	certain bool // nobody was enrolling a column at that moment
}

// columns are those that are tracked, as far as is known here.
func (t *tracking) columns(table string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[table].names
}

// of returns what was remembered, if it is still what the store says.
func (t *tracking) of(table string, l *catalog.Layout, s store.State) (names []string, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, ok := t.m[table]
	return r.names, ok && r.certain && s.Clean() && r.token == s.Token && r.layout == l
}

func (t *tracking) put(table string, r tracked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string]tracked{}
	}
	t.m[table] = r
}

// hint notes that a column is tracked, which the store will confirm: a writer of this process that comes next
// reads the old values in time.
func (t *tracking) hint(table, column string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string]tracked{}
	}
	if r := t.m[table]; !slices.Contains(r.names, column) {
		t.m[table] = tracked{names: append(slices.Clone(r.names), column)}
	}
}

// trackedColumns asks the store which columns of a table are tracked, given the state of the table's own
// tag. The table must have been marked before that was read: an enrolment that is not seen here sees
// the mark.
func (inv *Invalidator) trackedColumns(ctx context.Context, table string, l *catalog.Layout, s store.State) ([]string, error) {
	if !s.Known {
		inv.tracking.put(table, tracked{})
		return nil, nil
	}
	if names, ok := inv.tracking.of(table, l, s); ok {
		return names, nil
	}
	q := store.Lookup{Tags: make([]string, len(l.Columns))}
	for i := range l.Columns {
		q.Tags[i] = inv.cfg.Namespace.TrackedColumn(table, l.Columns[i].Name)
	}
	err := inv.call(ctx, "lookup", func(ctx context.Context) error { return inv.cfg.Store.Lookup(ctx, &q) })
	if err != nil {
		return nil, err
	}
	var names []string
	for i, state := range q.States {
		if state.Known {
			names = append(names, l.Columns[i].Name)
		}
	}
	inv.tracking.put(table, tracked{token: s.Token, layout: l, names: names, certain: s.Clean()})
	return names, nil
}
