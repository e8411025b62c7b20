package plugin_test

import (
	"context"
	"testing"
)

// What a transaction sees of a catalog that it has changed itself is for nobody else. It may be taken back yet, by the
// end of its context while the marks are on their way, say:
//
//	writer: BEGIN, trigger function that writes nothing, UPDATE, COMMIT: reads the catalog, mark …  cancel, ROLLBACK
//	the same process, elsewhere:                                    INSERT, which fires the trigger
//	other:                                                                             must not hit
//
// Falls if: what the transaction reads of the catalog before its COMMIT is told to others of its process.
func TestACatalogThatIsNotCommittedIsForNobodyElse(t *testing.T) {
	s := newScene(t, "postgres", "memory")
	warm(t, s.other.db, "audits")
	warm(t, s.writer.db, "islands") // it knows the epoch
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tx := s.writer.db.WithContext(ctx).Begin()
	must(t, tx.Exec("CREATE OR REPLACE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$").Error)
	must(t, tx.Exec("UPDATE orders SET name = 'x' WHERE id = 1").Error)
	s.writer.gate.once("mark", func() {
		must(t, s.writer.db.Exec("INSERT INTO watcheds (id, name) VALUES (77, 'x')").Error)
		cancel()
	})
	if err := tx.Commit().Error; err == nil {
		t.Fatal("it is committed")
	}
	dropped(t, s.other.db, "audits", direct(t, s.plain, "audits"), false)
}
