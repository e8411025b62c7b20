package plugin_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// marked reads a table and checks that it was bypassed because of a mark, with what the database holds.
func marked(t testing.TB, s *scene, p process, table string) {
	t.Helper()
	got, seen := cached(t, p.db, table)
	same(t, "read past a mark", got, direct(t, s.plain, table))
	if seen.Reason != observe.Marked {
		t.Errorf("read of %s: %v (%s %s), want a bypass because of a mark", table, seen.Outcome, seen.Reason, seen.Detail)
	}
}

// A reader fills between a write and its COMMIT:
//
//	writer: BEGIN, UPDATE                                    COMMIT
//	other:                 miss, SELECT (old row), fill                 must not hit
//
// Falls if: tx.Commit does not settle.
func TestFillBetweenWriteAndCommit(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := direct(t, s.plain, "users")
		must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
			must(t, rename(tx, 1, "x"))
			reading(t, s.other.db, "users", before, miss)
			reading(t, s.other.db, "users", before, hit)
			return nil
		}))
		s.fresh(t, "users")
	})
}

// Data of before a commit is stored after it:
//
//	other:  miss, tokens t0, SELECT (old row)                              fill
//	writer:                                   mark, COMMIT, settle (t1)
//	other:                                    a second read must not join       a third must not hit
//
// Falls if: the tokens that go into the entry are those of after the load, or loads are shared between
// readers that saw other tokens.
func TestLateFill(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := direct(t, s.plain, "users")
		loaded, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		warm(t, s.other.db, "orders") // so that the schema is known, and the first lookup is the one before the load
		var asked, stopped atomic.Bool
		stop := func() { // at what comes next after the load: it should be the fill
			if asked.Load() && !stopped.Swap(true) {
				close(loaded)
				<-release
			}
		}
		s.other.gate.onceAfter("tokens", func() { asked.Store(true) })
		for _, step := range []string{"lookup", "tokens", "set"} {
			s.other.gate.on(step, func(context.Context) error { stop(); return nil })
		}
		go func() {
			defer close(done)
			got, _, err := tryCached(t.Context(), s.other.db, "users")
			if err != nil {
				t.Error(err)
			}
			same(t, "late filler's own answer", got, before)
		}()
		<-loaded
		must(t, rename(s.writer.db, 1, "x"))
		truth := direct(t, s.plain, "users")
		reading(t, s.other.db, "users", truth, miss) // fills; the late fill then overwrites it
		close(release)
		<-done
		reading(t, s.other.db, "users", truth, miss)
		reading(t, s.other.db, "users", truth, hit)
	})
}

// Readers between COMMIT and the new token:
//
//	writer: mark, COMMIT                                     settle
//	other:               must not hit the old entry, must not fill
//
// Falls if: tx.Commit does not mark, readers do not look at marks, or the new token comes before COMMIT.
func TestReadBetweenCommitAndSettle(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		s.writer.gate.once("settle", func() {
			if got := direct(t, s.plain, "users")[0]["name"]; got != "x" {
				t.Errorf("settled before COMMIT: the name is still %v", got)
			}
			marked(t, s, s.other, "users")
			marked(t, s, s.writer, "users")
		})
		must(t, rename(s.writer.db, 1, "x"))
		s.fresh(t, "users")
	})
}

// Readers between the mark and COMMIT get the old rows, and may not store them:
//
//	writer: mark                           COMMIT, settle
//	other:        SELECT (old row), no fill
//
// The mark comes before COMMIT, or there would be a gap in the schedule above.
func TestReadBetweenMarkAndCommit(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		s.writer.gate.onceAfter("mark", func() {
			marked(t, s, s.other, "users")
			same(t, "the database at the mark", direct(t, s.plain, "users"), before)
		})
		must(t, rename(s.writer.db, 1, "x"))
		s.fresh(t, "users")
	})
}

// Outside a transaction a statement marks before it runs and settles after.
func TestReadAroundAutocommit(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		before := warm(t, s.other.db, "users")
		s.writer.gate.onceAfter("mark", func() {
			marked(t, s, s.other, "users")
			same(t, "the database at the mark", direct(t, s.plain, "users"), before)
		})
		s.writer.gate.once("settle", func() { marked(t, s, s.other, "users") })
		must(t, s.writer.db.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error)
		s.fresh(t, "users")
	})
}

// Two writers of one table:
//
//	first:  mark, COMMIT                                  settle
//	second:              mark, COMMIT, settle
//	reader:                                  must bypass          then reload
//
// Falls if: a writer that ends wipes another's mark.
func TestWritersOverlap(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.writer.db, "users")
		s.writer.gate.once("settle", func() {
			must(t, rename(s.other.db, 2, "second"))
			marked(t, s, s.other, "users")
			marked(t, s, s.writer, "users")
		})
		must(t, rename(s.writer.db, 1, "first"))
		s.fresh(t, "users")
	})
}

// The writer dies between COMMIT and settle:
//
//	writer: mark (300 ms), COMMIT, †
//	other:                          bypasses                 the mark has run out: new token, reload
//	another query of the table:                                                                      must not hit
//
// Falls if: the end of a mark keeps the token. (The query that finds the mark reloads in any case.)
func TestWriterDiesBeforeSettle(t *testing.T) {
	onScenesInTime(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		warm(t, s.other.db, "user_names")
		s.writer.gate.once("settle", func() { marked(t, s, s.other, "users") })
		settle := s.writer.gate.before["settle"]
		s.writer.gate.on("settle", func(ctx context.Context) error { _ = settle(ctx); return errStore })
		must(t, rename(s.writer.db, 1, "x"))
		truth := direct(t, s.plain, "users")
		eventually(t, "the mark to run out", func() bool {
			got, seen := cached(t, s.other.db, "users")
			same(t, "read after the writer's death", got, truth)
			return seen.Outcome == miss
		})
		reading(t, s.other.db, "users", truth, hit)
		reading(t, s.other.db, "user_names", direct(t, s.plain, "user_names"), miss)
		s.writer.gate.off()
	}, func(c *gormcache.Config) { c.WriteTimeout, c.WriteGrace = 300*time.Millisecond, 300*time.Millisecond })
}

// COMMIT fails, or its reply is lost: the outcome is unknown, and everybody must ask the database.
// Falls if: tx.Commit settles only after success.
func TestCommitError(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		for _, lost := range []bool{false, true} {
			db := s.Open(t)
			pool, err := db.DB()
			must(t, err)
			db.ConnPool = &brokenPool{ConnPool: pool, beginner: pool, lost: lost}
			db.Statement.ConnPool = db.ConnPool
			use(t, db, s.store, func(c *gormcache.Config) { c.WriteTimeout, c.WriteGrace = time.Second, time.Second })
			warm(t, s.other.db, "users")
			cached(t, s.writer.db, "users")
			if err := rename(db, 1, "x"); !errors.Is(err, errBroken) {
				t.Fatalf("the error of COMMIT is lost: %v", err)
			}
			// A server might still be at work on it: nothing is stored for as long as the grace lasts.
			reading(t, s.other.db, "users", direct(t, s.plain, "users"), bypass, miss)
			eventually(t, "the grace runs out", func() bool {
				_, seen := cached(t, s.other.db, "users")
				return seen.Outcome == hit
			})
			reading(t, s.other.db, "users", direct(t, s.plain, "users"), hit)
			if name := direct(t, s.plain, "users")[0]["name"]; (name == "x") != lost {
				t.Errorf("the name is %v", name)
			}
		}
	}, grace)
}
