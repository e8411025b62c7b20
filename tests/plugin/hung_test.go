package plugin_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
)

// hasty gives each call little time, and never stops asking.
func hasty(c *gormcache.Config) { c.WriteTimeout, c.BreakerFailures = 100*time.Millisecond, 1000 }

// The store hangs: whatever a write would ask it, it waits for one call only, and the rest is the queue's.
//
//	writer: mark … COMMIT                 not: mark … look up … mark … COMMIT, settle …
//	queue:               settle … settle
//
// Falls if: one of the calls that follow is waited for as well, or what they would have done is not done.
func TestAWriteWaitsForOneCall(t *testing.T) {
	onScenesInTime(t, func(t *testing.T, s *scene) {
		for name, write := range map[string]func(db *gorm.DB) error{
			"default": func(db *gorm.DB) error { return rename(db, 1, "default") },
			"transaction": func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "transaction") })
			},
			"table":      func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'table'").Error },
			"autocommit": func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'autocommit' WHERE id = 1").Error },
		} {
			warm(t, s.other.db, "users")
			var calls atomic.Int32
			count := func(ctx context.Context) error {
				calls.Add(1)
				<-ctx.Done()
				return ctx.Err()
			}
			for _, step := range []string{"lookup", "tokens", "mark"} {
				s.writer.gate.on(step, count)
			}
			s.writer.gate.hang("settle")
			must(t, write(s.writer.db))
			if n := calls.Load(); n != 1 {
				t.Errorf("%s waits for %d calls", name, n)
			}
			pending(t, s, "users")
			landed(t, s)
			s.fresh(t, "users")
		}
	}, hasty)
}

// A mark takes too long, and the store is well again at once:
//
//	other:  CREATE TRIGGER, fills islands
//	writer:                               mark ✗ (lookup) COMMIT, queue
//	other:                                                              must not hit
//
// Falls if: what the lookup would have told of the schema is taken for granted.
func TestAWriteThatGaveUpReadsTheSchemaAnew(t *testing.T) {
	for name, write := range map[string]func(db *gorm.DB) error{
		"transaction": func(db *gorm.DB) error { return rename(db, 1, "x") },
		"autocommit":  func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'x' WHERE id = 1").Error },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sqlite", "memory", hasty)
			warm(t, s.writer.db, "users")
			must(t, s.other.db.Exec("CREATE TRIGGER late AFTER UPDATE ON users BEGIN UPDATE islands SET name = NEW.name; END").Error)
			warm(t, s.other.db, "islands")
			s.writer.gate.hang("mark")
			must(t, write(s.writer.db))
			landed(t, s)
			reading(t, s.other.db, "islands", direct(t, s.plain, "islands"), miss)
		})
	}
}
