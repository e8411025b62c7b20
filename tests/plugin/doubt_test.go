package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// writesOf are the ways to write users outside of transactions.
var writesOf = map[string]func(db *gorm.DB) error{
	"Exec":   func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'late' WHERE id = 1").Error },
	"Create": func(db *gorm.DB) error { return db.Create(&User{ID: 300, Name: "late"}).Error },
	"Update": func(db *gorm.DB) error { return rename(db, 1, "late") },
	"Delete": func(db *gorm.DB) error { return db.Unscoped().Delete(&User{}, 3).Error },
	"Row": func(db *gorm.DB) error {
		return db.Raw("DELETE FROM users WHERE id = 3 RETURNING id").Row().Scan(new(int))
	},
	"Rows": func(db *gorm.DB) error {
		return firstOf(db.Raw("DELETE FROM users WHERE id = 3 RETURNING id").Rows())(new(int))
	},
	"Scan": func(db *gorm.DB) error {
		return db.Raw("DELETE FROM users WHERE id = 3 RETURNING id").Scan(new(int)).Error
	},
	"Find": func(db *gorm.DB) error {
		return db.Raw("DELETE FROM users WHERE id = 3 RETURNING *").Find(&[]User{}).Error
	},
	"DDL":            func(db *gorm.DB) error { return db.Exec("CREATE TABLE laters (id int)").Error },
	"Exec of gorm.G": func(db *gorm.DB) error { return gorm.G[User](db).Exec(db.Statement.Context, "DELETE FROM users") },
	"Transaction": func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "late") })
	},
	"Commit": func(db *gorm.DB) error {
		tx := db.Begin()
		return errors.Join(tx.Error, rename(tx, 1, "late"), tx.Commit().Error)
	},
	"BEGIN": func(db *gorm.DB) error { return db.Exec("BEGIN").Error },
	"in db.Connection": func(db *gorm.DB) error {
		return db.Connection(func(c *gorm.DB) error { return c.Exec("UPDATE users SET name = 'late' WHERE id = 1").Error })
	},
}

// stillHit checks that an entry is served once the queue has taken away the marks that a writer in a hurry has left to
// it. They would go by themselves after the grace, which is longer than the wait.
func stillHit(t testing.TB, db *gorm.DB, table string, want rows) {
	t.Helper()
	var got rows
	var seen observe.Read
	eventually(t, "the marks to go", func() bool {
		got, seen = cached(t, db, table)
		return seen.Outcome != bypass
	})
	same(t, "cached read of "+table, got, want)
	if seen.Outcome != hit {
		t.Errorf("cached read of %s: %v (%s %s), want a hit", table, seen.Outcome, seen.Reason, seen.Detail)
	}
}

// hitAgain checks that reads end to be hits where marks of the same kind may have changed tokens.
func hitAgain(t testing.TB, db *gorm.DB, table string, want rows) {
	t.Helper()
	eventually(t, "hits", func() bool {
		got, seen := cached(t, db, table)
		same(t, "cached read of "+table, got, want)
		return seen.Outcome == hit || t.Failed()
	})
}

// A context that has ended before database/sql is called: nothing is sent, so nothing changes and nothing is in doubt.
//
//	writer: cancel, UPDATE ✗                        or mark, cancel, UPDATE ✗, unmark
//	other:                    hits                                                    hits
//
// Falls if: the error of such a call counts as one whose outcome is unknown (everybody bypasses for the whole grace), or
// as that of a statement that has run (what is cached is dropped), or if it is sent all the same.
func TestEndedContextsLeaveNoDoubt(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := newScene(t, kind, "memory")
			var writes atomic.Int64
			tapped := s.OpenTapped(t, &tap.Tap{Ran: func(query string) {
				if strings.Contains(query, "users") && !strings.HasPrefix(query, "SELECT") || strings.Contains(query, "laters") {
					writes.Add(1)
				}
			}}, &gorm.Config{SkipDefaultTransaction: true})
			g := &gate{Store: s.store}
			p := use(t, tapped, g)
			must(t, tapped.Exec("UPDATE users SET age = age").Error)
			for name, write := range writesOf {
				for _, prepare := range []bool{false, true} {
					for _, when := range []string{"before", "while the mark is on its way"} {
						what := fmt.Sprintf("%s, PrepareStmt %v, %s", name, prepare, when)
						truth := warm(t, s.other.db, "users")
						ctx, cancel := context.WithCancel(t.Context())
						if when == "before" {
							cancel()
						} else {
							g.onceAfter("mark", cancel)
						}
						writes.Store(0)
						err := write(tapped.Session(&gorm.Session{PrepareStmt: prepare}).WithContext(ctx))
						cancel()
						g.off()
						inTx := name == "Transaction" || name == "Commit"
						if !errors.Is(err, context.Canceled) && !(inTx && errors.Is(err, sql.ErrTxDone)) { // as without the plugin
							t.Errorf("%s: %v", what, err)
						}
						if n := writes.Load(); n != 0 && !inTx {
							t.Errorf("%s: %d statements were sent", what, n)
						}
						same(t, what, direct(t, s.plain, "users"), truth)
						stillHit(t, s.other.db, "users", truth)
						if left := p.Invalidator().Doubts(); len(left) > 0 {
							t.Errorf("%s: in doubt: %+v", what, left)
						}
						if t.Failed() {
							t.FailNow()
						}
					}
				}
			}
			must(t, rename(tapped, 1, "on time"))
			s.fresh(t, "users")
		})
	}
}

// In transactions that gormcache did not begin, too; and one that goes on is not harmed by a statement that is not sent.
func TestEndedContextsInTransactions(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		truth := warm(t, s.other.db, "users")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		foreign, own := inOwnTx(t, s.writer.db)
		if err := rename(foreign.WithContext(ended), 1, "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("in a foreign transaction: %v", err)
		}
		stillHit(t, s.other.db, "users", truth)
		ctx, cancelLater := context.WithCancel(t.Context())
		s.writer.gate.onceAfter("settle", cancelLater)
		if err := rename(foreign.WithContext(ctx), 1, "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("in a foreign transaction, behind the fence: %v", err)
		}
		hitAgain(t, s.other.db, "users", truth) // the fence has changed the token
		must(t, own.Rollback())
		if left := s.writer.p.Invalidator().Doubts(); len(left) > 0 {
			t.Errorf("in doubt: %+v", left)
		}
		must(t, s.process(t, gorm.Config{}).db.Transaction(func(tx *gorm.DB) error {
			if err := rename(tx.WithContext(ended), 2, "late"); !errors.Is(err, context.Canceled) {
				t.Errorf("in a transaction: %v", err)
			}
			return rename(tx, 1, "x")
		}))
		dropped(t, s.other.db, "users", direct(t, s.plain, "users"), false)
		hitAgain(t, s.other.db, "users", direct(t, s.plain, "users"))
	})
}

// COMMIT in plain SQL whose context has ended is not sent, and the transaction goes on.
func TestEndedContextsLeaveTransactionsInPlainSQL(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	before := warm(t, s.other.db, "users")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.writer.db.Connection(func(c *gorm.DB) error {
		must(t, c.Exec("BEGIN").Error)
		must(t, c.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error)
		if err := c.WithContext(ended).Exec("COMMIT").Error; !errors.Is(err, context.Canceled) {
			t.Errorf("COMMIT: %v", err)
		}
		reading(t, s.other.db, "users", before, bypass)
		return c.Exec("COMMIT").Error
	}))
	truth := direct(t, s.plain, "users")
	dropped(t, s.other.db, "users", truth, true)
	warm(t, s.other.db, "users")
	reading(t, s.other.db, "users", truth, hit)
}

// latePool is a pool of the application's own, which sends what it is given under a context of its own, and then tells of
// the caller's.
type latePool struct{ *sql.DB }

// ExecContext sends all the same.
func (p latePool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	res, err := p.DB.ExecContext(context.WithoutCancel(ctx), query, args...)
	return res, errors.Join(err, ctx.Err())
}

// What a pool of the application's own does with a context that has ended is not known: there the doubt is real.
//
// Falls if: what holds of database/sql is believed of others. Then what such a pool has written stays unknown.
func TestEndedContextsOnPoolsOfTheApplication(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	db := s.Open(t)
	pool, err := db.DB()
	must(t, err)
	db.ConnPool, db.Statement.ConnPool = latePool{pool}, latePool{pool}
	log := &lab.Lines{}
	p := use(t, db, s.store, everything(log))
	warm(t, s.other.db, "users")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.WithContext(ended).Exec("UPDATE users SET name = 'late' WHERE id = 1").Error; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for range 2 {
		marked(t, s, s.other, "users")
	}
	left := p.Invalidator().Doubts()
	if len(left) != 1 || left[0].Cause == "" || left[0].Until.IsZero() || len(left[0].Tags) == 0 {
		t.Fatalf("in doubt: %+v", left)
	}
	for _, want := range []string{left[0].Writer.String(), left[0].Tags[0], left[0].Cause, `"level":"WARN"`, "left"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("nothing says %q:\n%s", want, log)
		}
	}
}

// A statement that its context ends while the server works on it may still take effect: its marks stay, and what
// remains is said, as a warning once.
//
//	writer: mark, UPDATE … (waits for a lock), cancel, settle; the marks stay
//	other:                                                                    must bypass
//
// Falls if: an error of the context counts as proof that nothing was sent.
func TestContextsThatEndMeanwhileLeaveDoubt(t *testing.T) {
	for _, kind := range []string{"postgres", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			s := newScene(t, kind, "memory")
			var warned atomic.Int64
			var hooked []observe.Invalidation
			db := s.Open(t)
			p := use(t, db, s.store, func(c *gormcache.Config) {
				c.Logger = slog.New(&counting{Handler: slog.DiscardHandler, warned: &warned})
				c.Hooks.Invalidate = func(_ context.Context, i observe.Invalidation) { hooked = append(hooked, i) }
			})
			must(t, db.Exec("UPDATE users SET age = age").Error)
			for n := range 2 { // the second is as much in doubt, and not warned of
				if n == 0 {
					warm(t, s.other.db, "islands")
				}
				hooked = nil
				holder := s.plain.Begin()
				must(t, holder.Exec("UPDATE islands SET name = 'held'").Error)
				t.Cleanup(func() { holder.Rollback() })
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					done <- db.WithContext(ctx).Exec("UPDATE islands SET name = ?", fmt.Sprint("late ", n)).Error
				}()
				eventually(t, "the statement to wait for the lock", func() bool { return s.waiting(t) })
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
				must(t, holder.Rollback().Error)
				if got, seen := cached(t, s.other.db, "islands"); seen.Outcome != bypass {
					t.Errorf("read after it: %v %v", seen.Outcome, got)
				}
				left := p.Invalidator().Doubts()
				if len(left) != n+1 {
					t.Fatalf("in doubt: %+v", left)
				}
				if len(hooked) != 1 || hooked[0].Doubt != left[n].Cause || hooked[0].Writer != left[n].Writer.String() || hooked[0].Left <= 0 {
					t.Errorf("the hook was told %+v", hooked)
				}
				if got := warned.Load(); got != 1 {
					t.Errorf("%d warnings", got)
				}
			}
		})
	}
}

// waiting reports whether a statement waits for a lock on islands.
func (s *scene) waiting(t testing.TB) bool {
	t.Helper()
	var n int64
	must(t, s.plain.Raw(map[string]string{
		"postgres": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
		"mariadb":  "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND state = 'Updating'",
	}[s.Kind]).Scan(&n).Error)
	return n > 0
}

// counting counts warnings.
type counting struct {
	slog.Handler
	warned *atomic.Int64
}

// Enabled is true for warnings.
func (c *counting) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle counts.
func (c *counting) Handle(context.Context, slog.Record) error { c.warned.Add(1); return nil }

// By hand, a cancelled context makes no difference: what was written elsewhere is written.
func TestByHandWithAnEndedContext(t *testing.T) {
	onScenes(t, func(t *testing.T, s *scene) {
		warm(t, s.other.db, "users")
		must(t, s.plain.Exec("UPDATE users SET name = 'elsewhere' WHERE id = 1").Error)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, invalidate.Tables(ended, s.writer.db, "users"))
		s.fresh(t, "users")
	})
}
