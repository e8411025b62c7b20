package narrow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// R has a plan of the items of shop 2, by their rows.
//
//	W: creates a trigger, after which items can only be told by table.
//	X: marks the table.
//
// R: finds that its plan is old, makes another, and must bypass.
func TestPlanOfAnOlderSchema(t *testing.T) {
	w, st := newWatched(t)
	r := named("shop 2")
	r.warm(t, w.reader)
	must(t, w.writer.Exec("CREATE TRIGGER before_items BEFORE UPDATE ON items BEGIN SELECT 1; END").Error)
	must(t, st.Store.Mark(t.Context(), []string{"narrow:t:items"}, store.NewWriter(), time.Hour))
	if _, seen := r.answer(t, w.reader); seen.Outcome != observe.Bypass {
		t.Errorf("%v", seen.Outcome)
	}
}

// unreadable is a store that takes what writers tell it, and does not answer their questions.
type unreadable struct {
	store.Store
	off bool
}

func (u *unreadable) Lookup(ctx context.Context, l *store.Lookup) error {
	if u.off && len(l.Keys) == 0 && slices.ContainsFunc(l.Tags, func(tag string) bool { return strings.HasSuffix(tag, ":n") }) {
		return errors.New("the test refuses it")
	}
	return u.Store.Lookup(ctx, l)
}

// B: creates a trigger by which a write to items changes pairs.
//
//	A: writes to items; its marks land, but it can't ask whether the schema is as it knows it.
//
// R: must see the pairs that A has changed.
func TestSchemaThatAWriterCannotAskFor(t *testing.T) {
	for name, alone := range map[string]bool{"alone": true, "in a transaction": false} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			t.Cleanup(func() { _ = s.Close() })
			d, st := servers.SQLite(t), &unreadable{Store: s}
			w := over(t, d, d.Open(t), st, s)
			pairs := read{"pairs", find[Pair](where("a = 1"))}
			for range 3 { // A has the old catalog, and knows that it is not older
				must(t, w.writer.Model(&Item{ID: 77}).Update("qty", 0).Error)
			}
			must(t, w.reader.Exec("CREATE TRIGGER after_items AFTER UPDATE ON items BEGIN UPDATE pairs SET qty = qty + 1; END").Error)
			pairs.warm(t, w.reader)
			st.off = true
			must(t, w.writer.Session(&gorm.Session{SkipDefaultTransaction: alone}).Model(&Item{ID: 3}).Update("qty", 7).Error)
			w.fresh(t, pairs)
		})
	}
}

// What one database's table does not have says nothing of another's of the same name.
func TestTwoDatabasesWithATableOfOneName(t *testing.T) {
	w, _ := newWatched(t)
	other := servers.SQLite(t)
	must(t, other.Open(t).Exec("CREATE TABLE items (id integer PRIMARY KEY, name text)").Error)
	resolver := dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{other.Dialector()}}, "other")
	must(t, w.writer.Use(resolver))
	t.Cleanup(func() {
		_ = resolver.Call(func(pool gorm.ConnPool) error {
			if c, ok := pool.(interface{ Close() error }); ok {
				return c.Close()
			}
			return nil
		})
	})
	r := named("shop 2")
	r.warm(t, w.reader)
	for range 3 {
		must(t, w.writer.Clauses(dbresolver.Use("other")).Exec("UPDATE items SET name = 'x' WHERE id = 1").Error)
		must(t, w.writer.Clauses(dbresolver.Use("other")).Transaction(func(tx *gorm.DB) error {
			return tx.Exec("UPDATE items SET name = 'x' WHERE id = 1").Error
		}))
		r.warm(t, w.reader)
		must(t, w.writer.Model(&Item{ID: 3}).Update("qty", gorm.Expr("qty + 7")).Error)
		w.fresh(t, r)
	}
}
