package plugin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

func failWrite(c *gormcache.Config) { c.WritePolicy = invalidate.FailWrite }

// pending reads a table and checks that it is bypassed, with what the database holds, because this
// process has an invalidation under way.
func pending(t testing.TB, s *scene, table string) {
	t.Helper()
	got, seen := cached(t, s.writer.db, table)
	same(t, "read while an invalidation waits", got, direct(t, s.plain, table))
	if seen.Reason != observe.Pending {
		t.Errorf("read of %s: %v (%s), want a bypass because of what is pending", table, seen.Outcome, seen.Reason)
	}
}

// landed lets the store work again and waits for the queue.
func landed(t testing.TB, s *scene) {
	t.Helper()
	s.writer.gate.off()
	eventually(t, "the invalidation to land", func() bool { return s.writer.p.Stats().Pending == 0 })
}

// The store fails after COMMIT, or all the time:
//
//	writer: mark (✗), COMMIT, settle ✗ … settle ✗ … settle
//	writer's process:                 bypasses              reloads
//	other, if the mark landed:        bypasses              reloads
//
// Falls if: what can't be settled is not retried, or this process trusts the store meanwhile.
func TestAllowStale(t *testing.T) {
	for _, steps := range [][]string{{"settle"}, {"mark", "settle"}} {
		for _, how := range []string{"fail", "hang"} {
			t.Run(strings.Join(steps, "+")+" "+how, func(t *testing.T) {
				onScenesInTime(t, func(t *testing.T, s *scene) {
					warm(t, s.other.db, "users")
					kept := warm(t, s.other.db, "islands")
					cached(t, s.writer.db, "users")
					if how == "fail" {
						s.writer.gate.fail(steps...)
					} else {
						s.writer.gate.hang(steps...)
					}
					must(t, rename(s.writer.db, 1, "x"))
					if n := s.writer.p.Stats().Pending; n == 0 {
						t.Errorf("%d invalidations are pending", n)
					}
					pending(t, s, "users")
					if len(steps) == 1 {
						marked(t, s, s.other, "users")
					}
					s.behind(t, "islands")
					reading(t, s.writer.db, "islands", kept, hit)
					landed(t, s)
					s.fresh(t, "users")
					reading(t, s.other.db, "islands", kept, hit)
				}, func(c *gormcache.Config) { c.WriteTimeout = 30 * time.Millisecond })
			})
		}
	}
}

// While the queue is busy, more commits join it.
func TestQueueTakesMore(t *testing.T) {
	onScenesInTime(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "orders")
		s.writer.gate.fail("mark", "settle")
		must(t, rename(s.writer.db, 1, "x"))
		must(t, s.writer.db.Exec("UPDATE orders SET name = 'x'").Error)
		must(t, invalidate.Tags(t.Context(), s.writer.db)) // nothing at all
		if err := invalidate.Region(t.Context(), s.writer.db, "second"); err == nil {
			t.Error("an invalidation by hand that is queued reports no error")
		}
		pending(t, s, "users")
		pending(t, s, "orders")
		landed(t, s)
		s.fresh(t, "users")
		s.fresh(t, "orders")
	})
}

// FailWrite refuses before anything is committed, in each kind of transaction, and leaves no mark.
func TestFailWrite(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		for name, write := range map[string]func(db *gorm.DB) error{
			"default":     func(db *gorm.DB) error { return rename(db, 1, "x") },
			"transaction": func(db *gorm.DB) error { return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "x") }) },
			"by hand":     func(db *gorm.DB) error { tx := db.Begin(); return errors.Join(rename(tx, 1, "x"), tx.Commit().Error) },
			"autocommit":  func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error },
			"prepared": func(db *gorm.DB) error {
				return db.Session(&gorm.Session{PrepareStmt: true}).Exec("UPDATE users SET name = 'x' WHERE id = 1").Error
			},
			"raw scan": func(db *gorm.DB) error {
				var id int
				return db.Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Scan(&id).Error
			},
			"raw row": func(db *gorm.DB) error {
				var id int
				return db.Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Row().Scan(&id)
			},
			"raw row, prepared": func(db *gorm.DB) error {
				var id int
				return db.Session(&gorm.Session{PrepareStmt: true}).
					Raw("INSERT INTO users (id, name) VALUES (100, 'x') RETURNING id").Row().Scan(&id)
			},
			"DDL": func(db *gorm.DB) error { return db.Exec("DROP TABLE islands").Error },
			"DDL in a transaction": func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Exec("DROP TABLE islands").Error })
			},
		} {
			s.writer.gate.off()
			before := warm(t, s.other.db, "users")
			s.writer.gate.fail("mark")
			if err := write(s.writer.db); !errors.Is(err, invalidate.ErrStoreUnavailable) || !errors.Is(err, errStore) {
				t.Errorf("%s: %v", name, err)
			}
			same(t, name, direct(t, s.plain, "users"), before)
			reading(t, s.other.db, "users", before, hit)
			direct(t, s.plain, "islands")
		}
		s.writer.gate.off()
		must(t, rename(s.writer.db, 1, "x"))
		s.fresh(t, "users")
	}, failWrite)
}

// FailWrite, and the mark's reply is lost though the mark stands: the refusal takes it away again.
func TestFailWriteRemovesItsMarks(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		s.writer.gate.lose("mark")
		if err := rename(s.writer.db, 1, "x"); !errors.Is(err, invalidate.ErrStoreUnavailable) {
			t.Errorf("%v", err)
		}
		reading(t, s.other.db, "users", before, hit)
	}, failWrite)
}

// Close delivers what is pending; what it can't is its error.
func TestCloseDrains(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		s.writer.gate.fail("settle")
		must(t, rename(s.writer.db, 1, "x"))
		s.writer.gate.off()
		must(t, s.writer.p.Close())
		if n := s.writer.p.Stats().Pending; n != 0 {
			t.Errorf("%d are pending after Close", n)
		}
		reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss)
	})
}

// The store is down when the plugin is closed, and comes back later: what was pending is lost, and Close
// says so; but writes that come later invalidate again.
func TestWritesAfterClose(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) { // Close waits for as long as it ever does
		s.writer.gate.fail("mark", "settle")
		must(t, rename(s.writer.db, 1, "x"))
		if err := s.writer.p.Close(); err == nil || !strings.Contains(err.Error(), "invalidations could not be delivered") {
			t.Errorf("Close says %v", err)
		}
		s.writer.gate.off()
		warm(t, s.other.db, "users")
		must(t, rename(s.writer.db, 1, "y"))
		reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss)
	}, func(c *gormcache.Config) { c.BreakerFailures = 1000 })
}

// Another process makes a trigger while this one can't ask the store:
//
//	other:   CREATE TRIGGER: islands → users     reads users
//	writer:                                                    mark ✗, UPDATE islands, settle ✗ … settle
//
// Falls if: what the queue delivers, or a settling that lands where the mark did not, goes by the schema of before.
func TestTriggersMadeWhileTheStoreIsOutOfReach(t *testing.T) {
	for name, steps := range map[string][]string{
		"queued":  {"mark", "lookup", "tokens", "settle"},
		"settled": {"mark", "lookup", "tokens"},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, alone %v", name, alone), func(t *testing.T) {
				s := newScene(t, "sqlite", "memory")
				warm(t, s.writer.db, "users") // it knows the schema of now
				s.writer.gate.fail(steps...)
				must(t, s.other.db.Exec(lateTrigger).Error)
				warm(t, s.other.db, "users")
				must(t, s.writer.db.Session(&gorm.Session{SkipDefaultTransaction: alone}).Model(&Island{ID: 1}).Update("name", "x").Error)
				landed(t, s)
				dropped(t, s.other.db, "users", direct(t, s.plain, "users"), true)
			})
		}
	}
}

// What writes and returns rows is read by the plugin first, also when that is closed.
func TestRowsOfWritesAfterClose(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		must(t, s.writer.p.Close())
		var name string
		must(t, s.writer.db.Raw("INSERT INTO users (id, name) VALUES (77, 'late') RETURNING name").Scan(&name).Error)
		if name != "late" {
			t.Errorf("the new row's name is %q", name)
		}
		reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss)
	})
}
