package differential_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// tooth is a store that breaks one rule. The differential test must find out.
type tooth struct {
	name  string
	about string
	stores
}

var teeth = []tooth{
	{"NothingIsSettled", "a commit gives no new tokens", around(func(s store.Store) store.Store { return unsettled{s, anyTag} })},
	{"OnlyTheFirstTagIsSettled", "a write to several tables invalidates one", around(func(s store.Store) store.Store { return firstOnly{s} })},
	{"OnlyTheFirstTableCounts", "the tags of joined tables are dropped", around(func(s store.Store) store.Store { return oneTable{s} })},
	{"TheEpochStands", "DDL invalidates nothing", around(func(s store.Store) store.Store {
		return unsettled{s, func(tag string) bool { return strings.HasSuffix(tag, ":n") }}
	})},
	{"NothingIsMarked", "marks are not set", around(func(s store.Store) store.Store { return unmarked{s} })},
	{"SettledTooEarly", "tokens change before COMMIT", around(func(s store.Store) store.Store { return early{s} })},
	{"SettledTooLate", "tokens change one write later", around(func(s store.Store) store.Store { return &late{Store: s} })},
	{"JoinTablesAreForgotten", "a write to the table of a many2many relation invalidates nothing", around(func(s store.Store) store.Store {
		return unsettled{s, func(tag string) bool { return strings.HasSuffix(tag, "labels") }}
	})},
	{"TwoStores", "each handle has a store of its own", func() ([2]store.Store, func()) {
		a, b := memory.New(), memory.New()
		return [2]store.Store{a, b}, func() { _, _ = a.Close(), b.Close() }
	}},
}

// around puts a broken store around one in memory that both handles share.
func around(broken func(store.Store) store.Store) stores {
	return func() ([2]store.Store, func()) {
		s := memory.New()
		b := broken(s)
		return [2]store.Store{b, b}, func() { _ = s.Close() }
	}
}

func anyTag(string) bool { return true }

// unsettled keeps the tokens of some tags.
type unsettled struct {
	store.Store
	keeps func(tag string) bool
}

func (u unsettled) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	kept := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return !u.keeps(tag) })
	rest := slices.DeleteFunc(slices.Clone(tags), u.keeps)
	if err := u.Unmark(ctx, kept, w); err != nil || len(rest) == 0 {
		return err
	}
	return u.Store.Settle(ctx, rest, w, linger)
}

// firstOnly keeps the tokens of all tags but the first.
type firstOnly struct{ store.Store }

func (s firstOnly) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	if err := s.Unmark(ctx, tags, w); err != nil {
		return err
	}
	return s.Store.Settle(ctx, tags[:1], w, linger)
}

// oneTable shows all tags of tables but the first as if they never changed.
type oneTable struct{ store.Store }

func (s oneTable) Lookup(ctx context.Context, l *store.Lookup) error {
	err := s.Store.Lookup(ctx, l)
	for _, i := range others(l.Tags) {
		l.States[i] = store.State{Known: true}
	}
	return err
}

func (s oneTable) Tokens(ctx context.Context, tags []string, states []store.State) error {
	err := s.Store.Tokens(ctx, tags, states)
	for _, i := range others(tags) {
		states[i] = store.State{Known: true}
	}
	return err
}

// others are the tags of tables without the first of them.
func others(tags []string) (indexes []int) {
	for i, tag := range tags {
		if strings.Contains(tag, ":t:") {
			indexes = append(indexes, i)
		}
	}
	return indexes[min(1, len(indexes)):]
}

// unmarked sets no marks.
type unmarked struct{ store.Store }

func (unmarked) Mark(context.Context, []string, store.Writer, time.Duration) error { return nil }

// early gives the new tokens when it should mark.
type early struct{ store.Store }

func (s early) Mark(ctx context.Context, tags []string, w store.Writer, _ time.Duration) error {
	return s.Store.Settle(ctx, tags, w, 0)
}

func (s early) Settle(context.Context, []string, store.Writer, time.Duration) error { return nil }

// late gives the new tokens of a write when the next one comes.
type late struct {
	store.Store
	mu   sync.Mutex
	tags []string
}

func (s *late) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.tags
	s.tags = slices.Clone(tags)
	if err := s.Unmark(ctx, tags, w); err != nil || len(due) == 0 {
		return err
	}
	return s.Store.Settle(ctx, due, store.NewWriter(), linger)
}

// TestTeeth: each broken rule is found within few operations.
func TestTeeth(t *testing.T) {
	const budget = 30_000 // operations
	for _, tooth := range teeth {
		t.Run(tooth.name, func(t *testing.T) {
			w, c := newWorld(t, lite), newTally()
			for seed := 1; c.operations() < budget; seed++ {
				if difference := tryOnce(w, c, programs(lite).Example(seed), tooth.stores); difference != "" {
					t.Logf("%s: found after %d operations, %d programs", tooth.about, c.operations(), seed)
					return
				}
			}
			t.Errorf("%s, and %d operations show no difference", tooth.about, c.operations())
		})
	}
}

// tryOnce runs one program and returns the first difference.
func tryOnce(w *world, c *tally, p *program, open stores) (difference string) {
	found := &finding{}
	defer func() {
		if r := recover(); r != nil && r != any(found) {
			panic(r)
		}
		difference = found.text
	}()
	(&machine{program: p, t: found, world: w, tally: c}).run(open)
	return ""
}

// finding ends a program by a panic, and keeps what it found.
type finding struct{ text string }

// Fatalf implements what a machine wants of a test.
func (f *finding) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}
