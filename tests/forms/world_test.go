package forms_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

const (
	lite = "sqlite"
	pg   = "postgres"
	my   = "mysql" // MariaDB, by GORM's name for it
)

// noEviction keeps GORM's store of prepared statements from starting a goroutine that nothing ends.
const noEviction = 10 * 365 * 24 * time.Hour

// regions are all regions of a world.
var regions = []string{"default", "negative", "no_empty", "few_rows", "small"}

// world is one database with the forms' data, and two handles on it.
type world struct {
	dialect  string
	prepared bool
	policy   bool // all is cached by policy
	dsn      string

	plain    *gorm.DB // without the plugin
	plainSQL *statements
	cached   *gorm.DB // with it
	SQL      *statements
	plugin   *gormcache.Plugin

	mu    sync.Mutex
	reads []observe.Read
}

// take returns the reads reported since the last take.
func (w *world) take() []observe.Read {
	w.mu.Lock()
	defer w.mu.Unlock()
	reads := w.reads
	w.reads = nil
	return slices.Clone(reads)
}

func (w *world) note(_ context.Context, r observe.Read) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads = append(w.reads, r)
}

func newWorld(t *testing.T, dialect string, prepared bool, change ...func(*gormcache.Config)) *world {
	w := &world{dialect: dialect, prepared: prepared}
	switch dialect {
	case lite:
		w.dsn = filepath.Join(t.TempDir(), "forms.db")
	case pg:
		w.dsn = servers.Postgres(t).DSN
	case my:
		w.dsn = servers.MariaDB(t).DSN + "&multiStatements=true"
	}
	w.seed(t)
	w.plain, w.plainSQL = w.open(t)
	w.cached, w.SQL = w.open(t)
	cfg := gormcache.Config{
		Namespace: "forms",
		Regions: map[string]region.Config{
			"default":  {TTL: time.Hour},
			"negative": {TTL: time.Hour, NegativeTTL: time.Minute},
			"no_empty": {TTL: time.Hour, NegativeTTL: -1},
			"few_rows": {TTL: time.Hour, MaxRows: 3},
			"small":    {TTL: time.Hour, MaxBytes: 256},
		},
		// The forms test answers; a lookup that a noisy machine delays must not turn into a bypass.
		ReadTimeout: 10 * time.Second,
		Hooks:       &observe.Hooks{Read: w.note},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.plugin, err = gormcache.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.plugin.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.cached.Use(w.plugin); err != nil {
		t.Fatal(err)
	}
	return w
}

// open returns a handle whose SQL is noted.
func (w *world) open(t *testing.T) (*gorm.DB, *statements) {
	driverName := map[string]string{lite: "sqlite3", pg: "pgx", my: "mysql"}[w.dialect]
	pool, log, err := openCounted(driverName, w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	closeWith(t, pool)
	cfg := &gorm.Config{
		Logger: logger.Discard, PrepareStmt: w.prepared, PrepareStmtTTL: noEviction, TranslateError: true,
	}
	db, err := gorm.Open(w.dialector(pool), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return db, log
}

// seed makes the data by a handle of its own, as GORM opens it.
func (w *world) seed(t *testing.T) {
	db, err := gorm.Open(w.dialector(nil), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	if err := seed(db); err != nil {
		t.Fatalf("%s: seed: %v", w.dialect, err)
	}
}

func (w *world) dialector(pool *sql.DB) gorm.Dialector {
	switch {
	case w.dialect == lite && pool != nil:
		return sqlite.New(sqlite.Config{Conn: pool})
	case w.dialect == lite:
		return sqlite.Open(w.dsn)
	case w.dialect == pg && pool != nil:
		return postgres.New(postgres.Config{Conn: pool})
	case w.dialect == pg:
		return postgres.Open(w.dsn)
	case pool != nil:
		return mysql.New(mysql.Config{Conn: pool})
	}
	return mysql.Open(w.dsn)
}

func (w *world) String() string { return fmt.Sprintf("%s, prepared %v", w.dialect, w.prepared) }

func closeWith(t *testing.T, pool *sql.DB) {
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
}
