package plugin_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
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

// opaquePool tells nothing of the database behind it.
type opaquePool struct{ gorm.ConnPool }

// A pool that does not tell its database must not be taken for the plugin's own: another tenant's rows
// would be served.
func TestPoolsThatTellNoDatabase(t *testing.T) {
	s, o := newScene(t, "sqlite", "memory"), newDatabase(t, "sqlite")
	must(t, rename(o.plain, 1, "tenant"))
	pool, err := o.plain.DB()
	must(t, err)
	warm(t, s.other.db, "users")
	tenant := s.other.db.WithContext(t.Context())
	tenant.Statement.ConnPool = opaquePool{pool}
	reading(t, tenant, "users", direct(t, o.plain, "users"), bypass)
}

// Two processes whose DSNs read DATETIME in different zones get different instants from the same SQL.
func TestZonesOfMySQLAreInTheKey(t *testing.T) {
	d := newDatabase(t, "mariadb")
	must(t, d.plain.Exec("CREATE TABLE ats (id int PRIMARY KEY, at datetime)").Error)
	must(t, d.plain.Exec("INSERT INTO ats VALUES (1, '2024-01-01 12:00:00')").Error)
	st, dsn := newStore(t, "memory"), d.DSN
	for _, loc := range []string{"UTC", "Asia%2FTokyo"} {
		d.DSN = dsn + "&loc=" + loc
		db := d.Open(t)
		use(t, db, st)
		var want, got struct{ At time.Time }
		must(t, db.Table("ats").Take(&want).Error)
		must(t, db.Clauses(fromcache.Region("default")).Table("ats").Take(&got).Error)
		if !got.At.Equal(want.At) {
			t.Errorf("%s: cached %v, database %v", loc, got.At, want.At)
		}
	}
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
