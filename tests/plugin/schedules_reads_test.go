package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// reloaded checks that everybody reads what the database holds, and nobody from an entry that is old. A
// writer that was cut short may still take effect, on a database that is another process: there its
// marks stay until they run out.
func (s *scene) reloaded(t testing.TB, table string) {
	t.Helper()
	var truth rows
	eventually(t, "the marks to run out", func() bool {
		before := direct(t, s.plain, table)
		got, seen := cached(t, s.other.db, table)
		if truth = direct(t, s.plain, table); !reflect.DeepEqual(got, before) { // it has taken effect just now
			same(t, "cached read of "+table, got, truth)
		}
		if seen.Outcome == hit {
			t.Errorf("%s is served from an entry that is old", table)
		}
		if s.Kind == "sqlite" && seen.Outcome != miss {
			t.Errorf("%s: %v (%s); nothing is in doubt here", table, seen.Outcome, seen.Reason)
		}
		return seen.Outcome == miss || t.Failed()
	})
	reading(t, s.writer.db, table, truth, hit)
}

// The caller's context ends just before COMMIT, which is not sent then, or just after it. Either way the writer's marks
// go, and the token changes if something was sent:
//
//	writer: mark  ✗ unmark                        writer: mark, COMMIT ✗ settle
//	other:                hits                    other:                        reloads
//
// Falls if: the caller's cancellation reaches the store, or leaves a COMMIT in doubt that was never sent.
func TestContextCancelled(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		for _, skip := range []bool{false, true} {
			for _, place := range []string{"before", "after"} {
				must(t, seed(s.plain))
				must(t, invalidate.Tables(t.Context(), s.other.db, "users"))
				before := warm(t, s.other.db, "users")
				cached(t, s.writer.db, "users")
				ctx, cancel := context.WithCancel(t.Context())
				if s.writer.gate.off(); place == "before" {
					s.writer.gate.onceAfter("mark", cancel)
				} else {
					s.writer.gate.once("settle", cancel)
				}
				_ = rename(s.writer.db.WithContext(ctx).Session(&gorm.Session{SkipDefaultTransaction: skip}), 1, place)
				if ctx.Err() == nil {
					t.Fatal("the step was not passed")
				}
				if place == "after" {
					if name := direct(t, s.plain, "users")[0]["name"]; name != place {
						t.Errorf("not committed: %v", name)
					}
					s.fresh(t, "users")
				} else {
					same(t, "what was not sent", direct(t, s.plain, "users"), before)
					reading(t, s.other.db, "users", before, hit)
				}
				cancel()
			}
		}
	}, grace)
}

// The context ends after the write and before Commit is called. The database is not asked to commit then, so
// there is no doubt, and nothing is evicted:
//
//	writer: BEGIN, UPDATE ✗ Commit refuses
//	other:                                  hits
//
// Falls if: such a COMMIT is taken for one that may have been carried out.
func TestContextCancelledBeforeCommit(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		ctx, cancel := context.WithCancel(t.Context())
		tx := s.writer.db.WithContext(ctx).Begin()
		must(t, rename(tx, 1, "x"))
		cancel()
		if err := tx.Commit().Error; !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("Commit says %v", err)
		}
		reading(t, s.other.db, "users", before, hit)
	})
}

// The context ends while the statement waits for a row's lock, outside a transaction. The server may or
// may not have been told in time, so its effect is in doubt:
//
//	writer: mark, UPDATE waits ✗ new token, marks stay
//	other:                                             bypass … the marks have run out: reload
func TestContextCancelledWithinStatement(t *testing.T) {
	s := newScene(t, "postgres", "redis", grace)
	warm(t, s.other.db, "users")
	lock := s.plain.Begin()
	must(t, rename(lock, 1, "locked"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- s.writer.db.WithContext(ctx).Exec("UPDATE users SET name = 'x' WHERE id = 1").Error }()
	eventually(t, "the statement to wait for the lock", func() bool {
		var n int
		must(t, s.plain.Raw("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&n).Error)
		return n > 0
	})
	cancel()
	if err := <-failed; err == nil {
		t.Error("the cancelled statement succeeded")
	}
	marked(t, s, s.other, "users")
	must(t, lock.Rollback().Error)
	s.reloaded(t, "users")
}

// Locking reads ask the database, inside and outside of transactions, and do lock.
func TestForUpdate(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.writer.db, "users")
		locking := func(db *gorm.DB) observe.Read {
			var seen observe.Read
			var u User
			ctx := lab.Seeing(t.Context(), &seen)
			must(t, db.WithContext(ctx).Clauses(fromcache.Region("default", fromcache.InTransaction()),
				clause.Locking{Strength: "UPDATE"}).First(&u, 1).Error)
			return seen
		}
		for range 2 {
			if seen := locking(s.writer.db); seen.Reason != observe.Locking {
				t.Errorf("outside: %+v", seen)
			}
		}
		must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
			if seen := locking(tx); seen.Reason != observe.Locking {
				t.Errorf("inside: %+v", seen)
			}
			if s.Kind == "postgres" {
				err := s.plain.Exec("SELECT id FROM users WHERE id = 1 FOR UPDATE NOWAIT").Error
				if err == nil || !strings.Contains(err.Error(), "could not obtain lock") {
					t.Errorf("the row is not locked: %v", err)
				}
			}
			return nil
		}))
	})
}

// InTransaction: hits while nothing is written; fills only from READ COMMITTED, where the database has
// it, since an older snapshot must not be stored under tokens that were read later.
func TestInTransaction(t *testing.T) {
	for _, kind := range servers.Kinds {
		for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead} {
			if kind == "sqlite" && level != sql.LevelDefault {
				continue
			}
			t.Run(kind+", "+level.String(), func(t *testing.T) {
				s := newScene(t, kind, "memory")
				before := warm(t, s.writer.db, "users")
				inTx := fromcache.InTransaction()
				err := s.writer.db.Transaction(func(tx *gorm.DB) error {
					if got, seen := cached(t, tx, "users", inTx); seen.Outcome != hit {
						t.Errorf("%+v %v", seen, got)
					}
					_, seen := cached(t, tx, "orders", inTx) // a miss
					_, filled := cached(t, s.other.db, "orders")
					if want := level == sql.LevelReadCommitted; seen.Outcome != miss || (filled.Outcome == hit) != want {
						t.Errorf("the load was %v, then the reader outside %v; a fill is wanted: %v", seen.Outcome, filled.Outcome, want)
					}
					must(t, tx.Transaction(func(tx *gorm.DB) error {
						must(t, tx.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error)
						for _, table := range []string{"users", "tags"} { // tags: it was not written to, but nothing is told apart here
							if got, seen := cached(t, tx, table, inTx); seen.Reason != observe.Transaction {
								t.Errorf("%s after a write: %v %v", table, seen.Outcome, got)
							}
						}
						got, _ := cached(t, tx, "users", inTx)
						same(t, "read of its own write", got, direct(t, tx, "users"))
						return nil
					}))
					_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(rename(tx, 2, "y"), errWanted) })
					got, seen := cached(t, tx, "users", inTx)
					same(t, "read after an inner rollback", got, direct(t, tx, "users"))
					if seen.Outcome != bypass {
						t.Errorf("after an inner rollback: %v", seen.Outcome)
					}
					return errWanted
				}, &sql.TxOptions{Isolation: level})
				if !errors.Is(err, errWanted) {
					t.Error(err)
				}
				reading(t, s.other.db, "users", before, hit)
			})
		}
	}
}

// A snapshot that was taken before a commit must not be stored after it:
//
//	reader: BEGIN REPEATABLE READ, SELECT                      cached SELECT (old row): no fill
//	writer:                               UPDATE, COMMIT
//	other:                                                                                     must read the new
//
// Falls if: a transaction fills whatever its isolation.
func TestOldSnapshotIsNotStored(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	must(t, s.other.db.Transaction(func(tx *gorm.DB) error {
		old := direct(t, tx, "users")
		must(t, rename(s.writer.db, 1, "x"))
		got, _ := cached(t, tx, "users", fromcache.InTransaction())
		same(t, "read in the snapshot", got, old)
		return nil
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}))
	s.fresh(t, "users")
}

// A statement in the transaction changes the isolation that BEGIN asked for: nothing is filled then.
func TestIsolationChangedBySQL(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	warm(t, s.writer.db, "tags")
	must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").Error)
		cached(t, tx, "users", fromcache.InTransaction())
		return nil
	}, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
	reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss)
}

// A holds a connection that others wait for, by a transaction or by db.Connection:
//
//	A: BEGIN READ COMMITTED                                            cached SELECT: must not wait for B
//	B:                       cached SELECT: waits for A's connection
//
// Falls if: A takes part in B's load, though B's answer would be as good. Then both wait for ever.
func TestWhoHoldsAConnectionWaitsForNobodysLoad(t *testing.T) {
	for name, hold := range map[string]func(db *gorm.DB, fn func(*gorm.DB) error) error{
		"transaction": func(db *gorm.DB, fn func(*gorm.DB) error) error {
			return db.Transaction(fn, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		},
		"connection": func(db *gorm.DB, fn func(*gorm.DB) error) error { return db.Connection(fn) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t, "postgres")
			db := d.Open(t)
			use(t, db, newStore(t, "memory"))
			warm(t, db, "islands") // the catalog
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			b := make(chan error, 1)
			must(t, hold(db, func(tx *gorm.DB) error {
				go func() {
					_, _, err := tryCached(t.Context(), db, "users")
					b <- err
				}()
				eventually(t, "B to wait for a connection", func() bool { return pool.Stats().WaitCount > 0 })
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, seen, err := tryCached(ctx, tx, "users", fromcache.InTransaction())
				if err != nil || seen.Outcome != miss {
					t.Errorf("A: %v, %v", seen.Outcome, err)
				}
				return nil
			}))
			must(t, <-b)
		})
	}
}

// A connection that is held is given back before a load in the background has asked it:
//
//	A: db.Connection: cached SELECT, of an entry past its TTL …; the connection is given back
//	background:                                                                               asks it
//	B: joins this load
//
// Falls if: there is such a load. Then B's query may fail, because of A's connection.
func TestNoLoadInTheBackgroundOnAConnectionThatIsHeld(t *testing.T) {
	s := newScene(t, "sqlite", "memory", func(cfg *gormcache.Config) {
		cfg.Regions["default"] = region.Config{TTL: time.Millisecond, StaleWhileRevalidate: time.Hour}
	})
	read := func(db *gorm.DB) (outcome observe.Outcome) {
		eventually(t, "an entry past its TTL", func() bool {
			_, seen := cached(t, db, "users")
			outcome = seen.Outcome
			return outcome == miss || outcome == observe.Stale
		})
		return outcome
	}
	read(s.other.db)
	if got := read(s.other.db); got != observe.Stale {
		t.Errorf("%v on the pool", got)
	}
	must(t, s.other.db.Connection(func(tx *gorm.DB) error {
		if got := read(tx.Session(&gorm.Session{})); got != miss {
			t.Errorf("%v: somebody loads it later", got)
		}
		return nil
	}))
}
