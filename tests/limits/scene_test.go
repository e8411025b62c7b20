package limits_test

import (
	"database/sql"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }

// Thing is what all read; nothing but its name changes.
type Thing struct {
	ID   uint
	Name string
}

// Other is a table beside, for triggers and views.
type Other struct {
	ID   uint
	Name string
}

// The regions: what is in one for hours shows that a read is too old, and in the other that the TTL is the
// bound.
const (
	long  = "long"
	brief = "brief"

	briefTTL = 300 * time.Millisecond
)

var must, eventually = lab.Must, lab.Eventually

// scene is a database with one thing of the name "old", and a store that processes share.
type scene struct {
	*servers.Database
	plain *gorm.DB // without the plugin
	store store.Store
}

func newScene(t testing.TB, kind string) *scene {
	t.Helper()
	w := lab.New(t, kind, gormcache.Config{}, func(db *gorm.DB) error { fill(t, db); return nil })
	return &scene{Database: w.Database, plain: w.Plain, store: lab.Store(t, "memory")}
}

func fill(t testing.TB, db *gorm.DB) {
	t.Helper()
	must(t, db.AutoMigrate(&Thing{}, &Other{}))
	must(t, db.Create(&Thing{ID: 1, Name: "old"}).Error)
	must(t, db.Create(&Other{ID: 1, Name: "other"}).Error)
}

// over is a scene whose store is a Redis.
func (s *scene) over(t testing.TB, server *servers.RedisServer) *scene {
	t.Helper()
	s.store = server.Store(t)
	return s
}

func pool(t testing.TB, db *gorm.DB) *sql.DB {
	t.Helper()
	p, err := db.DB()
	must(t, err)
	return p
}

// process is a handle with a plugin, as a process of the application has.
func (s *scene) process(t testing.TB, change ...func(*gormcache.Config)) *gorm.DB {
	t.Helper()
	db := s.Open(t)
	s.use(t, db, change...)
	return db
}

// use registers a plugin.
func (s *scene) use(t testing.TB, db *gorm.DB, change ...func(*gormcache.Config)) *gormcache.Plugin {
	t.Helper()
	return lab.Use(t, db, gormcache.Config{
		Store: s.store, Namespace: "limits",
		Regions: map[string]region.Config{long: {TTL: time.Hour}, brief: {TTL: briefTTL}},
		// A machine that is slow for a moment must not turn hits into bypasses.
		ReadTimeout: 20 * time.Second,
	}, change...)
}

// name reads the thing's name through the cache.
func name(t testing.TB, db *gorm.DB, opts ...fromcache.Option) string {
	t.Helper()
	return nameIn(t, db, long, opts...)
}

func nameIn(t testing.TB, db *gorm.DB, region string, opts ...fromcache.Option) string {
	t.Helper()
	var th Thing
	must(t, db.Clauses(fromcache.Region(region, opts...)).First(&th, 1).Error)
	return th.Name
}

func rename(db *gorm.DB, to string) error { return db.Model(&Thing{ID: 1}).Update("name", to).Error }

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s gives %q, want %q", what, got, want)
	}
}

// warm fills both regions. The first read after all was dropped finds out what there is, and fills nothing.
func warm(t testing.TB, db *gorm.DB) {
	t.Helper()
	for range 2 {
		if a, b := name(t, db), nameIn(t, db, brief); a != "old" || b != "old" {
			t.Fatalf("reads before the change give %q and %q", a, b)
		}
	}
}

// stale checks that a read is too old now, and ends to be after the TTL; then that the remedy ends it.
func stale(t testing.TB, s *scene, db *gorm.DB, remedy func() error) {
	t.Helper()
	var truth Thing
	must(t, s.plain.First(&truth, 1).Error)
	if truth.Name == "old" {
		t.Fatal("the database still has the old name")
	}
	if got := name(t, db); got != "old" {
		t.Fatalf("a read gives %q: it is not too old, so the caveat is wrong", got)
	}
	ends(t, db, truth.Name)
	if got := name(t, db); got != "old" {
		t.Fatalf("a read gives %q: something else ended it", got)
	}
	if remedy == nil {
		return
	}
	must(t, remedy())
	must(t, s.plain.First(&truth, 1).Error)
	expect(t, "a read after the remedy", name(t, db), truth.Name)
}

// ends waits until the brief region's entry has expired.
func ends(t testing.TB, db *gorm.DB, truth string) {
	t.Helper()
	eventually(t, "the TTL to pass", func() bool { return nameIn(t, db, brief) == truth })
}

// byHand is the remedy of most.
func byHand(t testing.TB, db *gorm.DB) func() error {
	return func() error { return invalidate.Tables(t.Context(), db, "things") }
}
