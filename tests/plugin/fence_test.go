package plugin_test

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A transaction whose COMMIT can't be seen: each statement fences its tables, which is a mark that is
// left to run out:
//
//	writer: BEGIN, fence, UPDATE                COMMIT
//	others:                       bypass (old)         bypass (new)     the mark has run out: reload
//
// Falls if: such a statement is taken for one that commits by itself, or is not seen at all.
func TestTransactionsThatCannotBeFollowed(t *testing.T) {
	for _, path := range []struct {
		name string
		run  func(t *testing.T, s *scene, end func(tx *gorm.DB))
	}{
		{"the caller's *sql.Tx by Session", func(t *testing.T, s *scene, end func(*gorm.DB)) {
			tx, own := inOwnTx(t, s.writer.db)
			must(t, rename(tx, 1, "x"))
			end(tx)
			must(t, own.Commit())
		}},
		{"the caller's *sql.Tx by gorm.Open", func(t *testing.T, s *scene, end func(*gorm.DB)) {
			pool, err := s.plain.DB()
			must(t, err)
			own, err := pool.BeginTx(t.Context(), nil)
			must(t, err)
			tx, err := gorm.Open(s.On(own), servers.Quiet)
			must(t, err)
			use(t, tx, s.store, grace)
			must(t, rename(tx, 1, "x"))
			end(tx)
			must(t, own.Commit())
		}},
		{"Transaction within Connection", func(t *testing.T, s *scene, end func(*gorm.DB)) {
			must(t, s.writer.db.Connection(func(c *gorm.DB) error {
				return c.Transaction(func(tx *gorm.DB) error {
					must(t, rename(tx, 1, "x"))
					end(tx)
					return nil
				})
			}))
		}},
		{"a handle made before db.Use", func(t *testing.T, s *scene, end func(*gorm.DB)) {
			db := s.Open(t)
			early := db.WithContext(t.Context()) // a statement of its own, and so the bare pool
			use(t, db, s.store, grace)
			must(t, early.Transaction(func(tx *gorm.DB) error {
				must(t, rename(tx, 1, "x"))
				end(tx)
				return nil
			}))
		}},
	} {
		t.Run(path.name, func(t *testing.T) {
			onScenesInTime(t, func(t *testing.T, s *scene) {
				before := warm(t, s.other.db, "users")
				path.run(t, s, func(tx *gorm.DB) {
					same(t, "its own read", direct(t, tx, "users"), func() rows { got, _ := cached(t, tx, "users"); return got }())
					got, seen := cached(t, s.other.db, "users")
					same(t, "read outside", got, before)
					if seen.Outcome == hit {
						t.Error("a hit while an unseen transaction has written")
					}
				})
				truth := direct(t, s.plain, "users")
				if truth[0]["name"] != "x" {
					t.Fatal("not committed")
				}
				eventually(t, "the fence to run out", func() bool {
					got, seen := cached(t, s.other.db, "users")
					same(t, "read after COMMIT", got, truth)
					return seen.Outcome == miss || t.Failed()
				})
				reading(t, s.other.db, "users", truth, hit)
			}, grace)
		})
	}
}

// A transaction that can't be followed outlasts its fence:
//
//	writer: BEGIN, fence, UPDATE                    cached SELECT (own row): no fill   ROLLBACK
//	the fence:                     runs out
//	other:                                                                             must read the old
//
// Falls if: only the fence keeps such a transaction from the cache. Then what it has not committed is stored.
func TestUnseenTransactionOutlastsItsFence(t *testing.T) {
	onScenesInTime(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		tx, own := inOwnTx(t, s.writer.db)
		must(t, rename(tx, 1, "x"))
		eventually(t, "the fence to run out", func() bool {
			_, seen := cached(t, s.other.db, "users")
			return seen.Outcome == hit
		})
		for range 2 {
			reading(t, tx, "users", direct(t, tx, "users"), bypass)
			reading(t, s.other.db, "users", before, hit)
		}
		must(t, own.Rollback())
		reading(t, s.other.db, "users", before, hit)
	}, grace)
}

// inOwnTx begins a transaction that GORM knows nothing of, and gives a handle in it.
func inOwnTx(t testing.TB, db *gorm.DB) (tx *gorm.DB, own *sql.Tx) {
	pool, err := db.DB()
	must(t, err)
	own, err = pool.BeginTx(t.Context(), nil)
	must(t, err)
	tx = db.Session(&gorm.Session{NewDB: true})
	tx.Statement.ConnPool = own
	return tx, own
}

// grace is short, but long enough for the transactions above.
func grace(c *gormcache.Config) {
	c.WriteTimeout, c.WriteGrace = 400*time.Millisecond, 400*time.Millisecond
}

// A fence that can't be set is queued, and still is a fence when it lands:
//
//	writer: BEGIN, fence ✗, UPDATE              COMMIT
//	queue:                          fence lands
//	other:                                       bypass (old)   bypass (new), reload
//
// Falls if: the queue settles without leaving the mark.
func TestFenceFromTheQueue(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		warm(t, s.writer.db, "users")
		s.writer.gate.fail("settle")
		pool, err := s.writer.db.DB()
		must(t, err)
		own, err := pool.BeginTx(t.Context(), &sql.TxOptions{})
		must(t, err)
		tx := s.writer.db.Session(&gorm.Session{NewDB: true})
		tx.Statement.ConnPool = own
		must(t, rename(tx, 1, "x"))
		landed(t, s)
		marked(t, s, s.other, "users")
		must(t, own.Commit())
		truth := direct(t, s.plain, "users")
		eventually(t, "the fence to run out", func() bool {
			got, seen := cached(t, s.other.db, "users")
			same(t, "read after COMMIT", got, truth)
			return seen.Outcome == miss || t.Failed()
		})
	}, grace)
}

// By hand within a transaction that can't be followed: a fence too.
func TestByHandInAnUnseenTransaction(t *testing.T) {
	s := newScene(t, "sqlite", "memory", grace)
	warm(t, s.other.db, "tags")
	tx, own := inOwnTx(t, s.writer.db)
	must(t, invalidate.Tables(t.Context(), tx, "tags"))
	marked(t, s, s.other, "tags")
	must(t, own.Rollback())
}

// sent is an argument that is made up when the statement is about to be sent.
type sent func() string

// Value implements driver.Valuer.
func (s sent) Value() (driver.Value, error) { return s(), nil }

// A process that only writes, in transactions of the caller's own, must learn of a trigger that another has made, also
// when the statement has been fenced already:
//
//	writer: reads the catalog                               BEGIN, UPDATE islands (and so users)     COMMIT
//	writer: reads the catalog, BEGIN, fence                        UPDATE islands (and so users)     COMMIT
//	other:                                  CREATE TRIGGER, fills users                      must not hit
//
// Falls if: what such a statement fences goes by the catalog, or by the epoch, of before.
func TestFencesLearnOfDDLElsewhere(t *testing.T) {
	for _, out := range []bool{false, true} {
		for _, fenced := range []bool{false, true} {
			t.Run(fmt.Sprintf("out of reach %v, fenced %v", out, fenced), func(t *testing.T) {
				inTime(t, func(t *testing.T, s *scene) {
					for range 2 { // the first shows it the epoch, the second the catalog of that
						must(t, s.writer.db.Exec("UPDATE islands SET name = 'x'").Error)
					}
					if out {
						s.writer.gate.fail("settle", "lookup", "tokens")
					}
					name := sync.OnceValue(func() string {
						must(t, s.other.db.Exec(lateTrigger).Error)
						warm(t, s.other.db, "users")
						return "y"
					})
					if !fenced {
						name()
					}
					tx, own := inOwnTx(t, s.writer.db)
					must(t, tx.Exec("UPDATE islands SET name = ? WHERE id = 1", sent(name)).Error)
					landed(t, s)
					if _, seen := cached(t, s.other.db, "users"); seen.Outcome == hit {
						t.Error("a hit while an unseen transaction has written")
					}
					must(t, own.Commit())
					eventually(t, "the fence to run out", func() bool {
						got, seen := cached(t, s.other.db, "users")
						return seen.Outcome != bypass && reflect.DeepEqual(got, direct(t, s.plain, "users"))
					})
				}, grace)
			})
		}
	}
}

// What such a statement changes by a trigger that another process has made is dropped as well:
//
//	writer: reads the catalog                       UPDATE islands … RETURNING (and so users)
//	other:                    CREATE TRIGGER                                       reads users        must not hit
//
// Falls if: only what was known when it began is dropped.
func TestRowThatWritesByATriggerMadeElsewhere(t *testing.T) {
	s := triggerMadeElsewhere(t)
	row := s.writer.db.Raw("UPDATE islands SET name = 'y' WHERE id = 1 RETURNING id").Row()
	s.fresh(t, "users")
	must(t, row.Scan(new(uint)))
	reading(t, s.other.db, "users", direct(t, s.plain, "users"), hit)
}

// The same, with rows that are open when the callback ends:
//
//	writer: UPDATE islands … RETURNING (and so users) …          Close
//	other:                                            must bypass       a miss, then hits
//
// Falls if: what is found out when it has begun counts as what has ended.
func TestOpenRowsThatWriteByATriggerMadeElsewhere(t *testing.T) {
	s := triggerMadeElsewhere(t)
	rows, err := s.writer.db.Raw("UPDATE islands SET name = 'y' WHERE id = 1 RETURNING hex(zeroblob(9000000))").Rows()
	must(t, err)
	for range 2 {
		if _, seen := cached(t, s.other.db, "users"); seen.Outcome != bypass {
			t.Errorf("while the statement is under way: %+v", seen)
		}
	}
	must(t, rows.Close())
	s.fresh(t, "users")
}

// triggerMadeElsewhere is a writer that has read the catalog, before another has made lateTrigger.
func triggerMadeElsewhere(t *testing.T) *scene {
	s := newScene(t, "sqlite", "memory")
	for range 2 { // the first shows it the epoch, the second the catalog of that
		must(t, s.writer.db.Exec("UPDATE islands SET name = 'x'").Error)
	}
	must(t, s.other.db.Exec(lateTrigger).Error)
	warm(t, s.other.db, "users")
	return s
}

// Row needs the only connection. Who waits for one while a row is open, to read the catalog, waits for ever.
func TestRowThatWritesOnTheOnlyConnection(t *testing.T) {
	s := newScene(t, "sqlite", "memory", grace)
	warm(t, s.other.db, "islands")
	pool, err := s.writer.db.DB()
	must(t, err)
	pool.SetMaxOpenConns(1)
	done := make(chan error, 1)
	go func() {
		done <- s.writer.db.Raw("UPDATE islands SET name = 'y' WHERE id = 1 RETURNING id").Row().Scan(new(int))
	}()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
	dropped(t, s.other.db, "islands", direct(t, s.plain, "islands"), false)
}
