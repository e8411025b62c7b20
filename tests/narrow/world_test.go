package narrow_test

import (
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Item is a table with a tracked column, shop_id, and soft delete.
type Item struct {
	ID        uint
	ShopID    *int64
	Name      string
	Qty       int
	DeletedAt gorm.DeletedAt
}

// Pair has a key of two columns.
type Pair struct {
	A   int `gorm:"primaryKey;autoIncrement:false"`
	B   int `gorm:"primaryKey;autoIncrement:false"`
	Qty int
}

// Code has a key of text.
type Code struct {
	ID  string `gorm:"primaryKey;size:40"`
	Qty int
}

// Shop is the parent whose deletion cascades to stands.
type Shop struct {
	ID     int64
	Name   string
	Stands []Stand `gorm:"constraint:OnDelete:CASCADE"`
}

// Stand goes with its shop.
type Stand struct {
	ID     uint
	ShopID int64
	Qty    int
}

// models are made and seeded in this order.
var models = []any{&Item{}, &Pair{}, &Code{}, &Shop{}, &Stand{}}

// world is a database, two plugins over one store as in two processes, and a handle without one.
type world struct {
	kind                 string
	writer, reader, bare *gorm.DB
	reads                *gormcache.Plugin
}

// often is how often to ask whether one waits: MariaDB shows the state of 100 ms ago to who asks more often.
const often = 150 * time.Millisecond

// waiting tells that some transaction waits for a lock of another.
func (w *world) waiting(t *testing.T) bool {
	t.Helper()
	query := "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
	if w.kind == "postgres" {
		query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
	}
	var n int64
	must(t, w.bare.Raw(query).Scan(&n).Error)
	return n > 0
}

var must = lab.Must

func newWorld(t *testing.T, kind string) *world {
	t.Helper()
	s := lab.Store(t, map[bool]string{true: "memory", false: "redis"}[kind == "sqlite"])
	d := servers.Empty(t, kind)
	return over(t, d, d.Open(t), s, s)
}

// over is a world whose writer and reader have stores of their own.
func over(t *testing.T, d *servers.Database, writer *gorm.DB, writes, reads store.Store) *world {
	t.Helper()
	w := &world{kind: d.Kind, writer: writer, reader: d.Open(t), bare: d.Open(t)}
	must(t, w.bare.AutoMigrate(models...))
	if w.kind == "postgres" { // keys that are given do not move the sequences
		must(t, w.bare.Exec("SELECT setval(pg_get_serial_sequence('items', 'id'), 100)").Error)
	}
	w.seed(t)
	plug(t, w.writer, writes)
	w.reads = plug(t, w.reader, reads)
	return w
}

func plug(t *testing.T, db *gorm.DB, s store.Store) *gormcache.Plugin {
	t.Helper()
	return lab.Use(t, db, gormcache.Config{
		Store: s, Namespace: "narrow", Tracked: map[string][]string{"items": {"shop_id", "name"}, "stands": {"shop_id"}, "codes": {"qty"}},
		Regions: map[string]region.Config{"default": {TTL: time.Hour}},
	})
}

func ptr[T any](v T) *T { return &v }

// seed puts the tables into the state that every case starts from.
func (w *world) seed(t *testing.T) {
	t.Helper()
	for _, table := range []string{"stands", "shops", "items", "pairs", "codes"} {
		must(t, w.bare.Exec("DELETE FROM "+table).Error)
	}
	must(t, w.bare.Create([]Item{
		{ID: 1, ShopID: ptr(int64(1)), Name: "a"}, {ID: 2, ShopID: ptr(int64(1)), Name: "b"}, {ID: 3, ShopID: ptr(int64(2)), Name: "c"},
		{ID: 4, ShopID: ptr(int64(3)), Name: "d"}, {ID: 5, Name: "e"},
	}).Error)
	must(t, w.bare.Create([]Pair{{A: 1, B: 1}, {A: 1, B: 2}, {A: 2, B: 1}}).Error)
	must(t, w.bare.Create([]Code{{ID: "ab-1"}, {ID: "ab-2"}}).Error)
	must(t, w.bare.Create([]Shop{{ID: 1, Stands: []Stand{{ID: 1}, {ID: 2}}}, {ID: 2, Stands: []Stand{{ID: 3}}}}).Error)
}

// behind changes every row behind the cache's back.
func (w *world) behind(t *testing.T) {
	t.Helper()
	for _, table := range []string{"items", "pairs", "codes", "stands"} {
		must(t, w.bare.Exec("UPDATE "+table+" SET qty = qty + 1000").Error)
	}
}

// read is one query that may be cached.
type read struct {
	name string
	run  func(*gorm.DB) (any, error)
}

func find[T any](build func(*gorm.DB) *gorm.DB) func(*gorm.DB) (any, error) {
	return func(db *gorm.DB) (any, error) {
		var got []T
		err := build(db).Find(&got).Error
		return got, err
	}
}

func count[T any](build func(*gorm.DB) *gorm.DB) func(*gorm.DB) (any, error) {
	return func(db *gorm.DB) (any, error) {
		var n int64
		err := build(db.Model(new(T))).Select("count(*) + coalesce(sum(qty), 0)").Scan(&n).Error
		return n, err
	}
}

// answer runs a read, and tells how it ended.
func (r read) answer(t *testing.T, db *gorm.DB) (any, observe.Read) {
	t.Helper()
	var seen observe.Read
	got, err := r.run(db.WithContext(lab.Seeing(t.Context(), &seen)).Session(&gorm.Session{}).Clauses(fromcache.Region("default")))
	must(t, err)
	return got, seen
}

// direct is what the database says.
func (r read) direct(t *testing.T, db *gorm.DB) any {
	t.Helper()
	got, err := r.run(db)
	must(t, err)
	return got
}

// warm makes sure that the read is served from the cache.
func (r read) warm(t *testing.T, db *gorm.DB) any {
	t.Helper()
	var seen observe.Read
	for range 4 {
		var got any
		if got, seen = r.answer(t, db); seen.Outcome == observe.Hit {
			return got
		}
	}
	t.Fatalf("%s can't be cached: %v (%s %s)", r.name, seen.Outcome, seen.Reason, seen.Detail)
	return nil
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
