package writer

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// The tags that say that a column is tracked are kept while somebody asks for its rows: not at once, and not by
// all who ask.
func TestKeysAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{Store: memory.New()}
		w := newTest(p, AllowStale)
		k, primary := &enrolment{p: w.publisher, tracks: []string{"test:q:users", "test:q:users.age"}}, &enrolment{p: w.publisher}
		k.kept.Store(int64(time.Since(start)))
		if k.Due() {
			t.Error("due at once")
		}
		time.Sleep(keepEvery)
		if !k.Due() || k.Due() {
			t.Error("not due, or twice")
		}
		if primary.Due() {
			t.Error("a primary key needs no enrolment")
		}
		if err := k.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if calls := p.take(); !slices.Equal(calls, []string{"unmark"}) {
			t.Errorf("calls %v: one that makes no tag is wanted", calls)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// forgetful is a store that has lost some of the tags that it is asked for.
type forgetful struct {
	*patient
	lost []bool
}

func (f forgetful) Lookup(ctx context.Context, l *store.Lookup) error {
	err := f.patient.Lookup(ctx, l)
	for i, lost := range f.lost {
		l.States[i].Known = l.States[i].Known && !lost
	}
	return err
}

// A table may have several tracked columns, and a store may lose one of the tags that say so. Each that is not there
// is made, under a mark, so that writers who may not see it are waited for.
//
// Falls if: one of the tags stands for the other. Then nothing is ever stored by the second column.
func TestEnrolmentMakesWhatIsNotThere(t *testing.T) {
	made, kept := []string{"lookup", "mark", "tokens", "unmark"}, []string{"lookup", "unmark"}
	p := &patient{Store: memory.New()}
	for _, c := range []struct {
		column string
		lost   []bool
		calls  []string
	}{
		{"shop_id", nil, made},
		{"shop_id", nil, kept},
		{"user_id", nil, made},
		{"user_id", nil, kept},
		{"user_id", []bool{true, false}, made},
		{"user_id", []bool{false, true}, made},
	} {
		k := &enrolment{
			p: newTest(forgetful{p, c.lost}, AllowStale).publisher, table: "items", column: c.column,
			tracks: []string{"test:q:items", "test:q:items." + c.column},
		}
		if err := k.Enrol(t.Context()); err != nil {
			t.Fatal(err)
		}
		if calls := p.take(); !slices.Equal(calls, c.calls) {
			t.Errorf("%s, lost %v: calls %v, want %v", c.column, c.lost, calls, c.calls)
		}
		l := store.Lookup{Tags: k.tracks}
		if err := p.Store.Lookup(t.Context(), &l); err != nil || !l.States[0].Clean() || !l.States[1].Clean() {
			t.Errorf("%s: enrolled as %v, %v", c.column, l.States, err)
		}
	}
}
