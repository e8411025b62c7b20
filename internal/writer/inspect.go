package writer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// inspected bounds the tags that the store is asked for at once.
const inspected = 256

// inspector asks what is known of tables.
type inspector struct{ *Writer }

// inspect says what this process and the store know of tables.
func (w inspector) inspect(ctx context.Context, tables, read []string) (observe.Inspection, error) {
	ns := w.cfg.Namespace
	i := observe.Inspection{Namespace: string(ns), At: time.Now(), Schema: w.Version()}
	if seen := w.schema.LastEpoch(); seen != (store.Token{}) {
		i.EpochSeen = seen.String()
	}
	if err := w.failure.Load(); err != nil {
		i.LastError = fault.Text(*err)
	}
	i.Pending, i.Questions = w.queue.inspect()
	for _, table := range tables {
		if table == "" || strings.ContainsAny(table, "\"`[]") {
			return i, fault.Errorf("Inspect: %q is no table's name: give it as it is, without quotes", table)
		}
	}
	if len(tables) == 0 {
		tables = slices.Concat(read, w.waiting(i.Pending), w.doubtful())
	}
	i.Epoch = observe.TagState{Tag: ns.Epoch(), Is: observe.NotAsked}
	states := []*observe.TagState{&i.Epoch}
	names := map[string]bool{}
	for _, table := range tables {
		names[store.TableName(table)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		t := observe.TableState{Table: name}
		for _, tag := range w.tagsOf(name, i.Pending) {
			t.Tags = append(t.Tags, observe.TagState{Tag: tag, Is: observe.NotAsked})
		}
		i.Tables = append(i.Tables, t)
		for n := range t.Tags {
			states = append(states, &t.Tags[n])
		}
	}
	return i, w.ask(ctx, states)
}

// waiting are the tables that something is pending for.
func (w inspector) waiting(pending []observe.PendingTag) (tables []string) {
	for _, p := range pending {
		if table, ok := tableOf(w.cfg.Namespace, p.Tag); ok {
			tables = append(tables, table)
		}
	}
	return tables
}

// doubtful are the tables that marks of this process are left on.
func (w inspector) doubtful() (tables []string) {
	for _, d := range w.Doubts() {
		for _, tag := range d.Tags {
			if table, ok := tableOf(w.cfg.Namespace, tag); ok {
				tables = append(tables, table)
			}
		}
	}
	return tables
}

// tagsOf are the tags of a table: those of writes to it, and those of its rows and columns that are pending.
func (w inspector) tagsOf(table string, pending []observe.PendingTag) []string {
	tags := schema.TableTags(w.cfg.Namespace, table)
	for _, p := range pending {
		if of, ok := tableOf(w.cfg.Namespace, p.Tag); ok && of == table && !slices.Contains(tags, p.Tag) {
			tags = append(tags, p.Tag)
		}
	}
	return tags
}

// ask fills in what the store says.
func (w inspector) ask(ctx context.Context, states []*observe.TagState) error {
	budget, cancel := context.WithTimeoutCause(ctx, w.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	of := w.writers()
	for some := range slices.Chunk(states, inspected) {
		tags := make([]string, len(some))
		for n, s := range some {
			tags[n] = s.Tag
		}
		infos, err := store.Inspect(budget, w.cfg.Store, tags)
		if err != nil {
			return fault.Errorf("Inspect: the store does not answer, so this is what the process knows: %w", err)
		}
		if len(infos) != len(some) {
			return errors.New("gormcache: Inspect: the store has not answered all that it was asked")
		}
		for n, info := range infos {
			fill(some[n], info, of)
		}
	}
	return nil
}

func fill(s *observe.TagState, info store.TagInfo, of map[store.Writer]string) {
	switch {
	case !info.State.Known:
		s.Is = observe.Absent
		return
	case info.State.Marked:
		s.Is = observe.MarkedState
	default:
		s.Is = observe.Clean
	}
	s.Token = info.State.Token.String()
	for _, m := range info.Marks {
		s.Marks = append(s.Marks, observe.Mark{Writer: m.Writer.String(), Left: m.Left, Of: of[m.Writer]})
	}
	slices.SortFunc(s.Marks, func(a, b observe.Mark) int { return cmp.Compare(a.Left, b.Left) })
}

// writers are those of this process that are known here, and what they are.
func (w inspector) writers() map[store.Writer]string {
	of := map[store.Writer]string{}
	for _, d := range w.Doubts() {
		of[d.Writer] = "of this process, in doubt: " + d.Cause
	}
	w.plain.each(func(id store.Writer) { of[id] = "a transaction in plain SQL of this process" })
	w.queue.each(func(id store.Writer) { of[id] = "of this process, and pending" })
	return of
}
