package plugin_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// usual are the product's own budgets, which other tests widen, and a breaker that is tested often.
func usual(c *gormcache.Config) {
	c.ReadTimeout, c.WriteTimeout = gormcache.DefaultReadTimeout, gormcache.DefaultWriteTimeout
	c.BreakerCooldown, c.WriteGrace = 50*time.Millisecond, 5*time.Minute
}

// hurried is a database with a plugin over a Redis that can be stopped, by a client as go-redis makes it.
type hurried struct {
	*database
	redis *servers.RedisServer
	db    *gorm.DB
	p     *gormcache.Plugin
}

func newHurried(t *testing.T, kind string, change ...func(*gormcache.Config)) *hurried {
	h := &hurried{database: newDatabase(t, kind), redis: servers.Redis(t)}
	h.db, h.p = h.process(t, change...)
	return h
}

func (h *hurried) process(t *testing.T, change ...func(*gormcache.Config)) (*gorm.DB, *gormcache.Plugin) {
	db := h.Open(t)
	return db, use(t, db, redisstore.New(h.redis.Client(t)), append([]func(*gormcache.Config){usual}, change...)...)
}

// well waits until the store is used again.
func (h *hurried) well(t *testing.T) {
	t.Helper()
	h.redis.Resume(t)
	eventually(t, "the store to be used again", func() bool {
		_, seen, err := tryCached(t.Context(), h.db, "users")
		return err == nil && seen.Outcome == hit && !h.p.Stats().BreakerOpen
	})
}

// reads are the ways to read through the cache. cached says whether that is wanted.
var reads = map[string]func(db *gorm.DB, p *gormcache.Plugin, cached bool) error{
	"Find": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		var users []User
		return scoped(db, cached).Find(&users).Error
	},
	"First": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		return scoped(db, cached).First(&User{}, 1).Error
	},
	"Count": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		var n int64
		return scoped(db, cached).Model(&User{}).Count(&n).Error
	},
	"Raw": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		var names []string
		return scoped(db, cached).Raw("SELECT name FROM users ORDER BY id").Scan(&names).Error
	},
	"Rows": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		rows, err := scoped(db, cached).Model(&User{}).Rows()
		if err != nil {
			return err
		}
		return rows.Close()
	},
	"Generics": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) (err error) {
		if cached {
			_, err = gorm.G[User](db, fromcache.Region("default")).Find(db.Statement.Context)
		} else {
			_, err = gorm.G[User](db).Find(db.Statement.Context)
		}
		return err
	},
	"Tracked": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		var orders []Order
		return scoped(db, cached).Where("user_id = ?", 1).Find(&orders).Error
	},
	"Relation": func(db *gorm.DB, _ *gormcache.Plugin, cached bool) error {
		var users []User
		db = scoped(db, cached)
		if cached {
			db = db.Clauses(relation.Cache("Orders", "default"))
		}
		return db.Preload("Orders").Find(&users).Error
	},
	"GetOrCreate": func(db *gorm.DB, p *gormcache.Plugin, cached bool) error {
		create := func(ctx context.Context) (n int64, err error) {
			return n, db.WithContext(ctx).Model(&User{}).Count(&n).Error
		}
		if !cached {
			_, err := create(db.Statement.Context)
			return err
		}
		r, err := p.Region("default")
		if err == nil {
			_, err = region.GetOrCreate(db.Statement.Context, r, "users", create, region.WithTables("users"))
		}
		return err
	},
}

func scoped(db *gorm.DB, cached bool) *gorm.DB {
	if !cached {
		return db
	}
	return db.Clauses(fromcache.Region("default"))
}

func hurry(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// The store hangs, and callers have little time:
//
//	cached:  lookup ✗ a third of it    database     answer
//	breaker:          probe … ReadTimeout ✗ open
//
// Falls if: the lookup may take all that the caller has, or the breaker stays closed because nobody waits for it.
func TestCallersInAHurryAreAnsweredWhileTheStoreHangs(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			h := newHurried(t, kind, func(c *gormcache.Config) { c.Tracked = map[string][]string{"orders": {"user_id"}} })
			for name, read := range reads {
				for range 3 {
					must(t, read(h.db.WithContext(t.Context()), h.p, true))
				}
				h.well(t)
				for _, has := range []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond} {
					h.redis.Pause(t)
					failed := map[bool]int{}
					began := time.Now()
					for n := 0; n < 10 || !h.p.Stats().BreakerOpen && time.Since(began) < 10*time.Second; n++ {
						for _, cached := range []bool{true, false} {
							ctx, cancel := hurry(t, has)
							if err := read(h.db.WithContext(ctx), h.p, cached); err != nil {
								failed[cached]++
							}
							cancel()
						}
					}
					if !h.p.Stats().BreakerOpen {
						t.Errorf("%s, %v: the breaker does not open", name, has)
					}
					if failed[true] > failed[false]+2 { // a busy machine lets some fail of both
						t.Errorf("%s, %v: of 10 queries %d fail, %d without the cache", name, has, failed[true], failed[false])
					}
					h.well(t)
				}
			}
		})
	}
}

// Who has hardly any time, or cancels at some time that nobody knows before, makes the breaker open too.
func TestThoseWhoCancelOpenTheBreaker(t *testing.T) {
	h := newHurried(t, "sqlite")
	for name, leave := range map[string]func() (context.Context, context.CancelFunc){
		"3 ms": func() (context.Context, context.CancelFunc) { return hurry(t, 3*time.Millisecond) },
		"cancel": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			warm(t, h.db, "users")
			h.redis.Pause(t)
			defer h.well(t)
			eventually(t, "the breaker to open", func() bool {
				ctx, cancel := leave()
				defer cancel()
				_, _, _ = tryCached(ctx, h.db, "users")
				return h.p.Stats().BreakerOpen
			})
			for range 20 { // from now on the store takes no time of theirs
				ctx, cancel := hurry(t, time.Second)
				if _, _, err := tryCached(ctx, h.db, "users"); err != nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
}

// A Redis that is busy takes longer than those in a hurry have, and is well.
//
// Falls if: their time-outs count as failures.
func TestABusyStoreKeepsItsBreakerClosed(t *testing.T) {
	h := newHurried(t, "sqlite", func(c *gormcache.Config) { c.ReadTimeout, c.BreakerFailures = 5*time.Second, 5 })
	warm(t, h.db, "users")
	busy, end := h.redis.Client(t), make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(end)
	wg.Go(func() {
		const work = "local t = redis.call('TIME'); repeat local n = redis.call('TIME') until (n[1]-t[1])*1000000+n[2]-t[2] > 15000"
		for {
			select {
			case <-end:
				return
			default:
				_ = busy.Eval(context.Background(), work, nil).Err()
			}
		}
	})
	var callers sync.WaitGroup
	var opened atomic.Bool
	for range 4 {
		callers.Go(func() {
			for range 40 {
				ctx, cancel := hurry(t, 3*time.Millisecond)
				_, _, _ = tryCached(ctx, h.db, "users")
				cancel()
				if h.p.Stats().BreakerOpen {
					opened.Store(true)
				}
			}
		})
	}
	callers.Wait()
	if opened.Load() {
		t.Error("the breaker has opened")
	}
	if _, seen := cached(t, h.db, "users"); seen.Outcome != hit {
		t.Errorf("who has the time gets %v (%s %s)", seen.Outcome, seen.Reason, seen.Detail)
	}
}

// writes are the ways to write, each with the state that a user of id 1 is in before.
var writes = map[string]func(t *testing.T, db *gorm.DB) error{
	"default": func(_ *testing.T, db *gorm.DB) error { return rename(db, 1, "x") },
	"transaction": func(_ *testing.T, db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "x") })
	},
	"prepared": func(_ *testing.T, db *gorm.DB) error {
		return rename(db.Session(&gorm.Session{PrepareStmt: true}), 1, "x")
	},
	"autocommit": func(_ *testing.T, db *gorm.DB) error {
		return rename(db.Session(&gorm.Session{SkipDefaultTransaction: true}), 1, "x")
	},
	"Exec":   func(_ *testing.T, db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'x'").Error },
	"Create": func(_ *testing.T, db *gorm.DB) error { return db.Create(&User{ID: 99, Name: "x"}).Error },
	"own *sql.Tx": func(t *testing.T, db *gorm.DB) error {
		tx, own := inOwnTx(t, db)
		defer func() { _ = own.Rollback() }()
		return rename(tx.WithContext(db.Statement.Context), 1, "x")
	},
	"BEGIN": func(_ *testing.T, db *gorm.DB) error {
		return db.Connection(func(c *gorm.DB) error {
			if err := c.Exec("BEGIN").Error; err != nil {
				return err
			}
			err := rename(c, 1, "x")
			return errors.Join(err, c.WithContext(context.Background()).Exec("ROLLBACK").Error)
		})
	},
}

// A writer in a hurry meets a store that hangs: nothing is sent to the database, which would have rolled it back as
// well, and when the store goes on, nobody is kept off by the marks:
//
//	writer: mark ✗ rolled back
//	store:          ……… mark!   unmark
//	other:                              hits
//
// Falls if: it waits for the mark longer than it may, commits without, or leaves a mark until it runs out.
func TestAWriterInAHurryIsRolledBackWhileTheStoreHangs(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
		for policy, name := range map[invalidate.Policy]string{invalidate.AllowStale: "AllowStale", invalidate.FailWrite: "FailWrite"} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				h := newHurried(t, kind, func(c *gormcache.Config) { c.WritePolicy = policy })
				other, _ := h.process(t)
				for name, write := range writes {
					before := warm(t, other, "users")
					warm(t, h.db, "users")
					h.redis.Pause(t)
					ctx, cancel := hurry(t, 60*time.Millisecond)
					began := time.Now()
					err := write(t, h.db.WithContext(ctx))
					took := time.Since(began)
					cancel()
					h.redis.Resume(t)
					if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, invalidate.ErrStoreUnavailable) {
						t.Errorf("%s: %v", name, err)
					}
					if took > 600*time.Millisecond { // of WriteTimeout's second
						t.Errorf("%s takes %v", name, took)
					}
					same(t, name, direct(t, h.plain, "users"), before)
					eventually(t, name+": the marks to go", func() bool {
						got, seen, err := tryCached(t.Context(), other, "users")
						must(t, err)
						same(t, name, got, before)
						return seen.Outcome == hit
					})
					eventually(t, name+": the breaker to close", func() bool { return !h.p.Stats().BreakerOpen && h.p.Stats().Pending == 0 })
				}
			})
		}
	}
}

// One who cancels does not get the store's error either, but his own.
func TestAWriterWhoCancelsWhileTheStoreHangs(t *testing.T) {
	h := newHurried(t, "sqlite")
	for _, name := range []string{"transaction", "autocommit"} {
		before := warm(t, h.db, "users")
		h.redis.Pause(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if err := writes[name](t, h.db.WithContext(ctx)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		h.well(t)
		same(t, name, direct(t, h.plain, "users"), before)
	}
}

// Writers in a hurry alone make the breaker open, and then no longer wait: with AllowStale they write.
//
// Falls if: a store that hangs makes them fail for as long as it does.
func TestWritersInAHurryGoOnOnceTheStoreIsFoundOut(t *testing.T) {
	h := newHurried(t, "sqlite", func(c *gormcache.Config) { c.WriteTimeout = 300 * time.Millisecond })
	warm(t, h.db, "users")
	h.redis.Pause(t)
	began := time.Now()
	eventually(t, "a write to succeed", func() bool {
		ctx, cancel := hurry(t, 60*time.Millisecond)
		defer cancel()
		return rename(h.db.WithContext(ctx), 1, "written") == nil
	})
	t.Logf("after %v", time.Since(began))
	h.redis.Resume(t)
	eventually(t, "the invalidation to land", func() bool { return h.p.Stats().Pending == 0 })
	reading(t, h.db, "users", direct(t, h.plain, "users"), miss, bypass)
}

// The mark has its answer, and what the store is asked before COMMIT has none.
func TestAWriterInAHurryIsNotHeldUpBetweenMarkAndCommit(t *testing.T) {
	onScenesInTime(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		for _, name := range []string{"transaction", "autocommit"} {
			warm(t, s.writer.db, "users") // it knows the catalog
			s.writer.gate.hang("lookup")
			ctx, cancel := hurry(t, 100*time.Millisecond)
			began := time.Now()
			err := writes[name](t, s.writer.db.WithContext(ctx))
			cancel()
			s.writer.gate.off()
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			same(t, name, direct(t, s.plain, "users"), before)
			eventually(t, name+": the marks to go", func() bool {
				_, seen := cached(t, s.other.db, "users")
				return seen.Outcome == hit
			})
		}
	})
}

// What is dropped by hand has been written already, so its caller's deadline does not end it.
func TestByHandIsNeverCut(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		for name, on := range map[string]func() *gorm.DB{
			"outside": func() *gorm.DB { return s.writer.db },
			"own *sql.Tx": func() *gorm.DB {
				tx, own := inOwnTx(t, s.writer.db)
				t.Cleanup(func() { _ = own.Rollback() })
				return tx
			},
		} {
			warm(t, s.other.db, "users")
			s.behind(t, "users")
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			must(t, invalidate.Tables(ctx, on(), "users"))
			got, seen := cached(t, s.other.db, "users")
			same(t, name, got, direct(t, s.plain, "users"))
			if seen.Outcome == hit {
				t.Errorf("%s: a hit", name)
			}
			must(t, store.Failure(s.store.Settle(t.Context(), []string{store.Namespace("test").Table("users")}, store.NewWriter(), 0)))
		}
	})
}
