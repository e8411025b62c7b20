package plugin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// A plugin that wraps the callback that it finds keeps queries from the cache if it came first, and none if gormcache did:
// what it does, it does around the cache.
//
// Falls if: the message tells to do what does not help.
func TestRemedyForAReplacedCallback(t *testing.T) {
	wrap := func(t *testing.T, db *gorm.DB) { // only grown-ups
		query := db.Callback().Query()
		next := query.Get("gorm:query")
		must(t, query.Replace("gorm:query", func(db *gorm.DB) {
			db.Where("age > ?", 30)
			next(db)
		}))
	}
	d := newDatabase(t, "sqlite")
	plain := d.Open(t)
	wrap(t, plain)
	want := direct(t, plain, "users")
	if len(want) != 2 {
		t.Fatalf("the other plugin lets through %v", want)
	}

	late := d.Open(t)
	wrap(t, late)
	use(t, late, newStore(t, "memory"))
	got, seen := cached(t, late, "users")
	same(t, "late", got, want)
	if seen.Reason != observe.Replaced || !strings.Contains(seen.Detail, "if what it has put there calls the callback that it found, register gormcache first") {
		t.Errorf("late: %s: %s", seen.Reason, seen.Detail)
	}

	early := d.Open(t)
	use(t, early, newStore(t, "memory"))
	wrap(t, early)
	same(t, "early", warm(t, early, "users"), want)
	must(t, early.Exec("UPDATE users SET age = 20 WHERE age = 40").Error)
	reading(t, early, "users", direct(t, plain, "users"), miss)
	reading(t, early, "users", direct(t, plain, "users"), hit)

	// One that calls GORM's own callback goes past the cache, whoever comes first, and is right.
	around := d.Open(t)
	p := use(t, around, newStore(t, "memory"))
	must(t, around.Callback().Query().Replace("gorm:query", callbacks.Query))
	for range 2 {
		var got rows
		must(t, around.Clauses(fromcache.Region("default")).Table("users").Order("id").Find(&got).Error)
		same(t, "around", got, direct(t, d.plain, "users"))
	}
	if s := p.Stats(); s.Hits != 0 {
		t.Errorf("around: %d hits", s.Hits)
	}
}

// What the stores' and the namespace's messages tell to do is done, and the cache works.
func TestRemediesForStores(t *testing.T) {
	server := servers.Redis(t)
	admin := server.Client(t)
	must(t, admin.Do(t.Context(), "acl", "setuser", "app", "on", ">secret", "~*", "+@all").Err())
	must(t, admin.Do(t.Context(), "acl", "setuser", "narrow", "on", ">secret", "~*", "+@all", "-eval", "-evalsha").Err())
	must(t, admin.Do(t.Context(), "acl", "setuser", "nokeys", "on", ">secret", "~other:*", "+@all").Err())
	client := func(t *testing.T, o redis.Options) *redis.Client {
		o.Addr = server.Addr
		c := redis.NewClient(&o)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	secret := func(id string) sealed.Key {
		return sealed.Key{ID: id, Secret: []byte("0123456789abcdef0123456789abcdef")}
	}
	config := func(change func(*gormcache.Config)) func(t *testing.T) string {
		return func(t *testing.T) string {
			l := &lab.Lines{}
			c := gormcache.Config{Namespace: "remedies", WriteTimeout: 5 * time.Second, ReadTimeout: time.Second}
			change(&c)
			logTo(l)(&c)
			p, err := gormcache.New(c)
			if err != nil {
				return err.Error()
			}
			t.Cleanup(func() { _ = p.Close() }) // what a store that refuses could not be told is an error of it
			db := servers.SQLite(t).Open(t)
			if err := db.Use(p); err != nil {
				return err.Error()
			}
			must(t, db.Exec("CREATE TABLE things (id int)").Error)
			for range 4 {
				must(t, db.Clauses(fromcache.Region("default")).Table("things").Find(&rows{}).Error)
			}
			if s := p.Stats(); s.Hits == 0 {
				return "no hits: " + strings.Join(l.Take("WARN"), "\n")
			}
			return ""
		}
	}
	store := func(o redis.Options, opts ...redisstore.Option) func(t *testing.T) string {
		return func(t *testing.T) string {
			return config(func(c *gormcache.Config) { c.Store = redisstore.New(client(t, o), opts...) })(t)
		}
	}
	seal := func(keys sealed.Keys) func(t *testing.T) string {
		return func(t *testing.T) string {
			s, err := sealed.New(memory.New(), keys)
			if err != nil {
				return err.Error()
			}
			return config(func(c *gormcache.Config) { c.Store = s })(t)
		}
	}
	shard := func(with bool) func(t *testing.T) string {
		return func(t *testing.T) string {
			db := servers.SQLite(t).Open(t)
			p, err := gormcache.New(gormcache.Config{Namespace: "remedies"})
			must(t, err)
			t.Cleanup(func() { must(t, p.Close()) })
			if with {
				db.Plugins["gorm:sharding"] = p
			}
			if err := db.Use(p); err != nil {
				return err.Error()
			}
			return ""
		}
	}
	for name, test := range map[string]struct {
		before func(t *testing.T) string
		says   string
		after  func(t *testing.T) string
	}{
		"a wrong password":   {store(redis.Options{Username: "app", Password: "wrong"}), "set the client's Username and Password", store(redis.Options{Username: "app", Password: "secret"})},
		"no right to EVAL":   {store(redis.Options{Username: "narrow", Password: "secret"}), "permit EVAL and EVALSHA", store(redis.Options{Username: "app", Password: "secret"})},
		"no right to keys":   {store(redis.Options{Username: "nokeys", Password: "secret"}), "permit in its ACL", store(redis.Options{Username: "app", Password: "secret"})},
		"a Wait of nothing":  {store(redis.Options{}, redisstore.Wait(1, 0)), "set at least a millisecond", store(redis.Options{}, redisstore.Wait(0, time.Millisecond))},
		"no client":          {config(func(c *gormcache.Config) { c.Store = redisstore.New(nil) }), "pass one made by redis.NewClient", store(redis.Options{})},
		"an empty key's id":  {seal(sealed.Keys{Current: secret("")}), "name the secret", seal(sealed.Keys{Current: secret("2026-03")})},
		"a key's id with /":  {seal(sealed.Keys{Current: secret("a/b")}), "use A-Z a-z 0-9 _ . -", seal(sealed.Keys{Current: secret("a_b.C-9")})},
		"a short secret":     {seal(sealed.Keys{Current: sealed.Key{ID: "a", Secret: []byte("short")}}), "openssl rand -hex 32", seal(sealed.Keys{Current: secret("a")})},
		"two keys of one id": {seal(sealed.Keys{Current: secret("a"), Others: []sealed.Key{secret("a")}}), "give each secret an ID of its own", seal(sealed.Keys{Current: secret("a"), Others: []sealed.Key{{ID: "b", Secret: []byte("fedcba9876543210fedcba9876543210")}}})},
		"no mode":            {seal(sealed.Keys{Mode: 9, Current: secret("a")}), "sealed.Sign", seal(sealed.Keys{Mode: sealed.Sign, Current: secret("a")})},
		"sharding":           {shard(true), "use one of the two", shard(false)},
		"no namespace":       {config(func(c *gormcache.Config) { c.Namespace = "" }), `name the application, such as "shop"`, config(func(c *gormcache.Config) { c.Namespace = "shop" })},
		"a colon":            {config(func(c *gormcache.Config) { c.Namespace = "a:b" }), "use only letters, digits, '_', '.' and '-'", config(func(c *gormcache.Config) { c.Namespace = "a_b.C-9" })},
		"a long namespace":   {config(func(c *gormcache.Config) { c.Namespace = strings.Repeat("x", 65) }), "use at most 64", config(func(c *gormcache.Config) { c.Namespace = strings.Repeat("x", 64) })},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.before(t); !strings.Contains(got, test.says) {
				t.Errorf("it says %q, want %q", got, test.says)
			}
			if got := test.after(t); got != "" {
				t.Errorf("done as it says: %s", got)
			}
		})
	}
}
