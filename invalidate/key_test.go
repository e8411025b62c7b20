package invalidate

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// The tags that say that a column is tracked are kept while somebody asks for its rows: not at once, and not by
// all who ask.
func TestKeysAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{Store: memory.New()}
		inv := newTest(p, AllowStale)
		k, primary := &Key{inv: inv, tracks: []string{"test:q:users", "test:q:users.age"}}, &Key{inv: inv}
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
		if err := inv.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
