package writer

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/catalog"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Key tells the rows of one table apart: by its primary key, or by a tracked column. What depends on
// some of its values depends on the tags of [Key.Base] and on the [Key.Tag] of each value. It is safe for
// concurrent use.
type Key struct {
	inv     *Invalidator
	table   string
	columns []catalog.Column
	base    []string
	values  store.Family
	tracks  []string     // those of base that exist only by enrolment; none for a primary key
	kept    atomic.Int64 // when those were kept from expiring by this key, as time since start; 0: never
}

// Key returns the primary key of a table, or, where a column is named, that column as one to be tracked.
// nil: the rows can't be told apart so, or a write to the table may change more than it says.
func (inv *Invalidator) Key(r Reading, table, column string) *Key {
	l := r.snapshot.direct(table)
	if l == nil {
		return nil
	}
	ns := inv.cfg.Namespace
	k := &Key{inv: inv, table: table, columns: l.Key, base: []string{ns.Bulk(table)}, values: ns.Rows(table)}
	if column == "" || len(l.Key) == 1 && l.Key[0].Name == column {
		if len(l.Key) == 0 {
			return nil
		}
		return k
	}
	c, ok := l.Column(column)
	if !ok {
		return nil
	}
	k.columns, k.values = []catalog.Column{*c}, ns.Sets(table, c.Name)
	k.tracks = []string{ns.Tracked(table), ns.TrackedColumn(table, c.Name)}
	k.base = append(k.base, k.tracks...)
	return k
}

// direct is the layout of a table whose writes change what they say, or nil.
func (s *snapshot) direct(table string) *catalog.Layout {
	if s == nil || s.Catalog == nil {
		return nil
	}
	if l := s.Layout(table); l != nil && l.Direct {
		return l
	}
	return nil
}

// Table is the table's name in canonical form.
func (k *Key) Table() string { return k.table }

// Primary tells that it is the primary key.
func (k *Key) Primary() bool { return len(k.tracks) == 0 }

// Columns are the key's columns, in canonical form. A tracked key has one.
func (k *Key) Columns() []string {
	names := make([]string, len(k.columns))
	for i := range k.columns {
		names[i] = k.columns[i].Name
	}
	return names
}

// Integer tells that it has one column, of integers.
func (k *Key) Integer() bool { return len(k.columns) == 1 && k.columns[0].Kind == catalog.Integer }

// Rowid tells that SQLite keeps the table in the order of the key.
func (k *Key) Rowid() bool { return len(k.columns) == 1 && k.columns[0].Rowid }

// Base are the tags that all depend on who depend on the key. It must not be modified.
func (k *Key) Base() []string { return k.base }

// Tracks are those of Base that exist only by enrolment: they must not be made by store.Store.Tokens, but
// by Enrol. It must not be modified.
func (k *Key) Tracks() []string { return k.tracks }

// Tag is the tag of the rows with one value.
func (k *Key) Tag(text string) string { return k.values.Tag([]byte(text)) }

// Argument is the text that stands for a value of a key of one column, given as to database/sql. null: it
// is NULL, which equals nothing. ok is false if the value can't be compared, or the key has more columns.
func (k *Key) Argument(v any) (text string, null, ok bool) {
	if len(k.columns) != 1 {
		return "", false, false
	}
	return k.columns[0].Argument(v)
}

// Stored is the same for a value that comes from the database.
func (k *Key) Stored(v any) (text string, null, ok bool) {
	if len(k.columns) != 1 {
		return "", false, false
	}
	return k.columns[0].Stored(v)
}

// Enrol makes the tags of [Key.Tracks], or takes away what dead enrolments have left on them. Writers look
// whether they exist after they have marked the table. So where no writer has marked it now, all who will
// see them; otherwise they stay marked until any such writer has ended, and nothing is filled meanwhile.
func (k *Key) Enrol(ctx context.Context) error {
	if len(k.tracks) == 0 {
		return nil
	}
	cfg := &k.inv.cfg
	l := store.Lookup{Tags: k.tracks}
	if err := cfg.Store.Lookup(ctx, &l); err != nil {
		return err
	}
	k.inv.tracking.hint(k.table, k.columns[0].Name)
	w := store.NewWriter()
	if l.States[0].Known && l.States[1].Known {
		return cfg.Store.Unmark(ctx, k.tracks, w)
	}
	if err := cfg.Store.Mark(ctx, k.tracks, w, cfg.Grace); err != nil {
		return err
	}
	states := make([]store.State, 1)
	if err := cfg.Store.Tokens(ctx, []string{cfg.Namespace.Table(k.table)}, states); err != nil || states[0].Marked {
		return err
	}
	// Not by Settle, which would make tags that were lost meanwhile, and that writers have not seen therefore.
	return cfg.Store.Unmark(ctx, k.tracks, w)
}

// keepEvery is how often the tags of [Key.Tracks] are kept from expiring: far more often than stores let tags
// expire, and too seldom to be felt.
const keepEvery = 10 * time.Minute

// start is what moments are measured from: the clock on the wall may jump.
var start = time.Now()

// Due tells that it is time for Keep, to one caller each time.
func (k *Key) Due() bool {
	if len(k.tracks) == 0 {
		return false
	}
	last, now := k.kept.Load(), int64(time.Since(start))
	return now-last >= int64(keepEvery) && k.kept.CompareAndSwap(last, now)
}

// Keep keeps the tags of [Key.Tracks] from expiring, where they are there: Enrol alone makes them.
func (k *Key) Keep(ctx context.Context) error {
	return k.inv.cfg.Store.Unmark(ctx, k.tracks, store.NewWriter())
}
