package values_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A failover behind sentinels: what was deleted or made old before it stays so, whether the replica has heard of it or not,
// and values are kept again afterwards.
//
// Falls if: a value is bound to nothing of the server that it was stored on, or a load that began before the failover stores
// what it made.
func TestFailover(t *testing.T) {
	for name, heard := range map[string]bool{"Acknowledged": true, "Lost": false} {
		t.Run(name, func(t *testing.T) { failover(t, heard) })
	}
}

// failover has the replica hear of the last changes, or not.
func failover(t *testing.T, heard bool) {
	s := servers.Sentinel(t)
	var opts []redisstore.Option
	if heard {
		opts = append(opts, redisstore.Wait(1, 2*time.Second))
	}
	shared := redisstore.New(s.Client(t), opts...)
	t.Cleanup(func() { must(t, shared.Close()) })
	w := newWorld(t, shared)
	must(t, region.SetMulti(w.ctx, w.r, map[string]string{"deleted": "old", "kept": "kept", "replaced": "old"}))
	must1(region.GetOrCreate(w.ctx, w.r, "of a table", makes(new(int), "old"), region.WithTables("things")))
	end := held(w, w.r, "loading", "old")
	endOfTable := held(w, w.r, "loading of a table", "old", region.WithTables("things"))
	hasAll := func() bool { n, err := s.Client(t).Do(w.ctx, "wait", 1, 5000).Int(); return n == 1 && err == nil }
	if !hasAll() {
		t.Fatal("the replica does not follow")
	}

	if !heard {
		s.Part(t)
	}
	must(t, w.other.Delete(w.ctx, "deleted", "loading"))
	must(t, region.Set(w.ctx, w.other, "replaced", "new"))
	w.commit("things")
	if heard && !hasAll() {
		t.Fatal("the replica does not follow")
	}
	for _, key := range []string{"deleted", "of a table"} {
		gone(w, w.r, key)
	}
	dead := s.Fail(t)
	answers(w)
	end()
	endOfTable()
	stays(w)

	n := 0
	for _, r := range []*region.Region{w.r, w.other, w.r} {
		if v := must1(region.GetOrCreate(w.ctx, r, "deleted", makes(&n, "new"), region.WithTables("things"))); v != "new" {
			t.Errorf("got %q", v)
		}
	}
	if n != 1 {
		t.Errorf("made %d times after the failover", n)
	}
	dead.Start(t) // empty: it is no master any more
	s.AwaitReplica(t, dead)
	want(w, w.other, "deleted", "new")
}

// answers waits until both processes reach the new master.
func answers(w *world) {
	w.Helper()
	for n, r := range []*region.Region{w.r, w.other} {
		eventually(w.T, "the store takes and gives values again", func() bool {
			key := fmt.Sprint("probe ", n)
			if region.Set(w.ctx, r, key, 1) != nil {
				return false
			}
			_, err := region.Get[int](w.ctx, r, key)
			return err == nil
		})
	}
}

// stays fails the test if anything is served that was old before the failover. A miss is never wrong.
func stays(w *world) {
	w.Helper()
	for _, r := range []*region.Region{w.r, w.other} {
		for _, key := range []string{"deleted", "of a table", "loading", "loading of a table"} {
			gone(w, r, key)
		}
		for key, right := range map[string]string{"replaced": "new", "kept": "kept"} {
			if v, err := region.Get[string](context.WithoutCancel(w.ctx), r, key); (err != nil || v != right) && !errors.Is(err, region.ErrCacheMiss) {
				w.Errorf("%s is %q (%v)", key, v, err)
			}
		}
	}
}
