package regions_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// apart is a configuration whose region "own" keeps its entries in s.
func apart(s store.Store) gormcache.Config {
	return gormcache.Config{Regions: map[string]region.Config{"default": {TTL: time.Hour}, "own": {TTL: time.Hour, Store: s}}}
}

// What is kept apart from its tags is dropped by the same writes, in all processes; and kept by all others.
func TestARegionsOwnStore(t *testing.T) {
	for _, kind := range []string{"memory", "redis"} {
		t.Run(kind, func(t *testing.T) {
			own := &switchable{Store: lab.Store(t, "memory")}
			cfg := apart(own)
			cfg.Store = lab.Store(t, kind)
			w := newWorld(t, cfg)
			db, p := w.Process(t)
			// Another process has entries of its own, as where the own store is in the process.
			elsewhere, _ := w.Process(t, func(c *gormcache.Config) { c.Regions = apart(lab.Store(t, "memory")).Regions })
			expect := func(what, want string, outcomes ...observe.Outcome) {
				t.Helper()
				for i, db := range []*gorm.DB{db, elsewhere} {
					if got, seen := name(t, db, "own", 1); got != want || seen.Outcome != outcomes[min(i, len(outcomes)-1)] {
						t.Errorf("%s: %q, %v (%s %s), want %q", what, got, seen.Outcome, seen.Reason, seen.Detail, want)
					}
				}
			}
			for range 2 { // the catalog is read first
				name(t, db, "own", 1)
				name(t, elsewhere, "own", 1)
			}
			expect("filled", "user 1", observe.Hit)
			must(t, w.Plain.Exec("UPDATE users SET name = 'behind' WHERE id = 1").Error)
			expect("behind its back", "user 1", observe.Hit) // it is the cache that answers
			must(t, elsewhere.Model(&User{ID: 1}).Update("name", "ada").Error)
			expect("a write elsewhere", "ada", observe.Miss)
			expect("and again", "ada", observe.Hit)
			must(t, db.Model(&User{ID: 2}).Update("name", "bo").Error)
			expect("a write of another row", "ada", observe.Hit)
			must(t, invalidate.Region(t.Context(), db, "own"))
			expect("the region is invalidated", "ada", observe.Miss)
			r, err := p.Region("own")
			must(t, err)
			must(t, r.Invalidate(t.Context()))
			expect("by its handle", "ada", observe.Miss)

			own.off.Store(true)
			for range 10 {
				if got, seen := name(t, db, "own", 1); got != "ada" || seen.Outcome != observe.Bypass || seen.Reason != observe.StoreError || !strings.Contains(seen.Detail, "own store") {
					t.Fatalf("%q, %v (%s %s)", got, seen.Outcome, seen.Reason, seen.Detail)
				}
			}
			if !p.Stats().BreakerOpen {
				t.Error("the own store's breaker is not open")
			}
			name(t, db, "default", 1)
			if got, seen := name(t, db, "default", 1); got != "ada" || seen.Outcome != observe.Hit {
				t.Errorf("another region while the own store is away: %q, %v", got, seen.Outcome)
			}
			must(t, db.Model(&User{ID: 1}).Update("name", "eve").Error) // the own store hears of nothing
			own.off.Store(false)
			lab.Eventually(t, "the own store is asked again", func() bool {
				got, seen := name(t, db, "own", 1)
				if got != "eve" {
					t.Fatalf("%q: what the own store had before it was away", got)
				}
				return seen.Outcome == observe.Hit
			})
			if p.Stats().BreakerOpen {
				t.Error("the breaker is still open")
			}
		})
	}
}

// The other way round: entries in Redis, tags in the process.
func TestEntriesInRedisTagsInTheProcess(t *testing.T) {
	w := newWorld(t, apart(servers.Redis(t).Store(t)))
	db, _ := w.Process(t)
	name(t, db, "own", 1)
	name(t, db, "own", 1)
	if got, seen := name(t, db, "own", 1); got != "user 1" || seen.Outcome != observe.Hit {
		t.Errorf("%q, %v", got, seen.Outcome)
	}
	must(t, db.Model(&User{ID: 1}).Update("name", "ada").Error)
	if got, seen := name(t, db, "own", 1); got != "ada" || seen.Outcome != observe.Miss {
		t.Errorf("%q, %v", got, seen.Outcome)
	}
}

// Falls if: two regions that share a store have a breaker each, or a region that names the plugin's store asks it twice.
func TestStoresAreSharedByRegions(t *testing.T) {
	shared, main := &switchable{Store: lab.Store(t, "memory")}, &switchable{Store: lab.Store(t, "memory")}
	w := newWorld(t, gormcache.Config{Store: main, Regions: map[string]region.Config{
		"a": {TTL: time.Hour, Store: shared}, "b": {TTL: time.Hour, Store: shared}, "same": {TTL: time.Hour, Store: main},
	}})
	db, _ := w.Process(t)
	name(t, db, "same", 1)
	name(t, db, "same", 1)
	before := main.calls.Load()
	if _, seen := name(t, db, "same", 1); seen.Outcome != observe.Hit || main.calls.Load() != before+1 {
		t.Errorf("%v in %d calls", seen.Outcome, main.calls.Load()-before)
	}
	shared.off.Store(true)
	for range 5 {
		name(t, db, "a", 1)
	}
	before = shared.calls.Load()
	for range 3 {
		name(t, db, "b", 1)
	}
	if _, seen := name(t, db, "b", 1); seen.Outcome != observe.Bypass || shared.calls.Load() > before+1 { // a probe
		t.Errorf("%v, %d calls: the store is asked though it is known to be away", seen.Outcome, shared.calls.Load()-before)
	}
}

// refusing is a store that can never serve.
type refusing struct{ store.Store }

func (refusing) Check(context.Context) error { return fmt.Errorf("%w: no", store.ErrUnsupported) }

func TestAnOwnStoreIsChecked(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	cfg := apart(refusing{lab.Store(t, "memory")})
	cfg.Namespace = "regions"
	p, err := gormcache.New(cfg)
	must(t, err)
	defer p.Close()
	if err := w.Open(t).Use(p); !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), `Config.Regions["own"].Store`) {
		t.Error(err)
	}
}

// A region without GORM is invalidated by what plugins write, and by what they invalidate by hand; not by what they roll back.
func TestARegionWithoutGORMBesidePlugins(t *testing.T) {
	for _, kind := range []string{"memory", "redis"} {
		t.Run(kind, func(t *testing.T) {
			s := lab.Store(t, kind)
			w := newWorld(t, gormcache.Config{Store: s})
			db, p := w.Process(t)
			r, err := region.New(s, "regions", region.Config{TTL: time.Hour})
			must(t, err)
			defer r.Close()
			made := 0
			count := func() int {
				t.Helper()
				n, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (int, error) { made++; return made, nil },
					region.WithTables("users"), region.WithTags("prices"))
				must(t, err)
				return n
			}
			count()
			expect := func(what string, dropped bool, err error) {
				t.Helper()
				must(t, err)
				before := made
				if count(); (made > before) != dropped {
					t.Errorf("%s: dropped %t", what, made > before)
				}
				if before = made; count() != before {
					t.Errorf("%s: not cached again", what)
				}
			}
			expect("nothing", false, nil)
			expect("a write of the table", true, db.Model(&User{ID: 1}).Update("name", "ada").Error)
			expect("a raw write of the table", true, db.Exec("UPDATE users SET name = 'x' WHERE id = 2").Error)
			expect("a write of another table", false, db.Create(&Secret{}).Error)
			expect("what is rolled back", false, rolledBack(db))
			expect("its tag", true, invalidate.Tags(t.Context(), db, "prices"))
			expect("another tag", false, invalidate.Tags(t.Context(), db, "sizes"))
			expect("the region of the same name", true, invalidate.Region(t.Context(), db, "default"))
			expect("everything", true, invalidate.All(t.Context(), db))
			theirs, err := p.Region("default")
			must(t, err)
			expect("the region by the plugin's handle", true, theirs.Invalidate(t.Context()))
			expect("a table by the plugin's handle", true, theirs.InvalidateTables(t.Context(), "users"))

			// And the other way round.
			read := func() observe.Outcome {
				_, seen := name(t, db, "default", 1)
				return seen.Outcome
			}
			for range 3 {
				read()
			}
			for what, drop := range map[string]func() error{
				"the region": func() error { return r.Invalidate(t.Context()) },
				"the table":  func() error { return r.InvalidateTables(t.Context(), "users") },
			} {
				if o := read(); o != observe.Hit {
					t.Errorf("before %s: %v", what, o)
				}
				must(t, drop())
				if o := read(); o != observe.Miss {
					t.Errorf("%s: %v", what, o)
				}
			}
			must(t, r.InvalidateTables(t.Context(), "secrets"))
			if o := read(); o != observe.Hit {
				t.Errorf("another table: %v", o)
			}
		})
	}
}

func rolledBack(db *gorm.DB) error {
	back := errors.New("back")
	err := db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Model(&User{ID: 1}).Update("name", "gone").Error, back)
	})
	if errors.Is(err, back) {
		return nil
	}
	return err
}

// A handle invalidates at once, also before db.Use would let it: then it says so.
func TestAHandleInvalidates(t *testing.T) {
	w := newWorld(t, gormcache.Config{})
	cfg := w.Config
	p, err := gormcache.New(cfg)
	must(t, err)
	defer p.Close()
	r, err := p.Region("default")
	must(t, err)
	if err := r.Invalidate(t.Context()); !errors.Is(err, gormcache.ErrNotRegistered) {
		t.Error(err)
	}
	if err := r.Close(); err == nil {
		t.Error("a plugin's region was closed")
	}
}

// Falls if: the store of the entries starts again from a snapshot, and a value that was deleted since is served again.
func TestAnOwnStoreThatStartsFromASnapshot(t *testing.T) {
	server := servers.Redis(t)
	w := newWorld(t, apart(server.Store(t)))
	db, p := w.Process(t)
	r, err := p.Region("own")
	must(t, err)
	must(t, region.Set(t.Context(), r, "k", "old"))
	if v, err := region.Get[string](t.Context(), r, "k"); err != nil || v != "old" {
		t.Fatalf("%q, %v", v, err)
	}
	lab.Eventually(t, "the row is cached", func() bool {
		_, seen := name(t, db, "own", 1)
		return seen.Outcome == observe.Hit
	})
	server.Snapshot(t)
	must(t, r.Delete(t.Context(), "k"))
	server.Kill()
	server.Start(t)
	lab.Eventually(t, "the store answers", func() bool { return region.Set(t.Context(), r, "other", "new") == nil })
	if v, err := region.Get[string](t.Context(), r, "k"); !errors.Is(err, region.ErrCacheMiss) {
		t.Errorf("%q, %v", v, err)
	}
	lab.Eventually(t, "values are cached again", func() bool {
		must(t, region.Set(t.Context(), r, "k", "new"))
		v, err := region.Get[string](t.Context(), r, "k")
		return err == nil && v == "new"
	})
}
