package plugin_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
)

const lateTrigger = "CREATE TRIGGER late AFTER UPDATE ON islands BEGIN UPDATE users SET name = NEW.name; END"

// A process that only writes must learn of a trigger that another process has made:
//
//	writer: reads the catalog                                  UPDATE islands (and so users)
//	other:                     CREATE TRIGGER, fills users                                   must not hit
//
// Falls if: a writer goes by the catalog it has, without a look at the epoch.
func TestWriterLearnsOfDDLElsewhere(t *testing.T) {
	for name, write := range map[string]func(*gorm.DB) error{
		"transaction": func(db *gorm.DB) error { return db.Model(&Island{ID: 1}).Update("name", "y").Error },
		"autocommit":  func(db *gorm.DB) error { return db.Exec("UPDATE islands SET name = 'y'").Error },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sqlite", "memory")
			for range 2 { // the first learns of the epoch, and the second has its catalog
				must(t, s.writer.db.Exec("UPDATE islands SET name = 'x'").Error)
			}
			must(t, s.other.db.Exec(lateTrigger).Error)
			warm(t, s.other.db, "users")
			must(t, write(s.writer.db))
			reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss, bypass)
		})
	}
}

// The same while the other process is still at its DDL, and fills before the writer commits:
//
//	other:  mark all, CREATE TRIGGER                                     settle, fills users          must not hit
//	writer:                          UPDATE islands, looks at the epoch                      COMMIT
//
// Falls if: only a new token of the epoch tells of DDL, and not its mark.
func TestWriterMeetsDDLThatIsUnderWay(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	warm(t, s.writer.db, "islands") // has its catalog now, and knows the epoch
	warm(t, s.other.db, "users")
	created, looked, settled := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	s.other.gate.once("settle", func() { close(created); <-looked })
	go func() { settled <- s.other.db.Exec(lateTrigger).Error }()
	<-created
	must(t, s.writer.db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Model(&Island{ID: 1}).Update("name", "y").Error)
		s.writer.gate.onceAfter("lookup", func() {
			close(looked)
			must(t, <-settled)
			warm(t, s.other.db, "users")
		})
		return nil
	}))
	reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss, bypass)
}

// A function that wrote nothing when this process read the catalog, and that another has replaced:
//
//	writer: SELECT bump()                                         SELECT bump() (and so users)
//	other:                 CREATE OR REPLACE FUNCTION, fills users                             must not hit
//
// Falls if: who calls what it takes for harmless does not look at the epoch.
func TestWriterLearnsOfFunctionsReplacedElsewhere(t *testing.T) {
	for name, call := range map[string]func(db *gorm.DB) error{
		"Scan": func(db *gorm.DB) error { return db.Raw("SELECT bump()").Scan(new(int)).Error },
		"Row":  func(db *gorm.DB) error { return db.Raw("SELECT bump()").Row().Scan(new(int)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "postgres", "memory", grace)
			must(t, s.plain.Exec("CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS 'SELECT 1'").Error)
			for range 2 {
				must(t, call(s.writer.db))
			}
			must(t, s.other.db.Exec("CREATE OR REPLACE FUNCTION bump() RETURNS int LANGUAGE sql AS 'UPDATE users SET name = ''z'' WHERE id = 1 RETURNING 1'").Error)
			warm(t, s.other.db, "users")
			must(t, call(s.writer.db))
			reading(t, s.other.db, "users", direct(t, s.plain, "users"), miss, bypass)
		})
	}
}

// The first epoch that a process sees may be that of DDL which its catalog, read for a write, is older
// than: a table that has become a view is none, and its readers depend on what the view reads.
func TestDDLBeforeTheFirstCachedRead(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	must(t, s.other.db.Exec("CREATE TABLE v (id int, name text)").Error)
	must(t, s.writer.db.Exec("UPDATE islands SET name = 'x'").Error)
	must(t, s.other.db.Exec("DROP TABLE v").Error)
	must(t, s.other.db.Exec("CREATE VIEW v AS SELECT id, name FROM users").Error)
	warm(t, s.writer.db, "v")
	must(t, rename(s.other.db, 1, "new"))
	reading(t, s.writer.db, "v", direct(t, s.plain, "v"), miss)
}

// What a trigger changes that is declared may be other rows of the very table, and the catalog need not show it: here
// another program has made it since the catalog was read.
//
// Falls if: a write to such a table counts as one to its own rows. Then user 1 stays as before.
func TestDeclaredTriggersChangeOtherRows(t *testing.T) {
	for name, alone := range map[string]bool{"alone": true, "in a transaction": false} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "sqlite", "memory", func(cfg *gormcache.Config) {
				cfg.Triggers = map[string][]string{"users": {"users"}}
			})
			db := s.writer.db.Session(&gorm.Session{SkipDefaultTransaction: alone})
			for range 2 { // the first commit learns that the schema it went by may be old
				warm(t, s.other.db, "users")
				must(t, rename(db, 3, "c"))
			}
			expectFirst(t, s.other.db, "ann", miss)
			expectFirst(t, s.other.db, "ann", hit)
			must(t, s.plain.Exec("CREATE TRIGGER others AFTER UPDATE ON users WHEN NEW.id = 2 BEGIN "+
				"UPDATE users SET name = 'changed' WHERE id = 1; END").Error)
			must(t, rename(db, 2, "b"))
			expectFirst(t, s.other.db, "changed", miss)
		})
	}
}
