package relation_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a database, a handle without the plugin, which tells the truth and writes behind the cache's back,
// and one with it, whose queries are noted.
type world struct {
	kind   string
	plain  *gorm.DB
	db     *gorm.DB
	plugin *gormcache.Plugin

	mu      sync.Mutex
	queries []string
	runs    int
}

var kinds = []string{"sqlite", "postgres", "mariadb"}

func newWorld(t testing.TB, kind string, users int, change ...func(*gormcache.Config)) *world {
	t.Helper()
	w := &world{kind: kind}
	var driver, dsn string
	switch kind {
	case "sqlite":
		driver, dsn = "sqlite3", "file:"+filepath.Join(t.TempDir(), "db")+"?_journal_mode=WAL&_synchronous=OFF&_busy_timeout=10000&_foreign_keys=on"
	case "postgres":
		driver, dsn = "pgx", servers.Postgres(t).DSN
	case "mariadb":
		driver, dsn = "mysql", servers.MariaDB(t).DSN
	}
	w.plain = w.open(t, driver, dsn, &tap.Tap{})
	must(t, migrate(w.plain))
	must(t, w.plain.Transaction(func(tx *gorm.DB) error { return seed(tx.Session(&gorm.Session{Initialized: true}), users) }))
	w.db = w.open(t, driver, dsn, &tap.Tap{Ran: w.note})
	cfg := gormcache.Config{
		Namespace: "relations", ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		Regions: map[string]region.Config{"default": {TTL: time.Hour}, "second": {TTL: time.Hour}},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.plugin, err = gormcache.New(cfg)
	must(t, err)
	must(t, w.db.Use(w.plugin))
	t.Cleanup(func() { _ = w.plugin.Close() })
	must(t, w.db.Clauses(fromcache.Region("default")).Find(&[]City{}).Error) // reads the catalog
	return w
}

func (w *world) open(t testing.TB, driver, dsn string, watch *tap.Tap) *gorm.DB {
	t.Helper()
	pool, err := tap.Open(driver, dsn, watch)
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(dialector(w.kind, pool), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	return db
}

func dialector(kind string, pool *sql.DB) gorm.Dialector {
	switch kind {
	case "postgres":
		return postgres.New(postgres.Config{Conn: pool})
	case "mariadb":
		return mysql.New(mysql.Config{Conn: pool})
	}
	return &sqlite.Dialector{Conn: pool}
}

func redisStore(t testing.TB) store.Store {
	t.Helper()
	s := redisstore.New(servers.Redis(t).Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true }))
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func (w *world) note(query string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.HasPrefix(query, "SELECT") && !strings.Contains(query, "FOR UPDATE") {
		w.queries = append(w.queries, query)
	}
}

// take returns the queries since the last take.
func (w *world) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	queries := w.queries
	w.queries = nil
	return queries
}

// fresh is a key that no entry has yet.
func (w *world) fresh() fromcache.Option {
	w.runs++
	return fromcache.Key(w.runs)
}

// scoped is a handle whose queries cache both their rows and these relations.
func (w *world) scoped(opt fromcache.Option, relations ...string) *gorm.DB {
	db := w.db.Clauses(fromcache.Region("default", opt))
	for _, name := range relations {
		db = db.Clauses(relation.Cache(name, "default", opt))
	}
	return db
}
