package plugin_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// aging are regions that serve what is old: "default" in both ways, "second" not at all.
func aging(c *gormcache.Config) {
	c.Regions["default"] = region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour, StaleIfError: time.Hour}
}

// A soft invalidation in one process makes what another serves stale, for as long as the reload takes; a write, and an
// invalidation without a word, make misses as ever.
//
// Falls if: an option of invalidate.Region is taken for the whole, or is for one process only.
func TestSoftInvalidationOfARegion(t *testing.T) {
	for _, kind := range []string{"memory", "redis"} {
		t.Run(kind, func(t *testing.T) {
			d, s := newDatabase(t, "sqlite"), newStore(t, kind)
			a, b := d.Open(t), d.Open(t)
			use(t, a, s, aging)
			use(t, b, s, aging)
			old := warm(t, b, "users")
			for name, tell := range map[string]func(*gorm.DB) error{
				"outside": func(db *gorm.DB) error { return invalidate.Region(t.Context(), db, "default", invalidate.Soft()) },
				"in a transaction": func(db *gorm.DB) error {
					return db.Transaction(func(tx *gorm.DB) error { return invalidate.Region(t.Context(), tx, "default", invalidate.Soft()) })
				},
			} {
				d.behind(t, "users")
				must(t, tell(a))
				reading(t, b, "users", old, observe.Stale)
				now := direct(t, d.plain, "users")
				eventually(t, name+": it is reloaded", func() bool {
					got, seen := cached(t, b, "users")
					return seen.Outcome == hit && reflect.DeepEqual(got, now)
				})
				must(t, rename(d.plain, 1, "before"))
				must(t, invalidate.Tables(t.Context(), a, "users"))
				old = warm(t, b, "users")
			}
			must(t, invalidate.Region(t.Context(), a, "default"))
			reading(t, b, "users", old, miss)
			must(t, invalidate.Region(t.Context(), a, "default", invalidate.Soft()))
			must(t, rename(a, 1, "written"))
			reading(t, b, "users", direct(t, d.plain, "users"), miss)
		})
	}
}

// With grace an entry is reloaded before it is served; where that fails it stays.
func TestInvalidationWithGrace(t *testing.T) {
	d := newDatabase(t, "sqlite")
	var down atomic.Bool
	db := d.OpenTapped(t, &tap.Tap{Rewrite: func(query string) string {
		if down.Load() {
			return "SELECT * FROM nowhere"
		}
		return query
	}})
	use(t, db, newStore(t, "memory"), aging)
	old := warm(t, db, "users")
	d.behind(t, "users")
	grace := func() {
		t.Helper()
		must(t, invalidate.Region(t.Context(), db, "default", invalidate.Grace()))
	}
	grace()
	down.Store(true)
	got, seen := cached(t, db, "users")
	same(t, "while the database is down", got, old)
	if seen.Outcome != observe.Stale || seen.Reason != observe.LoadFailed || !strings.Contains(seen.Detail, "StaleIfError") {
		t.Errorf("%v (%s: %s)", seen.Outcome, seen.Reason, seen.Detail)
	}
	down.Store(false)
	reading(t, db, "users", direct(t, d.plain, "users"), miss)
	reading(t, db, "users", direct(t, d.plain, "users"), hit)
	grace()
	must(t, rename(db, 1, "written")) // and a write: nothing is left that may be served
	down.Store(true)
	if _, _, err := tryCached(t.Context(), db, "users"); err == nil {
		t.Error("what a write has dropped was served")
	}
}

// Relations obey too: their entries are parts of an answer, and are reloaded at once, also where they are only softly
// invalidated; with grace, and where the database is down, they stay.
func TestRelationsOfAnInvalidatedRegion(t *testing.T) {
	d := newDatabase(t, "sqlite")
	var down atomic.Bool
	db := d.OpenTapped(t, &tap.Tap{Rewrite: func(query string) string {
		if down.Load() && strings.Contains(query, "FROM `orders`") {
			return "SELECT * FROM nowhere"
		}
		return query
	}})
	p := use(t, db, newStore(t, "memory"), aging)
	read := func() ([]User, error) {
		var users []User
		err := db.Clauses(fromcache.Region("default"), relation.Cache("Orders", "default")).Preload("Orders").Find(&users).Error
		return users, err
	}
	settled := func() []User {
		t.Helper()
		var users []User
		eventually(t, "all is cached", func() bool {
			before := p.Stats()
			var err error
			users, err = read()
			after := p.Stats()
			return err == nil && after.Hits == before.Hits+2
		})
		return users
	}
	old := settled()
	must(t, d.plain.Exec("UPDATE orders SET name = 'behind'").Error)
	must(t, invalidate.Region(t.Context(), db, "default", invalidate.Soft()))
	_, err := read()
	must(t, err)
	fresh := settled()
	if reflect.DeepEqual(fresh, old) || len(fresh[0].Orders) == 0 || fresh[0].Orders[0].Name != "behind" {
		t.Errorf("softly: %v", fresh[0].Orders)
	}
	must(t, d.plain.Exec("UPDATE orders SET name = 'again'").Error)
	must(t, invalidate.Region(t.Context(), db, "default", invalidate.Grace()))
	down.Store(true)
	got, err := read()
	if err != nil || !reflect.DeepEqual(got, fresh) {
		t.Errorf("with grace: %v, %v", got, err)
	}
	down.Store(false)
	if got, err = read(); err != nil || got[0].Orders[0].Name != "again" {
		t.Errorf("when the database is back: %v, %v", got, err)
	}
}

// The errors of invalidate.Region name what helps, and it does.
func TestRemediesForSoftAndGrace(t *testing.T) {
	ctx := t.Context()
	for word, c := range map[string]struct {
		of  string
		cfg region.Config
	}{
		invalidate.Soft():  {"StaleWhileRevalidate", region.Config{TTL: time.Hour, StaleWhileRevalidate: time.Hour}},
		invalidate.Grace(): {"StaleIfError", region.Config{TTL: time.Hour, StaleIfError: time.Hour}},
	} {
		d := newDatabase(t, "sqlite")
		without, with := d.Open(t), d.Open(t)
		use(t, without, newStore(t, "memory"))
		use(t, with, newStore(t, "memory"), func(cfg *gormcache.Config) { cfg.Regions["second"] = c.cfg })
		says(t, "without "+c.of, invalidate.Region(ctx, without, "second", word), `"second"`, c.of, "leave invalidate.")
		must(t, invalidate.Region(ctx, without, "second")) // leave it out
		must(t, invalidate.Region(ctx, with, "second", word))
		says(t, "a region beside one that has it", invalidate.Region(ctx, with, "second", "default", word), `"default"`)
		says(t, "no region", invalidate.Region(ctx, with, word), "no region")
		says(t, "both", invalidate.Region(ctx, with, "second", invalidate.Soft(), invalidate.Grace()), "one of them")
		names := []string{"default", "second"}
		must(t, invalidate.Region(ctx, with, names...))
	}
}

// A query whose load is slow is answered by what is old, and its load goes on when the caller has gone on to use its
// statement, its arguments and its context for something else.
//
// Falls if: the load that goes on runs with the caller's statement, arguments or context.
func TestSoftTimeoutOfAQuery(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			var slow atomic.Bool
			reached, release := make(chan string, 10), make(chan struct{})
			db := d.OpenTapped(t, &tap.Tap{Ran: func(query string) {
				if slow.Load() && strings.Contains(query, "users") && strings.HasPrefix(query, "SELECT") {
					reached <- query
					<-release
				}
			}})
			use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				c.Regions["default"] = region.Config{TTL: time.Hour, StaleIfError: time.Hour, SoftTimeout: 20 * time.Millisecond}
			})
			args := []byte("x")
			read := func(ctx context.Context) (User, observe.Read) {
				t.Helper()
				var u User
				var seen observe.Read
				must(t, db.WithContext(lab.Seeing(ctx, &seen)).Clauses(fromcache.Region("default")).Where("name <> ?", args).Order("id").First(&u).Error)
				return u, seen
			}
			var old User
			eventually(t, "it is cached", func() bool {
				u, seen := read(t.Context())
				old = u
				return seen.Outcome == hit
			})
			must(t, rename(d.plain, old.ID, "renamed"))
			must(t, invalidate.Region(t.Context(), db, "default", invalidate.Grace()))
			slow.Store(true)
			ctx, cancel := context.WithCancel(t.Context())
			u, seen := read(ctx)
			if u.Name != old.Name || seen.Outcome != observe.Stale || seen.Reason != observe.LoadSlow {
				t.Errorf("%s, %v (%s: %s)", u.Name, seen.Outcome, seen.Reason, seen.Detail)
			}
			cancel()
			<-reached
			slow.Store(false)
			args[0] = 'y' // the caller uses its argument for something else
			close(release)
			args = []byte("x")
			eventually(t, "the load has gone on", func() bool {
				u, seen := read(t.Context())
				return u.Name == "renamed" && seen.Outcome == hit
			})
		})
	}
}

// A query that takes too long ends, and says why; rows that are too many to be stored are read to their end.
func TestHardTimeoutOfAQuery(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			if kind == "sqlite" && servers.SQLiteInGo {
				t.Skip("this driver does not end a statement with its context")
			}
			d := newDatabase(t, kind)
			db := d.OpenTapped(t, &tap.Tap{Rewrite: func(query string) string {
				if !strings.Contains(query, "islands") {
					return query
				}
				return map[string]string{
					"sqlite":   "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS id, 'x' AS name FROM c",
					"postgres": "SELECT 1 AS id, 'x' AS name FROM pg_sleep(60)",
					"mariadb":  "SELECT sleep(60) AS id, 'x' AS name",
				}[kind]
			}})
			use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				c.Regions["default"] = region.Config{TTL: time.Hour, HardTimeout: 300 * time.Millisecond, MaxRows: 1}
			})
			began := time.Now()
			_, seen, err := tryCached(t.Context(), db, "islands")
			if !errors.Is(err, region.ErrLoadTimeout) || time.Since(began) > 20*time.Second {
				t.Errorf("%v (%s: %s): %v", seen.Outcome, seen.Reason, seen.Detail, err)
			}
			got, seen := cached(t, db, "users")
			same(t, "too many to be stored", got, direct(t, d.plain, "users"))
			if len(got) < 2 || seen.Reason != observe.TooLarge {
				t.Errorf("%d rows: %v (%s)", len(got), seen.Outcome, seen.Reason)
			}
		})
	}
}
