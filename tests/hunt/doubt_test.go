//go:build linux

package hunt_test

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// What the hunt found first: the connection breaks while the server works on a COMMIT, or on a
// statement outside a transaction. The writer gets an error at once; the write takes effect later.
// Whoever reads in between must not keep what it reads.
func TestAWriteThatIsCutOffTakesEffectLater(t *testing.T) {
	const lazy = `
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON cells DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle();`
	const update = "UPDATE cells SET version = 2 WHERE id = 1"
	for name, write := range map[string]func(*gorm.DB) error{
		"COMMIT": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return tx.Exec(update).Error })
		},
		"statement": func(db *gorm.DB) error { return db.Exec(update).Error },
		"RETURNING": func(db *gorm.DB) error { return db.Raw(update + " RETURNING version").Scan(new(int)).Error },
	} {
		t.Run(name, func(t *testing.T) {
			pg, rdb := servers.Postgres(t), servers.Redis(t)
			p := plan{DSN: pg.DSN, Redis: rdb.Addr, Grace: 2 * time.Second, Read: time.Second, Write: time.Second}
			reader := handle(t, p)
			if err := schema(reader, false); err != nil {
				t.Fatal(err)
			}
			if err := reader.Exec(lazy).Error; err != nil {
				t.Fatal(err)
			}
			link := newProxy(t, pg.Addr)
			p.DSN = strings.Replace(pg.DSN, portOf(pg.Addr), portOf(link.addr), 1)
			writer := handle(t, p)

			outcome := make(chan error)
			go func() { outcome <- write(writer) }()
			until(t, "the server works on it", func() bool { return asleep(t, reader) })
			link.setCut(true)
			if err := <-outcome; err == nil {
				t.Fatal("the write returned no error although its connection was cut")
			}
			cached := func() uint64 {
				got, err := ask(reader.Clauses(fromcache.Region("default")), queryCell, 1)
				if err != nil {
					t.Fatal(err)
				}
				return got[0].value
			}
			if got := cached(); got != 1 || !asleep(t, reader) {
				t.Logf("too slow a machine to read before the write takes effect: version %d", got)
			}
			until(t, "the write takes effect", func() bool { return !asleep(t, reader) })
			if got := cached(); got != 2 {
				t.Errorf("version %d after the write took effect", got)
			}
		})
	}
}

// handle opens a handle with a plugin for one test.
func handle(t *testing.T, p plan) *gorm.DB {
	rdb, done := sharedStore(p)
	t.Cleanup(done)
	db, plugin, err := open(p, rdb, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = plugin.Close()
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	return db
}

// asleep tells that some session of the database is in pg_sleep.
func asleep(t *testing.T, db *gorm.DB) bool {
	var n int
	err := db.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'").Scan(&n).Error
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// until polls for what nothing announces.
func until(t *testing.T, what string, cond func() bool) {
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}
