package narrow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// watched is a writer's store, at whose calls others can come in between.
type watched struct {
	store.Store
	refuse  atomic.Bool // the next mark
	evict   atomic.Bool // the next mark, when it has landed
	looked  func(tags []string)
	unmarks func(tags []string)
	fails   atomic.Bool // the next settling
	tokens  func(tags []string)
}

func (w *watched) Mark(ctx context.Context, tags []string, by store.Writer, grace time.Duration) error {
	if w.refuse.CompareAndSwap(true, false) {
		return errors.New("refused")
	}
	err := w.Store.Mark(ctx, tags, by, grace)
	if w.evict.CompareAndSwap(true, false) {
		return errors.Join(err, w.Store.Unmark(ctx, tags, by))
	}
	return err
}

func (w *watched) Settle(ctx context.Context, tags []string, by store.Writer, linger time.Duration) error {
	if w.fails.CompareAndSwap(true, false) {
		return errors.New("failed")
	}
	return w.Store.Settle(ctx, tags, by, linger)
}

func (w *watched) Lookup(ctx context.Context, l *store.Lookup) error {
	err := w.Store.Lookup(ctx, l)
	if w.looked != nil {
		w.looked(l.Tags)
	}
	return err
}

func (w *watched) Tokens(ctx context.Context, tags []string, states []store.State) error {
	err := w.Store.Tokens(ctx, tags, states)
	if w.tokens != nil {
		w.tokens(tags)
	}
	return err
}

func (w *watched) Unmark(ctx context.Context, tags []string, by store.Writer) error {
	err := w.Store.Unmark(ctx, tags, by)
	if w.unmarks != nil {
		w.unmarks(tags)
	}
	return err
}

// newWatched is a world on SQLite whose writer's store is watched.
func newWatched(t *testing.T) (*world, *watched) {
	t.Helper()
	s := lab.Store(t, "memory")
	d, st := servers.SQLite(t), &watched{Store: s}
	return over(t, d, d.Open(t), st, s), st
}

// fresh checks that a read shows what the database has.
func (w *world) fresh(t *testing.T, r read) {
	t.Helper()
	got, seen := r.answer(t, w.reader)
	if want := r.direct(t, w.bare); !same(got, want) {
		t.Errorf("%s: %v\n got %v\nwant %v", r.name, seen.Outcome, got, want)
	}
}

var row6 = read{"row 6", find[Item](where("id = ?", 6))}

// The mark of the table goes when the row has its new token, and not before: a reader in between would find
// that there is no such row, and one whose process dies there would leave that to all.
func TestMarksOutlastTheRowsOldToken(t *testing.T) {
	w, st := newWatched(t)
	row6.warm(t, w.reader)
	asked := false
	st.unmarks = func([]string) {
		asked = true
		w.fresh(t, row6)
	}
	must(t, w.writer.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Item{Name: "f"}).Error)
	if w.fresh(t, row6); !asked {
		t.Error("nothing was unmarked")
	}
	row6.warm(t, w.reader) // and none of the marks stays
}

// The same where the store fails when the row is to have its new token:
//
//	W: mark the table, INSERT row 6, settle ✗            … settle
//	R:                                        must not hit
func TestMarksOutlastTheRowsOldTokenInTheQueue(t *testing.T) {
	w, st := newWatched(t)
	row6.warm(t, w.reader)
	st.fails.Store(true)
	st.looked = func([]string) { w.fresh(t, row6) }
	st.unmarks = st.looked
	must(t, w.writer.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Item{Name: "f"}).Error)
	w.fresh(t, row6)
}

// W: can't mark the table, or its mark is evicted; sees that nothing is tracked.
//
//	R: tracks shop_id, sees no mark, stores the items of shop 2.
//
// W: commits, and tells the store of it some time later.
func TestEnrolmentWhileAMarkIsLost(t *testing.T) {
	update := func(db *gorm.DB) error { return db.Model(&Item{ID: 3}).Update("qty", 7).Error }
	create := func(db *gorm.DB) error {
		shop := int64(2)
		return db.Create(&Item{ShopID: &shop, Name: "f"}).Error
	}
	for name, c := range map[string]struct {
		alone bool
		write func(*gorm.DB) error
	}{
		"UPDATE in a transaction": {false, update}, "UPDATE alone": {true, update},
		"INSERT in a transaction": {false, create}, "INSERT alone": {true, create},
	} {
		for _, evicted := range []bool{false, true} {
			if name == "INSERT alone" && !evicted {
				continue // it changes T! then, and asks nothing
			}
			t.Run(fmt.Sprintf("%s, evicted %v", name, evicted), func(t *testing.T) {
				w, st := newWatched(t)
				r := named("shop 2")
				must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error)
				st.looked = func(tags []string) {
					if slices.ContainsFunc(tags, func(tag string) bool { return strings.HasSuffix(tag, ":q:items") }) {
						st.looked = nil
						r.warm(t, w.reader)
					}
				}
				st.refuse.Store(!evicted)
				st.evict.Store(evicted)
				must(t, c.write(w.writer.Session(&gorm.Session{SkipDefaultTransaction: c.alone})))
				if st.looked != nil {
					t.Fatal("the writer did not ask what is tracked")
				}
				w.fresh(t, r)
			})
		}
	}
}

// R: begins to track shop_id, sees no mark; its own tags are evicted.
//
//	W: marks the table; sees that nothing is tracked.
//
// R: must not store the items of shop 2.
//
//	W: commits.
func TestEnrolmentWhoseTagsAreLost(t *testing.T) {
	server := servers.Redis(t)
	d, st, reads := servers.SQLite(t), &watched{Store: server.Store(t)}, &watched{Store: server.Store(t)}
	w, r, client := over(t, d, d.Open(t), st, reads), named("shop 2"), server.Client(t)
	must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error)
	looked, goOn, written := make(chan struct{}), make(chan struct{}), make(chan error)
	st.looked = func(tags []string) {
		if slices.ContainsFunc(tags, func(tag string) bool { return strings.HasSuffix(tag, ":q:items") }) {
			st.looked = nil
			close(looked)
			<-goOn
		}
	}
	reads.tokens = func(tags []string) {
		if slices.Contains(tags, "narrow:t:items") {
			reads.tokens = nil
			mine := client.Keys(t.Context(), "narrow:q:*").Val()
			if n := client.Del(t.Context(), mine...).Val(); n != 2 {
				t.Errorf("%d tags of %q are evicted", n, mine)
			}
			go func() { written <- w.writer.Model(&Item{ID: 3}).Update("qty", 7).Error }()
			<-looked
		}
	}
	for range 2 {
		r.answer(t, w.reader)
	}
	if reads.tokens != nil {
		t.Fatal("the reader did not enrol")
	}
	close(goOn)
	must(t, <-written)
	w.fresh(t, r)
}

func (w *world) warmAll(t *testing.T, reads ...read) {
	t.Helper()
	for _, r := range reads {
		r.warm(t, w.reader)
	}
}
