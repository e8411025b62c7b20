package plugin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// inspectedStores are all kinds of stores that tell marks apart.
func inspectedStores(t *testing.T) map[string]store.Store {
	t.Helper()
	below := memory.New()
	t.Cleanup(func() { must(t, below.Close()) })
	keys := sealed.Keys{Current: sealed.Key{ID: "test", Secret: []byte("32 bytes or more of a key of a test")}}
	sealing, err := sealed.New(below, keys)
	must(t, err)
	return map[string]store.Store{
		"memory": newStore(t, "memory"), "sealed": sealing, "redis": newStore(t, "redis"),
		"cluster": redisstore.New(servers.RedisCluster(t).Client(t)),
	}
}

// table is what an inspection says of one.
func table(t testing.TB, i observe.Inspection, name string) observe.TableState {
	t.Helper()
	at := slices.IndexFunc(i.Tables, func(s observe.TableState) bool { return s.Table == name })
	if at < 0 {
		t.Fatalf("nothing is said of %s:\n%s", name, i)
	}
	return i.Tables[at]
}

// Inspect shows marks with their writers and the time they have left, in every store.
func TestInspectShowsMarks(t *testing.T) {
	for name, s := range inspectedStores(t) {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t, "sqlite")
			db := d.Open(t)
			p := use(t, db, s)
			warm(t, db, "users")
			i, err := p.Inspect(t.Context())
			must(t, err)
			if users := table(t, i, "users"); len(i.Tables) != 1 || users.Tags[0].Tag != "test:t:users" || users.Tags[0].Is != observe.Clean ||
				i.Epoch.Is != observe.Clean || i.Epoch.Token != i.EpochSeen || len(i.Pending) > 0 {
				t.Errorf("all is well, and it says\n%s", i)
			}
			w, dead := store.NewWriter(), store.NewWriter()
			must(t, s.Mark(t.Context(), []string{"test:t:users", "test:n"}, w, time.Hour))
			must(t, s.Mark(t.Context(), []string{"test:t:orders"}, dead, time.Millisecond))
			eventually(t, "a mark to run out", func() bool {
				i, err = p.Inspect(t.Context(), "public.Users", "orders")
				must(t, err)
				return table(t, i, "orders").Tags[0].Marks[0].Left <= 0
			})
			users := table(t, i, "users").Tags[0]
			if users.Is != observe.MarkedState || len(users.Marks) != 1 || users.Marks[0].Writer != w.String() ||
				users.Marks[0].Left > time.Hour || users.Marks[0].Left < 50*time.Minute {
				t.Errorf("%+v", users)
			}
			if i.Epoch.Is != observe.MarkedState || table(t, i, "orders").Tags[0].Marks[0].Writer != dead.String() {
				t.Errorf("%s", i)
			}
			text := i.String()
			for _, want := range []string{"marked  59m", "test:t:users", w.String(), "over", "(all)", "absent", "namespace  test", "readers", "pending    nothing"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if !strings.Contains(i.JSON(), `"writer": "`+w.String()) {
				t.Errorf("%s", i.JSON())
			}
			must(t, s.Unmark(t.Context(), []string{"test:t:users", "test:n"}, w))
		})
	}
}

// Where the store is down Inspect says what the process knows, in bounded time, and the error.
func TestInspectWhileTheStoreIsDown(t *testing.T) {
	for _, how := range []string{"fails", "hangs"} {
		t.Run(how, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *scene) { whileTheStoreIsDown(t, s, how) }, func(c *gormcache.Config) {
				c.WriteTimeout, c.BreakerCooldown = 100*time.Millisecond, time.Hour
			})
		})
	}
}

func whileTheStoreIsDown(t *testing.T, s *scene, how string) {
	db := s.writer.db
	warm(t, db, "users")
	all := []string{"lookup", "tokens", "set", "mark", "settle", "unmark", "inspect"}
	if how == "fails" {
		s.writer.gate.fail(all...)
	} else {
		s.writer.gate.hang(all...)
	}
	for range 6 {
		must(t, rename(db, 1, "x"))
	}
	began := time.Now()
	i, err := s.writer.p.Inspect(t.Context())
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if err == nil || how == "fails" && !errors.Is(err, errStore) || how == "hangs" && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	pending := slices.ContainsFunc(i.Pending, func(p observe.PendingTag) bool {
		return p.Tag == "test:t:users" && p.Writer != "" && !p.Since.After(began)
	})
	if !pending || i.LastError == "" || !i.Writers.Open || i.Writers.Error == "" || i.Writers.Since.IsZero() {
		t.Errorf("%+v", i)
	}
	if users := table(t, i, "users"); users.Tags[0].Is != observe.NotAsked {
		t.Errorf("%+v", users)
	}
	for _, want := range []string{"not asked", "have not asked the store for", "test:t:users", "last error"} {
		if text := i.String(); !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	s.writer.gate.off() // the store is well again, and the breaker does not know yet
	if i, err = s.writer.p.Inspect(t.Context()); err != nil || !i.Writers.Open || table(t, i, "users").Tags[0].Is == observe.NotAsked {
		t.Errorf("past the breaker: %v\n%s", err, i)
	}
}

// What is known of this process's own writers stands beside their marks.
func TestInspectKnowsItsOwnWriters(t *testing.T) {
	s := newScene(t, "sqlite", "memory")
	db := s.writer.db
	warm(t, db, "users")
	must(t, db.Connection(func(tx *gorm.DB) error {
		must(t, tx.Exec("BEGIN").Error)
		i, err := s.writer.p.Inspect(t.Context())
		must(t, err)
		if i.Epoch.Is != observe.MarkedState || !strings.Contains(i.Epoch.Marks[0].Of, "plain SQL") {
			t.Errorf("%s", i)
		}
		if i, err = s.other.p.Inspect(t.Context()); err != nil || i.Epoch.Marks[0].Of != "" {
			t.Errorf("another process: %v\n%s", err, i)
		}
		return tx.Exec("COMMIT").Error
	}))
	if i, err := s.other.p.Inspect(t.Context(), "users"); err != nil || i.Epoch.Is != observe.Clean || !strings.Contains(i.String(), "not seen yet") {
		t.Errorf("everything was dropped: %v\n%s", err, i)
	}
	s.writer.gate.fail("settle")
	must(t, rename(db, 1, "x"))
	i, err := s.writer.p.Inspect(t.Context())
	must(t, err)
	if marks := table(t, i, "users").Tags[0].Marks; len(marks) != 1 || !strings.Contains(marks[0].Of, "pending") || marks[0].Writer != i.Pending[0].Writer {
		t.Errorf("%s", i)
	}
	landed(t, s)
}

func TestInspectRefuses(t *testing.T) {
	p, err := gormcache.New(gormcache.Config{Namespace: "test"})
	must(t, err)
	if _, err := p.Inspect(t.Context()); !errors.Is(err, gormcache.ErrNotRegistered) {
		t.Errorf("before db.Use: %v", err)
	}
	db := newDatabase(t, "sqlite").Open(t)
	must(t, db.Use(p))
	for _, name := range []string{"", `"users"`, "`users`"} {
		_, err := p.Inspect(t.Context(), name)
		says(t, "Inspect", err, "Inspect", "quotes")
	}
	must(t, invalidate.Tables(t.Context(), db, "users"))
	must(t, p.Close())
	i, err := p.Inspect(t.Context(), "users")
	if err != nil || !i.Closed || !strings.Contains(i.String(), "closed") {
		t.Errorf("closed: %v\n%s", err, i)
	}
}
