package plugin_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// logTo has a plugin log to the lines, from level info on.
func logTo(l *lab.Lines) func(*gormcache.Config) {
	return func(c *gormcache.Config) { c.Logger = l.Logger(slog.LevelInfo) }
}

// Nation has a table that is not called as GORM would.
type Nation struct{ ID uint }

// TableName implements schema.Tabler.
func (Nation) TableName() string { return "islands" }

// TestUnknownNamesAreSaid: a name with a typing error works like one that nobody uses.
//
// Falls if: the first catalog is not compared with the configuration.
func TestUnknownNamesAreSaid(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d, l := newDatabase(t, kind), &lab.Lines{}
			db := d.Open(t)
			use(t, db, newStore(t, "memory"), logTo(l), func(c *gormcache.Config) {
				c.Tracked = map[string][]string{"users": {"namme", "name", "id"}, "usres": {"name"}}
				c.Models = map[string]fromcache.Policy{"User": {}, "Usre": {}, "Zebra": {}, "islandz": {}, "Nation": {}, "nothing*": {}}
				c.Views = map[string][]string{"user_nmaes": {"users"}, "user_names": {"uzers"}}
				c.Triggers = map[string][]string{"island": {"users"}}
			})
			if lines := l.Take("WARN gormcache: "); len(lines) > 0 {
				t.Errorf("before the catalog was read it says %s", lines)
			}
			must(t, db.Find(&[]Nation{}).Error) // a policy's model whose table is called otherwise, and reads the catalog
			for range 2 {
				cached(t, db, "users")
			}
			all := l.Take()
			for _, want := range []string{
				`WARN gormcache: Config.Tracked["users"]: users has no column "namme" (did you mean "name"?)`,
				`WARN gormcache: Config.Tracked["usres"]: the database has no table or view "usres" (did you mean "users"?)`,
				`WARN gormcache: Config.Models["Usre"]: no model of that name has been used yet, and the database has no table or view "usre" or "usres" (did you mean "users"?)`,
				`INFO gormcache: Config.Models["Zebra"]: no model of that name`,
				`WARN gormcache: Config.Models["islandz"]: no model of that name has been used yet, and the database has no table or view "islandz" or "islandzs" (did you mean "islands"?)`,
				`WARN gormcache: Config.Views["user_nmaes"]: the database has no table or view "user_nmaes" (did you mean "user_names"?)`,
				`WARN gormcache: Config.Views["user_names"]: the database has no table or view "uzers" (did you mean "users"?)`,
				`WARN gormcache: Config.Triggers["island"]: the database has no table or view "island" (did you mean "islands"?)`,
			} {
				if n := strings.Count(strings.Join(all, "\n"), want); n != 1 {
					t.Errorf("%d times %s in\n%s", n, want, strings.Join(all, "\n"))
				}
			}
			if len(all) != 8 {
				t.Errorf("%d lines:\n%s", len(all), strings.Join(all, "\n"))
			}
		})
	}
}

// TestAnEmptyDatabaseIsNoReproach: a program that migrates after db.Use has no table yet.
func TestAnEmptyDatabaseIsNoReproach(t *testing.T) {
	l := &lab.Lines{}
	db := servers.Empty(t, "sqlite").Open(t)
	servers.Plugin(t, db, gormcache.Config{Store: newStore(t, "memory"), Namespace: "test",
		Tracked: map[string][]string{"users": {"name"}, "uzers": {"name"}}}, logTo(l))
	must(t, db.Transaction(func(*gorm.DB) error { return nil })) // reads the catalog
	if lines := l.Take("WARN gormcache: "); len(lines) > 0 {
		t.Errorf("without tables it says %s", lines)
	}
	must(t, db.AutoMigrate(&User{}))
	must(t, db.Clauses(fromcache.Region("default")).Find(&[]User{}).Error)
	if lines := l.Take("WARN gormcache: "); len(lines) != 1 || !strings.Contains(lines[0], "uzers") {
		t.Errorf("it says %s", lines)
	}
}

// TestUnknownTablesByHandAreSaid: they are dropped all the same.
//
// Falls if: nobody looks for the name in the catalog.
func TestUnknownTablesByHandAreSaid(t *testing.T) {
	for _, kind := range servers.Kinds {
		t.Run(kind, func(t *testing.T) {
			d, l := newDatabase(t, kind), &lab.Lines{}
			db := d.Open(t)
			var tags []string
			use(t, db, newStore(t, "memory"), logTo(l), func(c *gormcache.Config) {
				c.Hooks = &observe.Hooks{Invalidate: func(_ context.Context, i observe.Invalidation) { tags = append(tags, i.Tags...) }}
			})
			type Usres struct{ ID uint }
			ctx := t.Context()
			for range 2 {
				must(t, invalidate.Tables(ctx, db, "usres", "users", "user_names", "main.Users"))
				must(t, invalidate.Model(ctx, db, &Usres{}, &User{}))
				must(t, db.Transaction(func(tx *gorm.DB) error { return invalidate.Tables(ctx, tx, "qqq", "islands") }))
			}
			lines := l.Take("WARN gormcache: ")
			text := strings.Join(lines, "\n") + "\n"
			if len(lines) != 2 || !strings.Contains(text, `invalidate.Tables("usres"): the database has no table or view of that name (did you mean "users"?)`) ||
				!strings.Contains(text, `invalidate.Tables("qqq"): the database has no table or view of that name`+"\n") {
				t.Errorf("it says\n%s", text)
			}
			if all := strings.Join(tags, " "); !strings.Contains(all, "test:t:usres") || !strings.Contains(all, "test:t:users") {
				t.Errorf("dropped %s", all)
			}
		})
	}
}

// TestTheEmbeddedStoreIsSaid: a database on a server has other clients, mostly.
func TestTheEmbeddedStoreIsSaid(t *testing.T) {
	for _, kind := range servers.Kinds {
		for name, own := range map[string]store.Store{"default": nil, "given": memory.New()} {
			l := &lab.Lines{}
			servers.Plugin(t, servers.Empty(t, kind).Open(t), gormcache.Config{Namespace: "test", Store: own}, logTo(l))
			lines := l.Take("WARN gormcache: ")
			if want := kind != "sqlite" && own == nil; want != (len(lines) == 1) || want && !(strings.Contains(lines[0], "Config.Store") && strings.Contains(lines[0], "CAVEATS.md, 14")) {
				t.Errorf("%s, %s: it says %s", kind, name, lines)
			}
		}
	}
}

// TestAMarkSaysWhose: the reason "marked" names the tag, its writer, and how long yet.
//
// Falls if: a store's State does not carry them, or the read does not pass them on.
func TestAMarkSaysWhose(t *testing.T) {
	for _, kind := range []string{"memory", "redis"} {
		t.Run(kind, func(t *testing.T) {
			d, s := newDatabase(t, "sqlite"), newStore(t, kind)
			db := d.Open(t)
			use(t, db, s)
			w, ns := store.NewWriter(), store.Namespace("test")
			cached(t, db, "users")
			must(t, s.Mark(t.Context(), []string{ns.Table("users")}, w, time.Minute))
			_, seen := cached(t, db, "users")
			if seen.Reason != observe.Marked || !strings.Contains(seen.Detail, "table users is marked by writer "+w.String()) || !strings.Contains(seen.Detail, "for at most another ") {
				t.Errorf("table: %+v", seen)
			}
			must(t, s.Unmark(t.Context(), []string{ns.Table("users")}, w))
			must(t, s.Mark(t.Context(), []string{ns.Row("users", "1")}, w, time.Minute))
			var first observe.Read
			row := func() {
				must(t, db.WithContext(lab.Seeing(t.Context(), &first)).Clauses(fromcache.Region("default")).First(&User{}, 1).Error)
			}
			if row(); first.Reason != observe.Marked || !strings.Contains(first.Detail, "row 1 of users is marked by writer "+w.String()) {
				t.Errorf("row: %+v", first)
			}
			must(t, s.Unmark(t.Context(), []string{ns.Row("users", "1")}, w))
			row()
			if row(); first.Outcome != hit {
				t.Errorf("without a mark: %+v", first)
			}
		})
	}
}

// TestWhyTheStoreIsAwayIsSaid: by db.Use, and by the first read.
//
// Falls if: the error of the connection is lost in that of the deadline, or each layer puts its name before it.
func TestWhyTheStoreIsAwayIsSaid(t *testing.T) {
	server := servers.Redis(t)
	must(t, server.Client(t).Do(t.Context(), "config", "set", "requirepass", "right").Err())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	for name, c := range map[string]struct {
		options *redis.Options
		word    string
	}{
		"nobody":         {&redis.Options{Addr: listener.Addr().String()}, "connection refused"},
		"wrong password": {&redis.Options{Addr: server.Addr, Password: "wrong"}, "WRONGPASS"},
		"no password":    {&redis.Options{Addr: server.Addr}, "NOAUTH"},
	} {
		client := redis.NewClient(c.options)
		t.Cleanup(func() { _ = client.Close() })
		d, l := newDatabase(t, "sqlite"), &lab.Lines{}
		db := d.Open(t)
		use(t, db, redisstore.New(client), logTo(l), func(c *gormcache.Config) {
			c.ReadTimeout, c.WriteTimeout, c.WritePolicy = 500*time.Millisecond, time.Second, invalidate.FailWrite
		})
		if lines := l.Take("WARN gormcache: "); len(lines) != 1 || !strings.Contains(lines[0], c.word) || strings.Count(lines[0], "gormcache:") != 2 { // the line's and the error's
			t.Errorf("%s: db.Use says %s", name, lines)
		}
		_, seen := cached(t, db, "users")
		if seen.Reason != observe.StoreError || !strings.Contains(seen.Detail, c.word) || strings.Contains(seen.Detail, "gormcache:") {
			t.Errorf("%s: a read says %+v", name, seen)
		}
		err := db.Create(&User{ID: 77}).Error
		if !errors.Is(err, invalidate.ErrStoreUnavailable) || strings.Count(err.Error(), "gormcache:") != 1 || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: a write says %v", name, err)
		}
	}
}
