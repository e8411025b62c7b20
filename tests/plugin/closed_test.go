package plugin_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/relation"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// asking is a way to ask a question through the cache, or, without options, past it.
type asking struct {
	name string
	ask  func(db *gorm.DB) (any, error) // on a handle with a scope, or without one
}

// scan reads the rows of a query.
func scan(rows *sql.Rows, err error) (names []string, _ error) {
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var name string
		err = errors.Join(err, rows.Scan(&name))
		names = append(names, name)
	}
	return names, errors.Join(err, rows.Err(), rows.Close())
}

// askings are all entries of GORM to a query.
var askings = []asking{
	{"Find", func(db *gorm.DB) (any, error) { var u []User; return u, db.Order("id").Find(&u).Error }},
	{"Find into a map", func(db *gorm.DB) (any, error) {
		var u []map[string]any
		err := db.Model(&User{}).Order("id").Find(&u).Error
		return u, err
	}},
	{"First", func(db *gorm.DB) (any, error) { var u User; return u, db.First(&u, 1).Error }},
	{"Take", func(db *gorm.DB) (any, error) { var u User; return u, db.Take(&u, 2).Error }},
	{"a list of keys", func(db *gorm.DB) (any, error) {
		var u []User
		return u, db.Where("id IN ?", []int{1, 2}).Order("id").Find(&u).Error
	}},
	{"Count", func(db *gorm.DB) (any, error) { var n int64; return n, db.Model(&User{}).Count(&n).Error }},
	{"Pluck", func(db *gorm.DB) (any, error) {
		var names []string
		return names, db.Model(&User{}).Order("id").Pluck("name", &names).Error
	}},
	{"Scan", func(db *gorm.DB) (any, error) {
		var u []User
		return u, db.Model(&User{}).Order("id").Scan(&u).Error
	}},
	{"Rows", func(db *gorm.DB) (any, error) { return scan(db.Model(&User{}).Select("name").Order("id").Rows()) }},
	{"Row", func(db *gorm.DB) (any, error) {
		var name string
		return name, db.Model(&User{}).Select("name").Where("id = 1").Row().Scan(&name)
	}},
	{"Raw Find", func(db *gorm.DB) (any, error) {
		var u []User
		return u, db.Raw("SELECT * FROM users ORDER BY id").Find(&u).Error
	}},
	{"Raw Scan", func(db *gorm.DB) (any, error) {
		var u []User
		return u, db.Raw("SELECT * FROM users ORDER BY id").Scan(&u).Error
	}},
	{"Raw Rows", func(db *gorm.DB) (any, error) { return scan(db.Raw("SELECT name FROM users ORDER BY id").Rows()) }},
	{"Raw Row", func(db *gorm.DB) (any, error) {
		var name string
		return name, db.Raw("SELECT name FROM users WHERE id = ?", 1).Row().Scan(&name)
	}},
	{"FindInBatches", func(db *gorm.DB) (any, error) {
		var all, batch []User
		err := db.Order("id").FindInBatches(&batch, 1, func(*gorm.DB, int) error {
			all = append(all, batch...)
			return nil
		}).Error
		return all, err
	}},
	{"Preload", func(db *gorm.DB) (any, error) {
		var u []User
		return u, db.Order("id").Preload("Orders").Preload("Tags").Find(&u).Error
	}},
	{"First or create", func(db *gorm.DB) (any, error) { var u User; return u, db.Where("id = 1").FirstOrCreate(&u).Error }},
	{"generics", func(db *gorm.DB) (any, error) {
		return gorm.G[User](db).Order("id").Find(db.Statement.Context)
	}},
}

// asked runs a question with clauses that every statement of it carries.
func (a asking) asked(db *gorm.DB, opts ...fromcache.Option) (any, error) {
	if opts == nil {
		return a.ask(db)
	}
	scoped := fromcache.Region("default", opts...)
	if a.name == "generics" {
		return gorm.G[User](db, scoped).Order("id").Find(db.Statement.Context)
	}
	return a.ask(db.Clauses(scoped, relation.Cache("Orders", "default"), relation.Cache("Tags", "default")).Session(&gorm.Session{}))
}

// normal is an option that changes nothing.
var normal = fromcache.Tags("closed")

// After Close every question is answered by the database, and says so.
func TestAClosedPluginAnswersEveryQuestion(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mariadb"} {
		for _, own := range []bool{true, false} {
			for _, prepared := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, own store %v, prepared %v", kind, own, prepared), func(t *testing.T) {
					d := newDatabase(t, kind)
					db := d.Open(t, &gorm.Config{PrepareStmt: prepared})
					p := use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
						if own {
							c.Store = nil
						}
					})
					for range 2 { // it is cached before
						for _, a := range askings {
							_, err := a.asked(db, normal)
							must(t, err)
						}
					}
					if p.Stats().Hits < uint64(len(askings)) {
						t.Fatalf("%d hits before Close", p.Stats().Hits)
					}
					must(t, p.Close())
					must(t, d.plain.Exec("UPDATE users SET name = 'behind'").Error)
					for _, a := range askings {
						afterClose(t, db, p, a)
					}
				})
			}
		}
	}
}

// afterClose asks a closed plugin one question in each mode.
func afterClose(t *testing.T, db *gorm.DB, p *gormcache.Plugin, a asking) {
	t.Helper()
	want, err := a.asked(db)
	must(t, err)
	if reflect.ValueOf(want).IsZero() {
		t.Fatalf("%s has no answer", a.name)
	}
	for name, opt := range map[string]fromcache.Option{
		"normal": normal, "refresh": fromcache.Refresh(), "in a transaction": fromcache.InTransaction(), "bypass": fromcache.Bypass(),
	} {
		before := p.Stats()
		got, err := a.asked(db, opt)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s, %s: %v, %v\nwant %v", a.name, name, got, err, want)
		}
		after := p.Stats()
		if n := after.Bypassed[observe.Closed] - before.Bypassed[observe.Closed]; n == 0 && name != "bypass" {
			t.Errorf("%s, %s: not bypassed because of Close", a.name, name)
		}
		if after.Hits != before.Hits || after.Misses != before.Misses || after.Fills != before.Fills {
			t.Errorf("%s, %s: the cache was used", a.name, name)
		}
	}
	must(t, db.Transaction(func(tx *gorm.DB) error {
		got, err := a.asked(tx, fromcache.InTransaction())
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s, within a transaction: %v", a.name, got)
		}
		return err
	}))
	if _, err := a.asked(db, fromcache.OnlyIfCached()); !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Errorf("%s, only if cached: %v", a.name, err)
	}
}

// Values are made anew, and Explain and hooks say why.
func TestWhatElseAClosedPluginSays(t *testing.T) {
	d := newDatabase(t, "sqlite")
	db := d.Open(t)
	p := use(t, db, newStore(t, "memory"))
	warm(t, db, "users")
	r, err := p.Region("default")
	must(t, err)
	must(t, p.Close())
	_, seen := cached(t, db, "users")
	if seen.Outcome != bypass || seen.Reason != observe.Closed {
		t.Errorf("the hook is told %v (%s)", seen.Outcome, seen.Reason)
	}
	n := 0
	for range 2 {
		v, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (int, error) { n++; return n, nil })
		if err != nil || v != n {
			t.Errorf("a value: %d, %v", v, err)
		}
	}
	if n != 2 {
		t.Errorf("made %d times", n)
	}
	e, err := gormcache.Explain(db, func(tx *gorm.DB) *gorm.DB {
		return tx.Clauses(fromcache.Region("default")).Find(&[]User{})
	})
	if err != nil || !strings.Contains(e.String(), "closed") {
		t.Errorf("Explain says %s, %v", e, err)
	}
}

// Rows that were handed out before Close are read to their end.
func TestRowsOutliveClose(t *testing.T) {
	for _, live := range []bool{false, true} {
		t.Run(fmt.Sprintf("live %v", live), func(t *testing.T) {
			d := newDatabase(t, "sqlite")
			db := d.Open(t)
			p := use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				if live { // more rows than may be stored: they come from the database as they are read
					c.Regions = map[string]region.Config{"default": {TTL: time.Hour, MaxRows: 1}}
				}
			})
			open := func() (*sql.Rows, error) {
				return db.Clauses(fromcache.Region("default")).Model(&User{}).Select("name").Order("id").Rows()
			}
			want, err := scan(open())
			must(t, err)
			rows, err := open()
			must(t, err)
			must(t, p.Close())
			if got, err := scan(rows, nil); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		})
	}
}

// Close among readers and writers of every kind: none fails, and nothing is left behind. The store that the plugin
// has made goes with it; FailWrite must refuse no write for that.
func TestCloseUnderTraffic(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			d := newDatabase(t, kind)
			before := goleak.IgnoreCurrent()
			for range 3 {
				closeUnderTraffic(t, d)
			}
			must(t, goleak.Find(before, servers.IgnoreLeaks()))
		})
	}
}

func closeUnderTraffic(t *testing.T, d *database) {
	t.Helper()
	db := d.Open(t)
	pool, err := db.DB()
	must(t, err)
	defer func() { must(t, pool.Close()) }()
	pool.SetMaxOpenConns(8)
	if d.Kind == "sqlite" {
		pool.SetMaxOpenConns(1) // writers at once are not what this is about
	}
	p, err := gormcache.New(gormcache.Config{Namespace: "test", WritePolicy: invalidate.FailWrite, Regions: map[string]region.Config{
		"default": {TTL: time.Millisecond, StaleWhileRevalidate: time.Hour}}})
	must(t, err)
	must(t, db.Use(p))
	r, err := p.Region("default")
	must(t, err)
	var work sync.WaitGroup
	var done atomic.Bool
	stop := func() {
		done.Store(true)
		work.Wait()
	}
	defer stop()
	each := func(name string, do func() error) {
		work.Go(func() {
			for !done.Load() {
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	for _, a := range askings {
		each(a.name, func() error { _, err := a.asked(db, normal); return err })
	}
	each("GetOrCreate", func() error {
		_, err := region.GetOrCreate(t.Context(), r, "k", func(context.Context) (int, error) { return 1, nil })
		return err
	})
	each("an update", func() error { return db.Model(&Island{ID: 1}).Update("name", "x").Error })
	each("a raw update", func() error { return db.Exec("UPDATE islands SET name = 'y'").Error })
	each("by hand", func() error { return invalidate.Tables(t.Context(), db, "islands") })
	eventually(t, "stale answers", func() bool { return t.Failed() || p.Stats().Stale > 100 })
	must(t, p.Close())
	eventually(t, "bypasses", func() bool { return t.Failed() || p.Stats().Bypassed[observe.Closed] > 100 })
	stop()
	if n := p.Stats().Pending; n != 0 {
		t.Errorf("%d are pending", n)
	}
}

// What a closed plugin's process writes still reaches others; its own store, which nobody reads any more, refuses nothing.
func TestWritesAfterCloseAreNotRefused(t *testing.T) {
	for _, own := range []bool{true, false} {
		s := newScene(t, "sqlite", "memory", failWrite, func(c *gormcache.Config) {
			if own {
				c.Store = nil
			}
		})
		warm(t, s.other.db, "users")
		must(t, s.writer.p.Close())
		for name, write := range map[string]func(db *gorm.DB) error{
			"default":     func(db *gorm.DB) error { return rename(db, 1, "x") },
			"autocommit":  func(db *gorm.DB) error { return db.Exec("UPDATE users SET name = 'y' WHERE id = 1").Error },
			"transaction": func(db *gorm.DB) error { return db.Transaction(func(tx *gorm.DB) error { return rename(tx, 1, "z") }) },
			"DDL":         func(db *gorm.DB) error { return db.Exec("CREATE TABLE later (id int)").Error },
			"by hand":     func(db *gorm.DB) error { return invalidate.Tables(t.Context(), db, "users") },
		} {
			if err := write(s.writer.db); err != nil {
				t.Errorf("own %v, %s: %v", own, name, err)
			}
		}
		if n := s.writer.p.Stats().Pending; n != 0 {
			t.Errorf("own %v: %d are pending", own, n)
		}
		if !own {
			dropped(t, s.other.db, "users", direct(t, s.plain, "users"), true)
		}
	}
}
