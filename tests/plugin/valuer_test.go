package plugin_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// turns is a Valuer that counts how often it is asked, and gives its values by turns.
type turns struct {
	n      *atomic.Int64
	values []any
}

func newTurns(values ...any) turns { return turns{new(atomic.Int64), values} }

func (v turns) Value() (driver.Value, error) {
	n := v.n.Add(1) - 1
	return v.values[int(n)%len(v.values)], nil
}

// asks counts how often fn asks Valuers.
func (v turns) asks(t testing.TB, fn func() error) int64 {
	t.Helper()
	before := v.n.Load()
	must(t, fn())
	return v.n.Load() - before
}

// crate and bottle have keys that are Valuers.
type (
	label string
	crate struct {
		ID      label `gorm:"primaryKey;size:20"`
		Bottles []bottle
	}
	bottle struct {
		ID      int
		CrateID label `gorm:"size:20"`
	}
)

var labels = newTurns(nil)

func (l label) Value() (driver.Value, error) {
	labels.n.Add(1)
	return string(l), nil
}

// A query asks its Valuers no more often with the cache than without, whether it is a hit or a miss: once, but for
// what GORM asks. pgx goes by the Go value, so that a miss in PostgreSQL asks once more.
//
// Falls if: the key, the tags, the parts of an answer or the search for words such as "today" ask for themselves, or
// the database is given the Valuer.
func TestValuersAreAskedOnce(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			must(t, d.plain.AutoMigrate(&crate{}, &bottle{}))
			must(t, d.plain.Create(&[]crate{{ID: "c1", Bottles: []bottle{{ID: 1}, {ID: 2}}}, {ID: "c2", Bottles: []bottle{{ID: 3}}}}).Error)
			db := d.Open(t)
			p := use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				c.Models = map[string]fromcache.Policy{"orders": {Region: "second"}}
			})
			must(t, (&gorm.Statement{DB: db}).Parse(&crate{})) // GORM asks a model's fields, once
			cached(t, db, "users")
			once := newTurns("ann")
			id, other := newTurns(int64(1)), newTurns(int64(2))
			in := func(db *gorm.DB, scopes ...clause.Expression) *gorm.DB {
				if db == d.plain {
					return db
				}
				return db.Clauses(scopes...)
			}
			scope := func(db *gorm.DB) *gorm.DB { return in(db, fromcache.Region("default")) }
			for name, q := range map[string]struct {
				arg   turns
				query func(db *gorm.DB) error
			}{
				"Find":  {once, func(db *gorm.DB) error { var u []User; return scope(db).Where("name = ?", once).Find(&u).Error }},
				"First": {id, func(db *gorm.DB) error { var u User; return scope(db).Where("id = ?", id).First(&u).Error }},
				"a pointer": {once, func(db *gorm.DB) error {
					var u []User
					p := &once
					return scope(db).Where("name = ? AND id > 0", &p).Find(&u).Error
				}},
				"Count": {once, func(db *gorm.DB) error {
					var n int64
					return scope(db).Model(&User{}).Where("name = ?", once).Count(&n).Error
				}},
				"Pluck": {id, func(db *gorm.DB) error {
					var n []string
					return scope(db).Model(&User{}).Where("id = ?", id).Pluck("name", &n).Error
				}},
				"Scan": {id, func(db *gorm.DB) error {
					var u []User
					return scope(db).Model(&User{}).Where("id = ? OR age > 60", id).Scan(&u).Error
				}},
				"Raw": {id, func(db *gorm.DB) error {
					var u []User
					return scope(db).Raw("SELECT * FROM users WHERE id = ?", id).Scan(&u).Error
				}},
				"Scope": {once, func(db *gorm.DB) error {
					var u []User

					if db != d.plain {
						db = db.Scopes(fromcache.Scope("second"))
					}
					return db.Where("name = ?", once).Find(&u).Error
				}},
				"policy": {id, func(db *gorm.DB) error { var o []Order; return db.Where("user_id = ?", id).Find(&o).Error }},
				"generics": {once, func(db *gorm.DB) error {
					var opts []clause.Expression
					if db != d.plain {
						opts = append(opts, fromcache.Region("second"))
					}
					_, err := gorm.G[User](db, opts...).Where("name = ? AND age > 1", once).Find(t.Context())
					return err
				}},
				"Row": {id, func(db *gorm.DB) error {
					var name string
					return scope(db).Model(&User{}).Select("name").Where("id = ? AND age > 1", id).Row().Scan(&name)
				}},
				"Rows": {id, func(db *gorm.DB) error {
					rows, err := scope(db).Model(&User{}).Select("name").Where("id = ? AND age > 2", id).Rows()
					if err != nil {
						return err
					}
					for rows.Next() {
					}
					return errors.Join(rows.Err(), rows.Close())
				}},
				"a list": {id, func(db *gorm.DB) error {
					var u []User
					return scope(db).Where("id IN ?", []any{id, other, 3}).Find(&u).Error
				}},
				"a list of another column": {once, func(db *gorm.DB) error {
					var u []User
					return scope(db).Where("name IN ?", []any{once, "bob"}).Find(&u).Error
				}},
				"a preload": {labels, func(db *gorm.DB) error {
					var c []crate
					return in(db, fromcache.Region("default"), relation.Cache("Bottles", "default")).Preload("Bottles").Find(&c).Error
				}},
			} {
				plain := q.arg.asks(t, func() error { return q.query(d.plain) })
				hits, misses := p.Stats().Hits, p.Stats().Misses
				missed := q.arg.asks(t, func() error { return q.query(db) })
				found := q.arg.asks(t, func() error { return q.query(db) })
				if p.Stats().Hits == hits || p.Stats().Misses == misses {
					t.Errorf("%s: no hit, or no miss", name)
				}
				ok := missed == plain && found == plain
				switch kind {
				case "mariadb": // whose driver asks twice: before it finds that it must prepare the query, and then
					ok = missed == found && found < plain
				case "postgres":
					ok = missed >= plain && missed <= 2*plain && found == plain
				}
				if !ok {
					t.Errorf("%s: asked %d times by a miss and %d by a hit, %d without the cache", name, missed, found, plain)
				}
			}
			key := newTurns("k")
			read := func() error {
				var u []User
				return db.Clauses(fromcache.Region("default", fromcache.Key(key))).Where("id IN ?", []int{1, 2}).Find(&u).Error
			}
			if missed, found := key.asks(t, read), key.asks(t, read); missed != 1 || found != 1 {
				t.Errorf("fromcache.Key: asked %d times by a miss and %d by a hit", missed, found)
			}
		})
	}
}

// What a Valuer gives may change from one time to the next. The answer that is kept belongs to what its key says.
//
//	key:       asks, is told ann
//	database:  asks, is told bob
//	next:      asks, is told ann, and is given bob
//
// Falls if: the database is given the Valuer, now or by a load in the background.
func TestTheDatabaseIsGivenWhatMakesTheKey(t *testing.T) {
	for _, kind := range []string{"sqlite", "mariadb"} {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			db := d.Open(t)
			use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				c.Regions["old"] = region.Config{TTL: time.Millisecond, StaleWhileRevalidate: time.Hour}
			})
			for name, condition := range map[string]string{"whole": "name = ?", "row": "id = ?", "parts": "id IN (?, -1)"} {
				values := []any{"ann", "bob"}
				if name != "whole" {
					values = []any{int64(1), int64(2)}
				}
				find := func(in string, arg any) string {
					var u []User
					must(t, db.Clauses(fromcache.Region(in)).Where(condition, arg).Order("id").Find(&u).Error)
					if len(u) != 1 {
						t.Fatalf("%s: %v", name, u)
					}
					return u[0].Name
				}
				for range 2 { // ann by a miss, bob by a miss, then by hits
					v := newTurns(values...)
					if first, second := find("default", v), find("default", v); first != "ann" || second != "bob" {
						t.Errorf("%s: ann is %s, bob is %s", name, first, second)
					}
				}
				v := newTurns(values...)
				find("old", v)
				eventually(t, name+": a load in the background", func() bool {
					v.n.Store(0)
					if got := find("old", v); got != "ann" {
						t.Fatalf("%s: ann is %s", name, got)
					}
					return v.n.Load() == 1
				})
			}
		})
	}
}

// stray is a Valuer that can't be asked.
type stray struct{ s *string }

func (s stray) Value() (driver.Value, error) { return *s.s, nil }

// A Valuer that panics panics where the database asks it, as without the cache; one that the driver does not ask does
// no harm.
func TestValuersThatPanic(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} { // a panic in go-sql-driver/mysql leaves its connection open
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			db := d.Open(t)
			use(t, db, newStore(t, "memory"))
			warm(t, db, "users")
			find := func(db *gorm.DB, arg any) (got string) {
				defer func() {
					if r := recover(); r != nil {
						got = fmt.Sprint("panic ", r)
					}
				}()
				var u []User
				err := db.Where("id = ?", arg).Find(&u).Error
				return fmt.Sprint(len(u), err)
			}
			for _, arg := range []any{stray{}, &stray{}, (*stray)(nil)} {
				want := find(d.plain, arg)
				if got := find(db.Clauses(fromcache.Region("default")), arg); got != want {
					t.Errorf("%T: got %s, want %s", arg, got, want)
				}
			}
		})
	}
}
