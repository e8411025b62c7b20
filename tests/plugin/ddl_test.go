package plugin_test

import (
	"context"
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// DDL marks everything before it runs, since MySQL commits there and then. However its transaction ends, all is
// dropped, and the mark goes with the end:
//
//	writer: BEGIN, mark all, DDL                    ROLLBACK, settle
//	other:                        bypasses (marked)                   reloads, hits
//
// Falls if: only a COMMIT takes the mark away. Then nothing is cached until it has run out.
func TestDDLInATransactionThatIsNotCommitted(t *testing.T) {
	for name, end := range map[string]func(tx *gorm.DB, cancel func()) error{
		"rollback": func(tx *gorm.DB, _ func()) error { return tx.Rollback().Error },
		"cancelled": func(tx *gorm.DB, cancel func()) error {
			cancel()
			if tx.Commit().Error == nil {
				return errors.New("it is committed")
			}
			return nil
		},
	} {
		for _, kind := range []string{"sqlite", "postgres"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				s := newScene(t, kind, "memory", grace)
				before := warm(t, s.other.db, "users")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tx := s.writer.db.WithContext(ctx).Begin()
				must(t, tx.Exec("CREATE TABLE ephemeral (id int)").Error)
				marked(t, s, s.other, "users")
				must(t, end(tx, cancel))
				dropped(t, s.other.db, "users", before, true)
				warm(t, s.other.db, "users")
			})
		}
	}
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
