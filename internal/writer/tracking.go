package writer

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// tracking remembers which columns of which tables are tracked, as the store said last. It is a hint: by it
// statements are prepared, but before each COMMIT the store is asked. An answer that is remembered can't take
// the place of that, even where the table's tag is as it was: an enrolment may have made the column's tag and
// died. The zero value is ready; it is safe for concurrent use.
type tracking struct {
	mu sync.RWMutex
	m  map[string][]string // table → columns; never modified, but replaced
}

// columns are those that are tracked, as far as is known here. They must not be modified.
func (t *tracking) columns(table string) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[table]
}

func (t *tracking) put(table string, columns []string) {
	if slices.Equal(t.columns(table), columns) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[string][]string{}
	}
	t.m[table] = columns
}

// hint notes that a column is tracked, which the store will confirm: a writer of this process that comes next
// reads the old values in time.
func (t *tracking) hint(table, column string) {
	if known := t.columns(table); !slices.Contains(known, column) {
		t.put(table, append(slices.Clone(known), column))
	}
}

// tracked asks the store which columns of the tables are tracked. The tables must have been marked before: an
// enrolment that is not seen here sees the mark. It takes one round trip, and a second where a table turns out to
// have tracked columns that was not known to.
func (c *change) tracked(ctx context.Context, tables map[string]*catalog.Layout) (map[string][]string, error) {
	all, p, ns := inquiry{}, c.p, c.p.cfg.Namespace
	hinted := map[string]bool{}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		all.add(ns.Tracked(table))
		if hinted[table] = len(p.tracking.columns(table)) > 0; hinted[table] {
			all.columns(ns, table, tables[table])
		}
	}
	if err := all.ask(ctx, c); err != nil {
		return nil, err
	}
	more := inquiry{}
	for table, layout := range tables {
		if all.known[ns.Tracked(table)] && !hinted[table] {
			more.columns(ns, table, layout)
		}
	}
	if err := more.ask(ctx, c); err != nil {
		return nil, err
	}
	found := make(map[string][]string, len(tables))
	for table, layout := range tables {
		for i := range layout.Columns {
			tag := ns.TrackedColumn(table, layout.Columns[i].Name)
			if all.known[ns.Tracked(table)] && (all.known[tag] || more.known[tag]) {
				found[table] = append(found[table], layout.Columns[i].Name)
			}
		}
		p.tracking.put(table, found[table])
	}
	return found, nil
}

// inquiry asks which of some tags exist.
type inquiry struct {
	tags  []string
	known map[string]bool
}

func (q *inquiry) add(tags ...string) { q.tags = append(q.tags, tags...) }

func (q *inquiry) columns(ns store.Namespace, table string, l *catalog.Layout) {
	for i := range l.Columns {
		q.add(ns.TrackedColumn(table, l.Columns[i].Name))
	}
}

func (q *inquiry) ask(ctx context.Context, c *change) error {
	if len(q.tags) == 0 {
		return nil
	}
	l := store.Lookup{Tags: q.tags}
	err := c.ask(ctx, "lookup", func(ctx context.Context) error { return c.p.cfg.Store.Lookup(ctx, &l) })
	if err != nil {
		return err
	}
	q.known = make(map[string]bool, len(q.tags))
	for i, tag := range q.tags {
		q.known[tag] = l.States[i].Known
	}
	return nil
}

// Key is a [schema.Key] whose column can be enrolled, if it is to be tracked. It is safe for concurrent use.
type Key struct {
	*schema.Key
	*enrolment
}

// newKey returns the key as one that can be enrolled; nil for nil.
func newKey(p *publisher, k *schema.Key) *Key {
	if k == nil {
		return nil
	}
	return &Key{Key: k, enrolment: &enrolment{p: p, table: k.Table(), column: k.Columns()[0], tracks: k.Tracks()}}
}

// enrolment makes and keeps the tags by which writers learn that a column is tracked.
type enrolment struct {
	p             *publisher
	table, column string
	tracks        []string     // none for a primary key
	kept          atomic.Int64 // when they were last kept from expiring, as time since start; 0: never
}

// Enrol makes the tags of [schema.Key.Tracks], or takes away what dead enrolments have left on them. Writers look
// whether they exist after they have marked the table. So where no writer has marked it now, all who will
// see them; otherwise they stay marked until any such writer has ended, and nothing is filled meanwhile.
func (e *enrolment) Enrol(ctx context.Context) error {
	if len(e.tracks) == 0 {
		return nil
	}
	cfg := &e.p.cfg
	l := store.Lookup{Tags: e.tracks}
	if err := cfg.Store.Lookup(ctx, &l); err != nil {
		return err
	}
	e.p.tracking.hint(e.table, e.column)
	id := store.NewWriter()
	if l.States[0].Known && l.States[1].Known {
		return cfg.Store.Unmark(ctx, e.tracks, id)
	}
	if err := cfg.Store.Mark(ctx, e.tracks, id, cfg.Grace); err != nil {
		return err
	}
	states := make([]store.State, 1)
	if err := cfg.Store.Tokens(ctx, []string{cfg.Namespace.Table(e.table)}, states); err != nil || states[0].Marked {
		return err
	}
	// Not by Settle, which would make tags that were lost meanwhile, and that writers have not seen therefore.
	return cfg.Store.Unmark(ctx, e.tracks, id)
}

// keepEvery is how often the tags of [schema.Key.Tracks] are kept from expiring: far more often than stores let tags
// expire, and too seldom to be felt.
const keepEvery = 10 * time.Minute

// start is what moments are measured from: the clock on the wall may jump.
var start = time.Now()

// Due reports whether it is time for Keep, to one caller each time.
func (e *enrolment) Due() bool {
	if len(e.tracks) == 0 {
		return false
	}
	last, now := e.kept.Load(), int64(time.Since(start))
	return now-last >= int64(keepEvery) && e.kept.CompareAndSwap(last, now)
}

// Keep keeps the tags of [schema.Key.Tracks] from expiring, where they are there: Enrol alone makes them.
func (e *enrolment) Keep(ctx context.Context) error {
	return e.p.cfg.Store.Unmark(ctx, e.tracks, store.NewWriter())
}
