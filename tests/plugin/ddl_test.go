package plugin_test

import (
	"context"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// ends are the ways in which a transaction ends without a COMMIT.
var ends = map[string]func(tx *gorm.DB, cancel func()) error{
	"rollback": func(tx *gorm.DB, _ func()) error { return tx.Rollback().Error },
	"cancelled": func(tx *gorm.DB, cancel func()) error {
		cancel()
		if tx.Commit().Error == nil {
			return errors.New("it is committed")
		}
		return nil
	},
}

// DDL in MySQL marks everything before it runs, since it commits there and then. However its transaction ends, all is
// dropped, and the mark goes with the end:
//
//	writer: BEGIN, mark all, DDL                    ROLLBACK, settle
//	other:                        bypasses (marked)                   reloads, hits
//
// Falls if: only a COMMIT takes the mark away. Then nothing is cached until it has run out.
func TestDDLInATransactionThatIsNotCommitted(t *testing.T) {
	for name, end := range ends {
		for _, ddl := range []string{"CREATE TABLE ephemeral (id int)", "TRUNCATE islands"} {
			t.Run(name+", "+ddl, func(t *testing.T) {
				var cfgs []func(*gormcache.Config)
				if name == "cancelled" {
					cfgs = append(cfgs, grace)
				}
				s := newScene(t, "mariadb", "memory", cfgs...)
				warm(t, s.other.db, "users")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tx := s.writer.db.WithContext(ctx).Begin()
				must(t, rename(tx, 1, "x"))
				must(t, tx.Exec(ddl).Error)
				marked(t, s, s.other, "users")
				must(t, end(tx, cancel))
				if name == "cancelled" {
					s.reloaded(t, "users") // the server may be at work on it
					return
				}
				truth := direct(t, s.plain, "users")
				dropped(t, s.other.db, "users", truth, true)
				warm(t, s.other.db, "users")
			})
		}
	}
}

// SQLite and PostgreSQL take DDL back with its transaction, so nothing is dropped, and nobody bypasses meanwhile.
//
// Falls if: DDL counts as the end of the transaction that it runs in.
func TestDDLThatIsTakenBack(t *testing.T) {
	for name, end := range ends {
		for _, kind := range []string{"sqlite", "postgres"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				s := newScene(t, kind, "memory", grace)
				before := warm(t, s.other.db, "users")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tx := s.writer.db.WithContext(ctx).Begin()
				must(t, tx.Exec("CREATE TABLE ephemeral (id int)").Error)
				reading(t, s.other.db, "users", before, hit)
				must(t, end(tx, cancel))
				reading(t, s.other.db, "users", before, hit)
				must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
					return tx.Exec("CREATE TABLE ephemeral (id int)").Error
				}))
				dropped(t, s.other.db, "users", before, true)
			})
		}
	}
}

// A column that no table has may be a view's.
func TestJoinedUpdateOfAView(t *testing.T) {
	s := newScene(t, "mariadb", "memory")
	must(t, s.plain.Exec("CREATE VIEW owners AS SELECT id, user_id AS owner FROM orders").Error)
	tags := warm(t, s.other.db, "tags")
	warm(t, s.other.db, "orders")
	must(t, s.writer.db.Exec("UPDATE tags JOIN owners ON tags.id = owners.id SET owner = NULL").Error)
	dropped(t, s.other.db, "orders", direct(t, s.plain, "orders"), false)
	reading(t, s.other.db, "tags", tags, hit)
}

// A trigger that a transaction makes counts from its COMMIT on, also for a process that has read the catalog
// meanwhile, as it was before, and only writes.
//
// Falls if: what was read of the catalog while the transaction ran is still believed.
func TestTriggerMadeInATransaction(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	warm(t, s.other.db, "audits")
	must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Exec("CREATE TRIGGER watch_islands AFTER INSERT ON islands FOR EACH ROW EXECUTE FUNCTION watch()").Error)
		must(t, s.writer.db.Exec("UPDATE orders SET name = 'x'").Error) // reads the catalog
		return nil
	}))
	warm(t, s.other.db, "audits")
	must(t, s.writer.db.Exec("INSERT INTO islands (id, name) VALUES (77, 'x')").Error)
	dropped(t, s.other.db, "audits", direct(t, s.plain, "audits"), false)
}

// FailWrite refuses DDL before it runs: at COMMIT it would be too late in MySQL, which has committed by then.
func TestFailWriteOfDDLThatCommits(t *testing.T) {
	s := newScene(t, "mariadb", "memory", failWrite)
	before := warm(t, s.other.db, "users")
	s.writer.gate.fail("mark")
	err := s.writer.db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(rename(tx, 1, "x"), tx.Exec("CREATE TABLE ephemeral (id int)").Error)
	})
	if !errors.Is(err, invalidate.ErrStoreUnavailable) {
		t.Errorf("it is not refused: %v", err)
	}
	same(t, "after the refusal", direct(t, s.plain, "users"), before)
	reading(t, s.other.db, "users", before, hit)
	if s.plain.Migrator().HasTable("ephemeral") {
		t.Error("the table is there")
	}
}
