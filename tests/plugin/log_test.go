package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/tap"
)

// bare is a logger of an application's own. It has no ParamsFilter.
type bare struct{ *lab.Lines }

func (b bare) LogMode(logger.LogLevel) logger.Interface      { return b }
func (b bare) Info(context.Context, string, ...interface{})  {}
func (b bare) Warn(context.Context, string, ...interface{})  {}
func (b bare) Error(context.Context, string, ...interface{}) {}
func (b bare) Trace(_ context.Context, _ time.Time, fc func() (string, int64), err error) {
	sql, rows := fc()
	b.Add(fmt.Sprintf("%s rows=%d err=%v", sql, rows, err))
}

// loggers are GORM's two, with and without parameters, and one of an application's own.
var loggers = map[string]func(*lab.Lines) logger.Interface{
	"default": func(l *lab.Lines) logger.Interface { return logger.New(l, logger.Config{LogLevel: logger.Info}) },
	"parameterized": func(l *lab.Lines) logger.Interface {
		return logger.New(l, logger.Config{LogLevel: logger.Info, ParameterizedQueries: true})
	},
	"slog": func(l *lab.Lines) logger.Interface {
		return logger.NewSlogLogger(slog.New(slog.NewTextHandler(l, nil)), logger.Config{LogLevel: logger.Info})
	},
	"the application's": func(l *lab.Lines) logger.Interface { return bare{l} },
}

// entries are ways to ask; each sends one query, and takes its scope from the handle.
var entries = map[string]func(db *gorm.DB) error{
	"Find":  func(db *gorm.DB) error { var us []User; return db.Where("age > ?", 1).Find(&us).Error },
	"First": func(db *gorm.DB) error { var u User; return db.First(&u, 1).Error },
	"Take":  func(db *gorm.DB) error { var u User; return db.Where("id = ?", 1).Take(&u).Error },
	"no rows": func(db *gorm.DB) error {
		if err := db.First(new(User), 77).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
			return fmt.Errorf("%w, want not found", err)
		}
		return nil
	},
	"Count": func(db *gorm.DB) error { var n int64; return db.Model(&User{}).Count(&n).Error },
	"Pluck": func(db *gorm.DB) error { var names []string; return db.Model(&User{}).Pluck("name", &names).Error },
	"Scan":  func(db *gorm.DB) error { var us []User; return db.Model(&User{}).Scan(&us).Error },
	"Raw":   func(db *gorm.DB) error { var n int64; return db.Raw("SELECT count(*) FROM users").Scan(&n).Error },
	"a trailing comment": func(db *gorm.DB) error {
		var us []User
		return db.Raw("SELECT * FROM users WHERE id = ? -- the first", 1).Find(&us).Error
	},
	"Row": func(db *gorm.DB) error { var n int64; return db.Table("users").Select("count(*)").Row().Scan(&n) },
	"Rows": func(db *gorm.DB) error {
		rows, err := db.Model(&User{}).Where("age > ?", 5).Rows()
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		return errors.Join(rows.Err(), rows.Close())
	},
	"in parts": func(db *gorm.DB) error { var us []User; return db.Order("id").Find(&us, []int{1, 2}).Error },
	"gorm.G": func(db *gorm.DB) error {
		_, err := gorm.G[User](db).Where("age > ?", 2).Find(db.Statement.Context)
		return err
	},
	"an association": func(db *gorm.DB) error {
		var orders []Order
		return db.Model(&User{ID: 1}).Association("Orders").Find(&orders)
	},
}

var timing = regexp.MustCompile(`(?s)^.*\n\[[0-9.]+ms\] |.*duration=[^ ]+ `)

// A hit's line says that it is one, in all loggers, and is otherwise that of the query; a miss's is unchanged.
func TestHitsAreSeenInTheLog(t *testing.T) {
	for name, makeLogger := range loggers {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t, "sqlite")
			log, plainLog := &lab.Lines{}, &lab.Lines{}
			db, plain := d.Open(t), d.Open(t)
			db.Logger, plain.Logger = makeLogger(log), makeLogger(plainLog)
			use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
				c.Models = map[string]fromcache.Policy{"*": {}}
			})
			for entry, ask := range entries {
				must(t, ask(plain.WithContext(t.Context())))
				want := plainLog.Take()
				log.Take()
				for _, note := range []string{"", " /* gormcache: hit */"} {
					must(t, ask(db.WithContext(t.Context())))
					got := log.Take()
					if len(got) != 1 || len(want) != 1 {
						t.Fatalf("%s: %d lines: %q, and without the plugin %q", entry, len(got), got, want)
					}
					if n := strings.Count(got[0], note); n != 1 && note != "" {
						t.Errorf("%s: no sign of a hit in %q", entry, got[0])
					}
					if g, w := timing.ReplaceAllString(strings.Replace(got[0], note, "", 1), ""), timing.ReplaceAllString(want[0], ""); g != w {
						t.Errorf("%s%s:\n got %q\nwant %q", entry, note, g, w)
					}
				}
			}
		})
	}
}

// What else was not sent, or not whole, is seen too; and what was is left as it is.
func TestOtherOutcomesInTheLog(t *testing.T) {
	d := newDatabase(t, "sqlite")
	log := &lab.Lines{}
	db := d.Open(t)
	db.Logger = bare{log}
	use(t, db, newStore(t, "memory"), func(c *gormcache.Config) {
		c.Regions["old"] = region.Config{TTL: time.Millisecond, StaleWhileRevalidate: time.Hour}
		c.Regions["small"] = region.Config{TTL: time.Hour, MaxRows: 1}
	})
	find := func(region string, opts ...fromcache.Option) func() error {
		return func() error {
			var us []User
			return db.Clauses(fromcache.Region(region, opts...)).Order("id").Where("age > 0").Find(&us).Error
		}
	}
	keys := func(keys ...int) func() error {
		return func() error {
			var us []User
			return db.Clauses(fromcache.Region("default")).Order("id").Find(&us, keys).Error
		}
	}
	for _, step := range []struct {
		what, note string
		ask        func() error
	}{
		{"only if cached", "miss, not sent", find("default", fromcache.OnlyIfCached())},
		{"a miss", "", find("default")},
		{"a hit", "hit", find("default")},
		{"only if cached, and it is", "hit", find("default", fromcache.OnlyIfCached())},
		{"a refresh", "", find("default", fromcache.Refresh())},
		{"a bypass", "", find("default", fromcache.Bypass())},
		{"too many rows", "", find("small")},
		{"parts", "", keys(1, 2)},
		{"some parts", "miss, 2 of 3 parts hit", keys(1, 2, 3)},
		{"all parts", "hit", keys(3, 1, 2)},
	} {
		if got := noteOf(t, log, step.ask); got != step.note {
			t.Errorf("%s: %q, want %q", step.what, got, step.note)
		}
	}
	eventually(t, "the entry to be old", func() bool { return noteOf(t, log, find("old")) == "stale" })
}

// noteOf is what the log says of the outcome of one query.
func noteOf(t *testing.T, log *lab.Lines, ask func() error) (note string) {
	t.Helper()
	log.Take()
	if err := ask(); err != nil && !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Fatal(err)
	}
	got := log.Take()
	if len(got) != 1 {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	if _, rest, ok := strings.Cut(got[0], " /* gormcache: "); ok {
		note, _, _ = strings.Cut(rest, " */")
	}
	return note
}

// doneAsked is a context that never ends, and reports when somebody is about to wait for its end.
type doneAsked struct {
	context.Context
	report func()
}

func (d doneAsked) Done() <-chan struct{} {
	d.report()
	return nil
}

// Who waits for another's load has sent nothing, though it takes as long: the log of slow queries says so.
//
//	leader: lookup, SELECT …                        … rows
//	waiter:                   lookup, joins the load       rows
func TestACoalescedReadInTheLog(t *testing.T) {
	d := newDatabase(t, "sqlite")
	loading, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	tapped := &tap.Tap{Rewrite: func(query string) string {
		if strings.Contains(query, "age > ") {
			once.Do(func() { close(loading); <-release })
		}
		return query
	}}
	log, g := &lab.Lines{}, &gate{Store: newStore(t, "memory")}
	db := d.OpenTapped(t, tapped)
	db.Logger = logger.New(log, logger.Config{LogLevel: logger.Warn, SlowThreshold: 1})
	use(t, db, g)
	_, _ = cached(t, db, "islands") // the catalog is known
	log.Take()
	ask := func(ctx context.Context) error {
		var us []User
		return db.WithContext(ctx).Clauses(fromcache.Region("default")).Where("age > ?", 3).Find(&us).Error
	}
	done := make(chan error, 2)
	go func() { done <- ask(context.Background()) }()
	<-loading
	var lookedUp atomic.Bool
	joined := make(chan struct{})
	g.onceAfter("lookup", func() { lookedUp.Store(true) })
	go func() {
		done <- ask(doneAsked{context.Background(), func() {
			if lookedUp.Swap(false) {
				close(joined)
			}
		}})
	}()
	<-joined
	close(release)
	must(t, errors.Join(<-done, <-done))
	got := log.Take()
	if len(got) != 2 {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	n := 0
	for _, line := range got {
		if !strings.Contains(line, "SLOW SQL") {
			t.Errorf("not slow: %q", line)
		}
		n += strings.Count(line, " /* gormcache: miss, coalesced */")
	}
	if n != 1 {
		t.Errorf("%d lines say that another caller's load gave the answer, want 1: %q", n, got)
	}
}
