package limits_test

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

func TestLimitOtherPrograms(t *testing.T) {
	t.Parallel()
	s := newScene(t, "postgres")
	db := s.process(t)
	warm(t, db)
	must(t, s.plain.Exec("UPDATE things SET name = 'new'").Error)
	stale(t, s, db, byHand(t, db))
}

func TestLimitPlainDatabaseSQL(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	db := s.process(t)
	warm(t, db)
	_, err := pool(t, db).ExecContext(t.Context(), "UPDATE things SET name = 'new'")
	must(t, err)
	stale(t, s, db, func() error { return db.Exec("UPDATE things SET name = 'newer'").Error })

	// A statement's ConnPool given to other libraries.
	beside := func(name string, then func(tx *gorm.DB) error) error {
		return db.Transaction(func(tx *gorm.DB) error {
			_, err := tx.Statement.ConnPool.ExecContext(t.Context(), "UPDATE things SET name = ?", name)
			return errors.Join(err, then(tx))
		})
	}
	must(t, rename(db, "old"))
	warm(t, db)
	must(t, beside("new", func(*gorm.DB) error { return nil }))
	stale(t, s, db, func() error {
		return beside("newer", func(tx *gorm.DB) error { return invalidate.Tables(t.Context(), tx, "things") })
	})
}

func TestLimitHandlesApart(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	db := s.process(t)
	other := memory.New()
	t.Cleanup(func() { must(t, other.Close()) })
	replaced := s.process(t)
	must(t, replaced.Callback().Update().Replace("gorm:update", callbacks.Update(&callbacks.Config{})))
	for name, apart := range map[string]*gorm.DB{
		"no plugin":          s.Open(t),
		"replaced callbacks": replaced,
		"another namespace":  s.process(t, func(c *gormcache.Config) { c.Namespace = "apart" }),
		"another store":      s.process(t, func(c *gormcache.Config) { c.Store = other }),
	} {
		t.Run(name, func(t *testing.T) {
			must(t, rename(db, "old"))
			warm(t, db)
			must(t, rename(apart, "new"))
			together := s.process(t)
			stale(t, s, db, func() error { return rename(together, "newer") })
		})
	}
}

// shortGrace lets marks run out within a test.
func shortGrace(c *gormcache.Config) {
	c.WriteTimeout, c.WriteGrace = 300*time.Millisecond, 300*time.Millisecond
}

func TestLimitOwnTransaction(t *testing.T) {
	t.Parallel()
	s := newScene(t, "postgres")
	db := s.process(t, shortGrace)
	warm(t, db)
	writer := s.process(t, shortGrace)
	own, err := pool(t, writer).BeginTx(t.Context(), nil)
	must(t, err)
	tx := writer.Session(&gorm.Session{NewDB: true})
	tx.Statement.ConnPool = own
	must(t, rename(tx, "new"))
	cachedAgain(t, db) // the fence has run out
	must(t, own.Commit())
	stale(t, s, db, byHand(t, db))
}

// cachedAgain waits until reads are hits again, of the old name.
func cachedAgain(t *testing.T, db *gorm.DB) {
	t.Helper()
	p, ok := db.Plugins["gormcache"].(*gormcache.Plugin)
	if !ok {
		t.Fatal("no plugin")
	}
	eventually(t, "hits", func() bool {
		before := p.Stats().Hits
		warm(t, db)
		return p.Stats().Hits > before
	})
}

func TestLimitTriggersMadeElsewhere(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	db := s.process(t)
	warm(t, db)
	must(t, db.Exec("UPDATE others SET name = 'a'").Error) // the catalog is known
	must(t, s.plain.Exec("CREATE TRIGGER elsewhere AFTER UPDATE ON others BEGIN UPDATE things SET name = NEW.name; END").Error)
	warm(t, db)
	must(t, db.Exec("UPDATE others SET name = 'b'").Error)
	stale(t, s, db, func() error { return invalidate.All(t.Context(), db) })
	name(t, db)
	must(t, db.Exec("UPDATE others SET name = 'c'").Error)
	expect(t, "a read after the next write", name(t, db), "c")
}

func TestLimitWrongDeclarations(t *testing.T) {
	t.Parallel()
	s := newScene(t, "postgres")
	for _, ddl := range []string{
		// Dynamic SQL does not tell what it writes.
		"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE things SET name = ' || quote_literal(NEW.name); RETURN NEW; END $$",
		"CREATE TRIGGER t AFTER UPDATE ON others FOR EACH ROW EXECUTE FUNCTION f()",
	} {
		must(t, s.plain.Exec(ddl).Error)
	}
	declared := func(tables ...string) *gorm.DB {
		return s.process(t, func(c *gormcache.Config) { c.Triggers = map[string][]string{"others": tables} })
	}
	wrong, right := declared(), declared("things")
	warm(t, wrong)
	must(t, wrong.Exec("UPDATE others SET name = 'new'").Error)
	stale(t, s, wrong, func() error { return right.Exec("UPDATE others SET name = 'newer'").Error })
}

func TestLimitTwoPhases(t *testing.T) {
	t.Parallel()
	s := newScene(t, "mariadb")
	db := s.process(t, shortGrace)
	warm(t, db)
	must(t, db.Connection(func(tx *gorm.DB) error {
		for _, step := range []string{"XA START 'limit'", "UPDATE things SET name = 'new'", "XA END 'limit'", "XA PREPARE 'limit'"} {
			must(t, tx.Exec(step).Error)
		}
		return nil
	}))
	// MariaDB hands it over when the session that prepared it ends.
	pool(t, db).SetMaxIdleConns(0)
	cachedAgain(t, db)
	eventually(t, "the other program to commit", func() bool { return s.plain.Exec("XA COMMIT 'limit'").Error == nil })
	stale(t, s, db, byHand(t, db))
}

// A writer stalls after its mark for longer than the mark lasts, and a reader fills meanwhile.
func TestLimitStall(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	h := &hooked{Store: s.store}
	other := s.process(t, shortGrace)
	writer := s.process(t, shortGrace, func(c *gormcache.Config) { c.Store = h })
	warm(t, other)
	h.marked = func() { cachedAgain(t, other) }
	old := ""
	h.settle = func() { old = name(t, other) }
	must(t, rename(writer, "new"))
	expect(t, "a read between COMMIT and the new token", old, "old")
	expect(t, "a read after it", name(t, other), "new")
	// With a grace that is long enough, nothing is filled under the mark.
	h.marked = nil
	patient := s.process(t, func(c *gormcache.Config) { c.Store = h })
	h.settle = func() { old = name(t, other) }
	must(t, rename(patient, "newer"))
	expect(t, "a read between COMMIT and the new token", old, "newer")
}

func TestLimitKilledWhilePending(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	h := &hooked{Store: s.store}
	h.fail(true)
	other := s.process(t)
	killed := s.process(t, func(c *gormcache.Config) { c.Store = h })
	warm(t, other)
	must(t, rename(killed, "new"))
	stale(t, s, other, byHand(t, other)) // nothing of what was pending has landed, nor will it
	h.fail(false)                        // lest Close wait
}

func TestLimitStoreUnreachable(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	h := &hooked{Store: s.store}
	other := s.process(t)
	writer := s.process(t, func(c *gormcache.Config) { c.Store = h })
	strict := s.process(t, func(c *gormcache.Config) { c.Store, c.WritePolicy = h, invalidate.FailWrite })
	warm(t, other)
	h.fail(true)
	if err := rename(strict, "never"); !errors.Is(err, invalidate.ErrStoreUnavailable) {
		t.Errorf("with FailWrite: %v", err)
	}
	expect(t, "a read after a refusal", name(t, s.process(t)), "old")
	must(t, rename(writer, "new"))
	expect(t, "a read of the writer's process", name(t, writer), "new")
	expect(t, "a read elsewhere", name(t, other), "old")
	h.fail(false)
	eventually(t, "the retry to land", func() bool { return name(t, other) == "new" })
}
