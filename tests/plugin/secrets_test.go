package plugin_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// secret stands in arguments and rows, and nowhere else.
const secret = "s3cret-of-ann"

// everything turns on all that a plugin can say, and writes it to the lines: the log at debug, as JSON and so with every field in full,
// and each hook. The error of a read that the database itself refused is the application's.
func everything(o *lab.Lines) func(*gormcache.Config) {
	return func(c *gormcache.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(o, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Hooks = &observe.Hooks{
			Read: func(ctx context.Context, r observe.Read) {
				lab.Saw(ctx, r)
				r.Err = nil
				o.Printf("read: %+v", r)
			},
			Invalidate: func(_ context.Context, i observe.Invalidation) { o.Printf("invalidate: %+v", i) },
			StoreError: func(_ context.Context, op string, err error) { o.Printf("store error: %s: %v", op, err) },
		}
		c.WriteTimeout = 2 * time.Second
	}
}

// The log, the hooks, the counters, the cache's own errors and the names in the store show neither
// arguments of SQL nor rows; and if entries are encrypted, no value in the store does.
func TestSecretsAreNotTold(t *testing.T) {
	keys := sealed.Keys{Current: sealed.Key{ID: "test", Secret: []byte("the key's s3cret-of-ann, 32 bytes or more")}}
	for _, c := range []struct {
		name string
		keys *sealed.Keys
		seen bool // in the values of the store
	}{
		{"plain", nil, true},
		{"signed", &sealed.Keys{Mode: sealed.Sign, Current: keys.Current}, true},
		{"encrypted", &keys, false},
	} {
		for _, kind := range []string{"memory", "redis"} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				below, dump := watchedStore(t, kind)
				if c.keys != nil {
					var err error
					below, err = sealed.New(below, *c.keys)
					must(t, err)
				}
				o, g := &lab.Lines{}, &gate{Store: below}
				d := newDatabase(t, "sqlite")
				db := d.Open(t)
				p := use(t, db, g, everything(o))
				secretLife(t, db, p, g, o)
				o.Printf("stats: %+v", p.Stats())
				if text := o.String(); strings.Contains(text, secret) || !strings.Contains(text, "gormcache: read") {
					t.Errorf("the secret is told, or nothing is:\n%s", around(text, secret))
				}
				names, values := dump(t)
				if strings.Contains(names, secret) || !strings.Contains(names, "test:") {
					t.Errorf("the secret stands in a name, or there is none:\n%s", around(names, secret))
				}
				if seen := strings.Contains(values, secret); seen != c.seen {
					t.Errorf("the secret stands in a value: %v, want %v", seen, c.seen)
				}
			})
		}
	}
}

// secretLife reads and writes in every way that says something about it.
func secretLife(t *testing.T, db *gorm.DB, p *gormcache.Plugin, g *gate, o *lab.Lines) {
	t.Helper()
	ctx := t.Context()
	must(t, db.Create(&User{ID: 9, Name: secret}).Error)
	must(t, db.Exec("UPDATE users SET age = 1 WHERE name = ?", secret).Error)
	read := func(want observe.Outcome, opts ...fromcache.Option) {
		t.Helper()
		var seen observe.Read
		var users []User
		err := db.WithContext(lab.Seeing(ctx, &seen)).
			Clauses(fromcache.Region("default", opts...)).Where("name = ?", secret).Find(&users).Error
		if err != nil || len(users) != 1 || users[0].Name != secret || seen.Outcome != want {
			t.Fatalf("%+v, %v; %v (%s %s), want a %v", users, err, seen.Outcome, seen.Reason, seen.Detail, want)
		}
	}
	for _, opts := range [][]fromcache.Option{nil, {fromcache.Key(secret)}, {fromcache.Tags("it is " + secret)}} {
		read(miss, opts...)
		read(hit, opts...)
	}
	values, err := p.Region("second")
	must(t, err)
	for range 2 {
		_, err = region.GetOrCreate(ctx, values, secret, func(context.Context) (string, error) { return secret, nil })
		must(t, err)
	}

	// What goes wrong, in the cache or in the database.
	bad := []error{
		db.Clauses(fromcache.Region("default", fromcache.OnlyIfCached())).Find(&[]User{}, "name = ?", secret+"!").Error,
		db.Clauses(fromcache.Region("nowhere")).Find(&[]User{}, "name = ?", secret).Error,
		db.Clauses(fromcache.Region("default", fromcache.Refresh(), fromcache.OnlyIfCached())).Find(&[]User{}, "name = ?", secret).Error,
		invalidate.Tables(ctx, db, ""),
		invalidate.Model(ctx, db, secret),
		invalidate.Region(ctx, db, "nowhere"),
	}
	for i, err := range bad {
		if err == nil {
			t.Errorf("mistake %d is none", i)
		}
		o.Printf("error: %v", err)
	}
	var n int
	err = db.Clauses(fromcache.Region("default")).Raw("SELECT json_extract('{}', ?)", secret).Scan(&n).Error
	if err == nil || !strings.Contains(err.Error(), secret) {
		t.Errorf("the database quotes no argument any more, so this test needs another error: %v", err)
	}
	for _, step := range []string{"lookup", "tokens", "set", "mark", "settle"} {
		g.fail(step)
		if step != "lookup" && step != "mark" && step != "settle" {
			must(t, invalidate.All(ctx, db))
		}
		must(t, db.Clauses(fromcache.Region("default")).Find(&[]User{}, "name = ?", secret).Error)
		must(t, db.Exec("UPDATE users SET age = age + 1 WHERE name = ?", secret).Error)
		g.off()
		eventually(t, "the queue to be empty", func() bool { return p.Stats().Pending == 0 })
	}
	broken := errors.New("rolled back")
	err = db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&Order{Name: secret}).Error, tx.Clauses(fromcache.Region("default")).Find(&[]User{}, "name = ?", secret).Error, broken)
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	eventually(t, "the entry to be there at the end", func() bool {
		var seen observe.Read
		must(t, db.WithContext(lab.Seeing(ctx, &seen)).
			Clauses(fromcache.Region("default")).Find(&[]User{}, "name = ?", secret).Error)
		return seen.Outcome == hit
	})
}

// watchedStore makes a store, and a function that returns all names in it and all values.
func watchedStore(t *testing.T, kind string) (store.Store, func(t *testing.T) (names, values string)) {
	t.Helper()
	if kind == "redis" {
		client := servers.Redis(t).Client(t, func(o *redis.Options) { o.ContextTimeoutEnabled = true })
		s := redisstore.New(client)
		t.Cleanup(func() { must(t, s.Close()) })
		return s, func(t *testing.T) (names, values string) {
			t.Helper()
			scan := client.Scan(t.Context(), 0, "*", 100).Iterator()
			for scan.Next(t.Context()) {
				value, err := client.Get(t.Context(), scan.Val()).Result()
				must(t, err)
				names, values = names+scan.Val()+"\n", values+value+"\n"
			}
			must(t, scan.Err())
			return names, values
		}
	}
	s := &noting{Store: memory.New()}
	t.Cleanup(func() { must(t, s.Close()) })
	return s, func(*testing.T) (names, values string) { return s.names.String(), s.values.String() }
}

// noting notes what reaches the store in memory, which can't be listed.
type noting struct {
	store.Store
	names, values lab.Lines
}

// Lookup notes the names.
func (s *noting) Lookup(ctx context.Context, l *store.Lookup) error {
	s.names.Printf("%s %s", l.Keys, l.Tags)
	return s.Store.Lookup(ctx, l)
}

// Set notes name and value.
func (s *noting) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s.names.Printf("%s", key)
	s.values.Printf("%s", value)
	return s.Store.Set(ctx, key, value, ttl)
}

// Settle notes the tags.
func (s *noting) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	s.names.Printf("%s", tags)
	return s.Store.Settle(ctx, tags, w, linger)
}

// around returns the lines in which what stands.
func around(text, what string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, what) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}
