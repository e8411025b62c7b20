package plugin_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
)

// journaled makes a process whose log is kept from a level on, and whose invalidations are.
func journaled(from slog.Level) (*lab.Lines, *[]observe.Invalidation, func(*gormcache.Config)) {
	j, seen := &lab.Lines{}, new([]observe.Invalidation)
	return j, seen, func(c *gormcache.Config) {
		c.Logger = j.Logger(from)
		hooks := *c.Hooks
		hooks.Invalidate = func(_ context.Context, i observe.Invalidation) { *seen = append(*seen, i) }
		c.Hooks = &hooks
	}
}

// level is that of the first line about a cause.
func level(c observe.Cause) string {
	if c == observe.ByHand || c == observe.SchemaChange { // the program has asked for it
		return "INFO"
	}
	return "WARN"
}

const dropsAll = "gormcache: everything is dropped, in all processes"

// Whatever drops everything says why: once as a warning, then at debug; and each time to the hook.
func TestWhatDropsEverythingSaysWhy(t *testing.T) {
	unread := map[string]string{ // triggers whose effect can't be told
		"sqlite":   "",
		"postgres": "CREATE FUNCTION murky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE tags SET name = ''x'''; RETURN NEW; END $$",
	}
	type cause struct {
		cause  observe.Cause
		detail string
		do     func(db *gorm.DB) error
	}
	exec := func(sql string, args ...any) func(db *gorm.DB) error {
		return func(db *gorm.DB) error { return db.Exec(sql, args...).Error }
	}
	for kind, function := range unread {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			causes := []cause{
				{observe.ByHand, "", func(db *gorm.DB) error { return invalidate.All(t.Context(), db) }},
				{observe.ByHand, "", func(db *gorm.DB) error {
					return db.Transaction(func(tx *gorm.DB) error { return invalidate.All(t.Context(), tx) })
				}},
				{observe.PlainTransaction, "", func(db *gorm.DB) error {
					return db.Connection(func(tx *gorm.DB) error {
						if err := tx.Exec("BEGIN").Error; err != nil {
							return err
						}
						return tx.Exec("COMMIT").Error
					})
				}},
			}
			if function != "" {
				must(t, d.plain.Exec(function).Error)
				must(t, d.plain.Exec("CREATE TRIGGER murky AFTER UPDATE ON islands FOR EACH ROW EXECUTE FUNCTION murky()").Error)
				must(t, d.plain.Exec("CREATE FUNCTION dim() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1'; RETURN 1; END $$").Error)
				rename := func(db *gorm.DB) error { return db.Model(&Island{ID: 1}).Update("name", secret).Error }
				causes = append(causes,
					cause{observe.UnknownTrigger, "murky", rename},
					cause{observe.UnknownTrigger, "murky", func(db *gorm.DB) error { return db.Transaction(rename) }},
					cause{observe.UnknownTrigger, "murky", exec("UPDATE islands SET name = ?", secret)},
					cause{observe.UnknownFunction, "dim", exec("SELECT dim()")},
					cause{observe.UnknownStatement, "", exec("DO $$ BEGIN PERFORM '" + secret + "'; END $$")},
				)
			}
			causes = append(causes, // last: from here on the catalog is read anew
				cause{observe.SchemaChange, "", exec("CREATE TABLE later (id int, name text DEFAULT '" + secret + "')")},
				cause{observe.SchemaChange, "", exec("CREATE TABLE latest (id int)")},
			)
			j, seen, keep := journaled(slog.LevelDebug)
			db := d.Open(t)
			p := use(t, db, newStore(t, "memory"), keep)
			warm(t, db, "users")
			told := map[string]bool{}
			for _, c := range causes {
				j.Take()
				*seen = nil
				must(t, c.do(db))
				said := j.With(dropsAll, "cause="+string(c.cause), c.detail)
				key := string(c.cause) + c.detail
				if len(said) == 0 || strings.HasPrefix(said[0], level(c.cause)) == told[key] || len(j.With("WARN")) > 1 {
					t.Errorf("%s: the log says %q", c.cause, said)
				}
				if remedy := c.cause.Remedy(); !told[key] && remedy != "" && !strings.Contains(said[0], remedy) {
					t.Errorf("%s: the warning names no remedy: %s", c.cause, said[0])
				}
				told[key] = true
				at := slices.IndexFunc(*seen, func(i observe.Invalidation) bool { return i.Cause == c.cause && strings.Contains(i.Detail, c.detail) })
				if at < 0 {
					t.Errorf("%s: the hook is told %+v", c.cause, *seen)
				}
				if text := strings.Join(j.With("WARN"), "\n"); strings.Contains(text, secret) {
					t.Errorf("%s: an argument is told: %s", c.cause, text)
				}
			}
			if n := p.Stats().Pending; n != 0 {
				t.Errorf("%d are pending", n)
			}
			// What drops one table says nothing of that.
			j.Take()
			*seen = nil
			must(t, rename(db, 1, "x"))
			must(t, invalidate.Tables(t.Context(), db, "users"))
			if len(*seen) == 0 || (*seen)[0].Cause != "" || len(j.With(dropsAll)) > 0 {
				t.Errorf("a write to one table: %+v, %q", *seen, j.With(dropsAll))
			}
		})
	}
}

// The remedies that the warnings name are followed, and nothing is dropped but what must.
func TestRemediesOfDropsHelp(t *testing.T) {
	d := newDatabase(t, "postgres")
	must(t, d.plain.Exec("CREATE FUNCTION murky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE tags SET name = ''x'''; RETURN NEW; END $$").Error)
	must(t, d.plain.Exec("CREATE TRIGGER murky AFTER UPDATE ON islands FOR EACH ROW EXECUTE FUNCTION murky()").Error)
	must(t, d.plain.Exec("CREATE FUNCTION visit() RETURNS void LANGUAGE sql AS $$ UPDATE islands SET name = 'v' $$").Error)
	for cause, declared := range map[observe.Cause]map[string][]string{
		observe.UnknownTrigger: nil, "": {"islands": {"tags"}},
	} {
		_, seen, keep := journaled(slog.LevelWarn)
		db := d.Open(t)
		use(t, db, newStore(t, "memory"), keep, func(c *gormcache.Config) { c.Triggers = declared })
		kept := warm(t, db, "users")
		warm(t, db, "tags")
		must(t, db.Model(&Island{ID: 1}).Update("name", "x").Error)
		if len(*seen) != 1 || (*seen)[0].Cause != cause {
			t.Errorf("declared %v: %+v", declared, *seen)
		}
		if cause == "" {
			reading(t, db, "users", kept, hit)
			reading(t, db, "tags", direct(t, d.plain, "tags"), miss)
			must(t, db.Exec("SELECT visit()").Error)
			reading(t, db, "users", kept, hit)
			reading(t, db, "tags", direct(t, d.plain, "tags"), miss)
			reading(t, db, "islands", direct(t, d.plain, "islands"), miss)
		}
	}
	declaredBehindACascade(t)
	db := d.Open(t)
	_, seen, keep := journaled(slog.LevelWarn)
	use(t, db, newStore(t, "memory"), keep)
	kept := warm(t, db, "users")
	must(t, db.Transaction(func(tx *gorm.DB) error { return tx.Exec("UPDATE orders SET name = 'x'").Error }))
	must(t, db.Connection(func(tx *gorm.DB) error {
		begun := tx.Begin()
		must(t, begun.Exec("UPDATE orders SET name = 'y'").Error)
		return begun.Commit().Error
	}))
	for _, i := range *seen {
		if i.Cause != "" {
			t.Errorf("transactions of GORM drop everything: %+v", i)
		}
	}
	reading(t, db, "users", kept, hit)
}

// declaredBehindACascade declares the trigger of a table that only a cascade changes.
func declaredBehindACascade(t *testing.T) {
	t.Helper()
	d := newDatabase(t, "postgres")
	must(t, d.plain.Exec("CREATE FUNCTION murky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE tags SET name = ''y'''; RETURN OLD; END $$").Error)
	must(t, d.plain.Exec("CREATE TRIGGER murky AFTER DELETE ON children FOR EACH ROW EXECUTE FUNCTION murky()").Error)
	db := d.Open(t)
	_, seen, keep := journaled(slog.LevelWarn)
	use(t, db, newStore(t, "memory"), keep, func(c *gormcache.Config) { c.Triggers = map[string][]string{"children": {"tags"}} })
	kept := warm(t, db, "users")
	warm(t, db, "tags")
	warm(t, db, "children")
	must(t, db.Delete(&Parent{ID: 1}).Error)
	if len(*seen) != 1 || (*seen)[0].Cause != "" {
		t.Errorf("%+v", *seen)
	}
	reading(t, db, "users", kept, hit)
	reading(t, db, "tags", direct(t, d.plain, "tags"), miss)
	reading(t, db, "children", direct(t, d.plain, "children"), miss)
}

// At three in the morning the store goes away and comes back: the log at Info has a line for the beginning and one
// for the end, of the queue and of the breakers, however much is read and written meanwhile.
func TestAnOutageInTheLog(t *testing.T) {
	for _, storeKind := range []string{"memory", "redis"} {
		t.Run(storeKind, func(t *testing.T) {
			j, _, keep := journaled(slog.LevelInfo)
			d := newDatabase(t, "sqlite")
			db := d.Open(t)
			g := &gate{Store: newStore(t, storeKind)}
			p := use(t, db, g, keep, func(c *gormcache.Config) { c.BreakerCooldown = 1 })
			warm(t, db, "users")
			must(t, rename(db, 1, "x"))
			if got := j.With(); len(got) > 0 {
				t.Errorf("nothing is wrong, and the log says %q", got)
			}
			g.fail("lookup", "tokens", "set", "mark", "settle", "unmark")
			for range 20 {
				must(t, rename(db, 1, secret))
				must(t, db.Exec("UPDATE orders SET name = ? WHERE id = ?", secret, 1).Error)
				cached(t, db, "users")
				cached(t, db, "islands")
			}
			for _, want := range []string{
				"WARN gormcache: the store can't be told of writes", "WARN gormcache: the store fails for readers", "WARN gormcache: the store fails for writers",
			} {
				if got := j.With(want); len(got) != 1 || !strings.Contains(got[0], errStore.Error()) {
					t.Errorf("%s: %q", want, got)
				}
			}
			g.off()
			eventually(t, "the end of the outage", func() bool { return len(j.With("INFO")) >= 3 })
			for _, want := range []string{
				"INFO gormcache: the store has been told of all writes again", "INFO gormcache: the store answers readers again", "INFO gormcache: the store answers writers again",
			} {
				if got := j.With(want); len(got) != 1 {
					t.Errorf("%s: %q", want, got)
				}
			}
			if text := strings.Join(j.With(), "\n"); strings.Contains(text, secret) || !strings.Contains(text, "users") || len(j.With()) > 7 {
				t.Errorf("the log has too much, or not enough:\n%s", text)
			}
			if p.Stats().Pending != 0 {
				t.Errorf("%d are pending", p.Stats().Pending)
			}
		})
	}
}
