package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// says checks that an error holds each of the words: what is wrong, and what to do.
func says(t testing.TB, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: the error does not say %q: %v", what, w, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	set := func(f func(c *gormcache.Config)) gormcache.Config {
		c := gormcache.Config{Namespace: "shop"}
		f(&c)
		return c
	}
	withRegion := func(r region.Config) gormcache.Config {
		return set(func(c *gormcache.Config) { c.Regions = map[string]region.Config{"slow": r} })
	}
	for name, c := range map[string]struct {
		cfg   gormcache.Config
		words []string
	}{
		"no namespace":           {gormcache.Config{}, []string{"Config.Namespace", "empty"}},
		"a colon":                {gormcache.Config{Namespace: "a:b"}, []string{"Config.Namespace", "letters"}},
		"a space":                {gormcache.Config{Namespace: "a b"}, []string{"Config.Namespace", "letters"}},
		"a long one":             {gormcache.Config{Namespace: strings.Repeat("x", 65)}, []string{"Config.Namespace", "64"}},
		"no TTL":                 {withRegion(region.Config{}), []string{`Config.Regions["slow"]`, "TTL", "positive"}},
		"negative TTL":           {withRegion(region.Config{TTL: -1}), []string{`Config.Regions["slow"]`, "TTL", "positive"}},
		"stale beyond the limit": {withRegion(region.Config{TTL: 1, StaleWhileRevalidate: region.MaxStale + 1}), []string{"StaleWhileRevalidate", "720h"}},
		"stale, negative":        {withRegion(region.Config{TTL: 1, StaleWhileRevalidate: -1}), []string{"StaleWhileRevalidate", "from 0"}},
		"stale without end":      {withRegion(region.Config{TTL: region.NoExpiration, StaleWhileRevalidate: 1}), []string{"StaleWhileRevalidate", "NoExpiration"}},
		"jitter":                 {withRegion(region.Config{TTL: 1, Jitter: 1}), []string{"Jitter", "less than 1"}},
		"rows":                   {withRegion(region.Config{TTL: 1, MaxRows: -1}), []string{"MaxRows", "positive"}},
		"bytes":                  {withRegion(region.Config{TTL: 1, MaxBytes: -1}), []string{"MaxBytes", "positive"}},
		"a region without name":  {set(func(c *gormcache.Config) { c.Regions = map[string]region.Config{"": {TTL: 1}} }), []string{"Config.Regions", "name"}},
		"a nil pointer as store": {set(func(c *gormcache.Config) { c.Store = (*redisstore.Store)(nil) }), []string{"Config.Store", "nil", "leave it out"}},
		"read timeout":           {set(func(c *gormcache.Config) { c.ReadTimeout = -1 }), []string{"Config.ReadTimeout", "positive"}},
		"write timeout":          {set(func(c *gormcache.Config) { c.WriteTimeout = -1 }), []string{"Config.WriteTimeout", "positive"}},
		"grace":                  {set(func(c *gormcache.Config) { c.WriteGrace = time.Millisecond }), []string{"Config.WriteGrace", "WriteTimeout"}},
		"lag":                    {set(func(c *gormcache.Config) { c.ReplicaLag = time.Hour }), []string{"Config.ReplicaLag", "10m"}},
		"policy":                 {set(func(c *gormcache.Config) { c.WritePolicy = 9 }), []string{"Config.WritePolicy", "FailWrite"}},
		"a view without name":    {set(func(c *gormcache.Config) { c.Views = map[string][]string{"v": {""}} }), []string{`Config.Views["v"]`}},
		"all at once":            {gormcache.Config{WriteTimeout: -1, ReplicaLag: -1}, []string{"Namespace", "WriteTimeout", "ReplicaLag"}},
	} {
		p, err := gormcache.New(c.cfg)
		says(t, name, err, c.words...)
		if p != nil {
			t.Errorf("%s: a plugin beside the error", name)
		}
	}
}

func TestUseRefuses(t *testing.T) {
	d := newDatabase(t, "sqlite")
	s := newStore(t, "memory")
	newPlugin := func() *gormcache.Plugin {
		p, err := gormcache.New(gormcache.Config{Namespace: "test", Store: s})
		must(t, err)
		t.Cleanup(func() { must(t, p.Close()) })
		return p
	}
	p := newPlugin()
	says(t, "nil", p.Initialize(nil), "db is nil", "db.Use")
	says(t, "an empty DB", p.Initialize(new(gorm.DB)), "db is nil", "db.Use")
	says(t, "a nil plugin", d.Open(t).Use((*gormcache.Plugin)(nil)), "gormcache.New")
	says(t, "an empty plugin", d.Open(t).Use(&gormcache.Plugin{}), "gormcache.New")
	db := d.Open(t)
	must(t, db.Use(p))
	if err := db.Use(p); !errors.Is(err, gorm.ErrRegistered) {
		t.Errorf("Use twice: %v", err)
	}
	says(t, "a second plugin", db.Use(newPlugin()))
	says(t, "a second *gorm.DB", d.Open(t).Use(p), "another *gorm.DB", "gormcache.New")
	cached(t, db, "users")
	cached(t, db, "users") // and the first goes on
	if p.Stats().Hits != 1 {
		t.Errorf("%+v", p.Stats())
	}

	closed := newPlugin()
	must(t, closed.Close())
	must(t, closed.Close())
	if err := d.Open(t).Use(closed); !errors.Is(err, gormcache.ErrClosed) {
		t.Errorf("Use of a closed plugin: %v", err)
	}
	odd := d.Open(t)
	odd.Dialector = oddDialector{odd.Dialector}
	sharded := d.Open(t)
	sharded.Plugins["gorm:sharding"] = newPlugin()
	says(t, "sharding", sharded.Use(newPlugin()), "gorm.io/sharding", "one of the two")
	says(t, "a dialect", odd.Use(newPlugin()), `"oracle"`, "sqlite, postgres or mysql")
}

// A user of the Redis who lacks a right would leave the cache empty for ever, and no one would know why.
func TestUseRefusesUsersWithoutRights(t *testing.T) {
	d, server := newDatabase(t, "sqlite"), servers.Redis(t)
	enough := []any{"~test:*", "+get", "+mget", "+set", "+unlink", "+pexpire", "+time", "+eval", "+evalsha", "+info"}
	useAs := func(rules ...any) error {
		admin := server.Client(t)
		must(t, admin.Do(t.Context(), append([]any{"acl", "setuser", "shop", "reset", "on", ">secret"}, rules...)...).Err())
		must(t, admin.FlushAll(t.Context()).Err())
		must(t, admin.ScriptFlush(t.Context()).Err())
		client := server.Client(t, func(o *redis.Options) { o.Username, o.Password = "shop", "secret" })
		p, err := gormcache.New(gormcache.Config{Namespace: "test", Store: redisstore.New(client), WriteTimeout: 10 * time.Second})
		must(t, err)
		t.Cleanup(func() { must(t, p.Close()) })
		return d.Open(t).Use(p)
	}
	must(t, useAs(enough...))
	if n := server.Client(t).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("Use leaves %d keys", n)
	}
	says(t, "by categories", useAs("~test:*", "+@read", "+@write", "+@connection", "+@scripting", "+info"), "Config.Store", "ACL")
	says(t, "other keys", useAs("~other:*", "+@all"), "Config.Store", "ACL")
	says(t, "keys to read only", useAs("%R~test:*", "+@all"), "Config.Store", "ACL")
	for i := 1; i < len(enough); i++ {
		less := slices.Delete(slices.Clone(enough), i, i+1)
		says(t, fmt.Sprint("all but ", enough[i]), useAs(less...), "Config.Store", "ACL")
	}
}

type oddDialector struct{ gorm.Dialector }

func (oddDialector) Name() string { return "oracle" }

func TestQueriesRefuse(t *testing.T) {
	d := newDatabase(t, "sqlite")
	bare := d.Open(t)
	db := d.Open(t)
	p := use(t, db, newStore(t, "memory"))
	find := func(db *gorm.DB, c clause.Expression) error { return db.Clauses(c).Find(&[]User{}).Error }

	if err := find(bare, fromcache.Region("default")); !errors.Is(err, gormcache.ErrNotRegistered) {
		t.Errorf("a scope without the plugin: %v", err)
	}
	err := find(db, fromcache.Region("nope"))
	says(t, "unknown region", err, "nope", "Config.Regions", "default")
	if !errors.Is(err, gormcache.ErrUnknownRegion) {
		t.Errorf("unknown region: %v", err)
	}
	says(t, "unknown region by Scopes", db.Scopes(fromcache.Scope("nope")).Find(&[]User{}).Error, "nope")
	_, err = gorm.G[User](db, fromcache.Region("nope")).Find(t.Context())
	says(t, "unknown region by G", err, "nope")
	_, err = p.Region("nope")
	says(t, "unknown region by the plugin", err, "nope")
	for _, ttl := range []time.Duration{0, -time.Second} {
		says(t, "TTL", find(db, fromcache.Region("default", fromcache.TTL(ttl))), "TTL", "positive", "NoExpiration")
	}
	says(t, "a nil option", find(db, fromcache.Region("default", nil)), "option", "nil", "leave it out")
	says(t, "a nil option by Scopes", db.Scopes(fromcache.With(nil)).Find(&[]User{}).Error, "option", "nil")
	says(t, "two modes", find(db, fromcache.Region("default", fromcache.Refresh(), fromcache.OnlyIfCached())), "exclude")
	if err := find(db, fromcache.Region("default", fromcache.OnlyIfCached())); !errors.Is(err, fromcache.ErrCacheMiss) {
		t.Errorf("OnlyIfCached: %v", err)
	}
	must(t, p.Close()) // what is misuse stays misuse
	says(t, "unknown region of a closed plugin", find(db, fromcache.Region("nope")), "nope")
}

func TestInvalidateRefuses(t *testing.T) {
	d := newDatabase(t, "sqlite")
	bare, db := d.Open(t), d.Open(t)
	use(t, db, newStore(t, "memory"))
	ctx := t.Context()
	for name, f := range map[string]func(context.Context, *gorm.DB) error{
		"Tables": func(ctx context.Context, db *gorm.DB) error { return invalidate.Tables(ctx, db, "users") },
		"Model":  func(ctx context.Context, db *gorm.DB) error { return invalidate.Model(ctx, db, &User{}) },
		"Region": func(ctx context.Context, db *gorm.DB) error { return invalidate.Region(ctx, db, "default") },
		"Tags":   func(ctx context.Context, db *gorm.DB) error { return invalidate.Tags(ctx, db, "x") },
		"All":    invalidate.All,
	} {
		if err := f(ctx, bare); !errors.Is(err, gormcache.ErrNotRegistered) {
			t.Errorf("%s without the plugin: %v", name, err)
		}
		says(t, name+" of nil", f(ctx, nil), "db is nil")
		says(t, name+" of an empty DB", f(ctx, new(gorm.DB)), "db is nil")
		must(t, f(ctx, db))
		must(t, f(ctx, db.Where("id = 1").Session(&gorm.Session{})))
	}
	says(t, "unknown region", invalidate.Region(ctx, db, "default", "nope"), "nope", "Config.Regions")
	says(t, "an empty table", invalidate.Tables(ctx, db, ""), "empty")
	says(t, "a quoted table", invalidate.Tables(ctx, db, `"users"`), "quoted")
	for _, bad := range []any{nil, 5, "users", map[string]any{}, []int{1}, func() {}} {
		says(t, "a model", invalidate.Model(ctx, db, bad), "not a model")
	}
	must(t, invalidate.Model(ctx, db, (*User)(nil)))
	must(t, invalidate.Tables(ctx, db))
	must(t, invalidate.Tables(ctx, db, "no such table", "ü\x00"))
}

// Close ends all that the plugin began.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	d := newDatabase(t, "sqlite")
	before := goleak.IgnoreCurrent()
	db := d.Open(t)
	p, err := gormcache.New(gormcache.Config{Namespace: "test", Regions: map[string]region.Config{
		"default": {TTL: time.Nanosecond, StaleWhileRevalidate: time.Hour}}})
	must(t, err)
	must(t, db.Use(p))
	for range 10 { // each read serves what is old, and refreshes in the background
		cached(t, db, "users")
		must(t, rename(db, 1, "x"))
	}
	must(t, p.Close())
	pool, err := db.DB()
	must(t, err)
	must(t, pool.Close())
	must(t, goleak.Find(before, servers.IgnoreLeaks()))
}

// Sharding that is registered later can't be refused any more. It is told of once, at the first write.
func TestShardingRegisteredLater(t *testing.T) {
	log, db := &lab.Lines{}, newDatabase(t, "sqlite").Open(t)
	use(t, db, newStore(t, "memory"), func(c *gormcache.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	must(t, rename(db, 1, "alone"))
	if got := log.Take(); len(got) > 0 {
		t.Errorf("without it: %q", got)
	}
	db.Plugins["gorm:sharding"] = db.Plugins["gormcache"]
	must(t, rename(db, 1, "beside"))
	must(t, rename(db, 1, "beside"))
	if got := log.Take(); len(got) != 1 || !strings.Contains(got[0], "level=WARN") || !strings.Contains(got[0], "use one of the two") {
		t.Errorf("beside it: %q", got)
	}
}
