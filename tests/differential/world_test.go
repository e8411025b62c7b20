package differential_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

const (
	lite = "sqlite"
	pg   = "postgres"
	my   = "mysql" // MariaDB, by GORM's name for it
)

// world is where the programs of one test run, one after the other.
type world struct {
	dialect  string
	database *servers.Database
	dir      string // SQLite: a file for each program
	runs     int
}

// newWorld starts the database. A program never waits for a lock; should it, it fails soon.
func newWorld(t *testing.T, dialect string) *world {
	w := &world{dialect: dialect}
	switch dialect {
	case lite:
		w.dir, w.database = t.TempDir(), &servers.Database{Kind: "sqlite"}
	case pg:
		w.database = servers.Postgres(t)
		w.database.DSN += " lock_timeout=5000"
	case my:
		w.database = servers.MariaDB(t)
		w.database.DSN += "&innodb_lock_wait_timeout=5&lock_wait_timeout=5"
	}
	return w
}

// reset gives the next program an empty database.
func (w *world) reset() error {
	if w.dialect == lite {
		if err := w.remove(); err != nil {
			return err
		}
	}
	w.runs++
	if w.dialect == lite {
		w.database.DSN = w.file() + "?_foreign_keys=1&_journal_mode=WAL&_synchronous=OFF&_busy_timeout=5000"
		return nil
	}
	db, close, err := w.open(settings{}, "", time.Now)
	if err != nil {
		return err
	}
	defer close()
	if w.dialect == pg {
		return db.Exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public").Error
	}
	return w.dropAll(db)
}

// dropAll empties a database of MariaDB, which would forget that it is the connections' own if it were
// dropped as a whole.
func (w *world) dropAll(db *gorm.DB) error {
	var drops []string
	err := db.Raw(`SELECT concat('DROP ', if(table_type = 'VIEW', 'VIEW', 'TABLE'), ' ', char(96), table_name, char(96))
		FROM information_schema.tables WHERE table_schema = database()`).Scan(&drops).Error
	if err != nil {
		return err
	}
	return db.Connection(func(db *gorm.DB) error {
		if err := db.Exec("SET foreign_key_checks = 0").Error; err != nil {
			return err
		}
		for _, s := range drops {
			if err := db.Exec(s).Error; err != nil {
				return err
			}
		}
		return db.Exec("SET foreign_key_checks = 1").Error
	})
}

func (w *world) file() string { return filepath.Join(w.dir, fmt.Sprintf("%d.db", w.runs)) }

// remove deletes the last program's file.
func (w *world) remove() error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.file() + suffix); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// open returns a handle with a pool of its own, and what closes it.
func (w *world) open(s settings, prefix string, now func() time.Time) (_ *gorm.DB, close func(), err error) {
	pool, err := sql.Open(w.database.Driver(), w.database.DSN)
	if err != nil {
		return nil, nil, err
	}
	db, err := gorm.Open(w.database.On(pool), &gorm.Config{
		PrepareStmt: s.prepared, SkipDefaultTransaction: s.skip,
		NamingStrategy: schema.NamingStrategy{TablePrefix: prefix}, NowFunc: now, AllowGlobalUpdate: true,
	}, servers.Quiet)
	if err != nil {
		_ = pool.Close()
		return nil, nil, err
	}
	return db, func() { _ = pool.Close() }, nil
}
