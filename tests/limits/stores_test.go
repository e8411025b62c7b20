package limits_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/sealed"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// Redis evicts a marked tag, and a reader fills under the new one it makes.
func TestLimitEvictedMark(t *testing.T) {
	t.Parallel()
	server := servers.Redis(t)
	s := newScene(t, "sqlite").over(t, server)
	client := server.Client(t)
	h := &hooked{Store: s.store}
	other := s.process(t)
	writer := s.process(t, func(c *gormcache.Config) { c.Store = h })
	warm(t, other)
	h.marked = func() {
		must(t, client.FlushAll(t.Context()).Err()) // all at once, where eviction takes one by one
		warm(t, other)
	}
	old := ""
	h.settle = func() { old = name(t, other) }
	must(t, rename(writer, "new"))
	expect(t, "a read between COMMIT and the new token", old, "old")
	expect(t, "a read after it", name(t, other), "new")
}

// A restart takes the mark of a fence, and a reader fills before the commit that the fence was for.
func TestLimitLostMark(t *testing.T) {
	t.Parallel()
	server := servers.Redis(t)
	s := newScene(t, "postgres").over(t, server)
	db, writer := s.process(t), s.process(t)
	warm(t, db)
	own, err := pool(t, writer).BeginTx(t.Context(), nil)
	must(t, err)
	tx := writer.Session(&gorm.Session{NewDB: true})
	tx.Statement.ConnPool = own
	must(t, rename(tx, "new"))
	server.Kill()
	server.Start(t)
	cachedAgain(t, db)
	must(t, own.Commit())
	stale(t, s, db, byHand(t, db))
}

// kept is a key's value and how long it was to live.
type kept struct {
	value string
	ttl   time.Duration
}

// dump copies all keys of a Redis, and restore brings them back.
func dump(t *testing.T, client *redis.Client) map[string]kept {
	keys, err := client.Keys(t.Context(), "*").Result()
	must(t, err)
	all := map[string]kept{}
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		must(t, err)
		value, err := client.Dump(t.Context(), key).Result()
		if errors.Is(err, redis.Nil) {
			continue // it has expired meanwhile
		}
		must(t, err)
		all[key] = kept{value, ttl}
	}
	return all
}

func restore(t *testing.T, client *redis.Client, all map[string]kept) {
	for key, k := range all {
		must(t, client.RestoreReplace(t.Context(), key, max(k.ttl, 0), k.value).Err())
	}
}

func TestLimitRestoredKeys(t *testing.T) {
	t.Parallel()
	server := servers.Redis(t)
	s := newScene(t, "sqlite").over(t, server)
	client, db := server.Client(t), s.process(t)
	warm(t, db)
	all := dump(t, client)
	must(t, rename(db, "new"))
	must(t, client.FlushAll(t.Context()).Err()) // deleting is harmless
	expect(t, "a read after FLUSHALL", name(t, db), "new")
	restore(t, client, all)
	stale(t, s, db, func() error { return invalidate.All(t.Context(), db) })
}

func TestLimitStoreOfOneProcess(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	embedded := func(c *gormcache.Config) { c.Store = nil }
	one, two := s.process(t, embedded), s.process(t, embedded)
	warm(t, one)
	must(t, rename(two, "new"))
	stale(t, s, one, nil)
	shared := s.process(t)
	expect(t, "a read over a shared store", name(t, shared), "new")
	must(t, rename(s.process(t), "newer"))
	expect(t, "a read over a shared store", name(t, shared), "newer")
}

func TestLimitDatabasesOfOneName(t *testing.T) {
	t.Parallel()
	s := newScene(t, "sqlite")
	database := func(as, thing string) *gorm.DB {
		db := servers.Open(t, sqlite.Open(":memory:"))
		pool(t, db).SetMaxOpenConns(1)
		fill(t, db)
		must(t, rename(db, thing))
		s.use(t, db, func(c *gormcache.Config) { c.Database = as })
		return db
	}
	one, two := database("shop", "one's"), database("shop", "two's")
	for range 2 {
		expect(t, "the first's read", name(t, one), "one's")
	}
	expect(t, "the second's read", name(t, two), "one's")
	third, fourth := database("third", "third's"), database("fourth", "fourth's")
	for range 2 {
		expect(t, "a read of a database with a name", name(t, third), "third's")
		expect(t, "a read of a database with a name", name(t, fourth), "fourth's")
	}
}

func sealing(t *testing.T, next store.Store) store.Store {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	s, err := sealed.New(next, sealed.Keys{Current: sealed.Key{ID: "1", Secret: secret}})
	must(t, err)
	return s
}

// Who can write to the store brings back what was true once, sealed or not.
func TestLimitWhoWritesToTheStore(t *testing.T) {
	t.Parallel()
	server := servers.Redis(t)
	s := newScene(t, "sqlite")
	s.store = sealing(t, server.Store(t))
	client, db := server.Client(t), s.process(t)
	warm(t, db)
	all := dump(t, client)
	must(t, rename(db, "new"))
	expect(t, "a read", name(t, db), "new")
	for key, k := range all {
		all[key] = kept{k.value, 0} // and for ever: the TTL is the store's
	}
	restore(t, client, all)
	expect(t, "a read of what was brought back", name(t, db), "old")
}

// Who can read the store sees names, but no row of a sealed entry.
func TestLimitWhoReadsTheStore(t *testing.T) {
	t.Parallel()
	server := servers.Redis(t)
	s := newScene(t, "sqlite")
	s.store = sealing(t, server.Store(t))
	db := s.process(t)
	must(t, rename(s.plain, "a name that nobody else has"))
	for range 2 {
		name(t, db, fromcache.Tags("a tag of mine"))
	}
	var seen strings.Builder
	for key, value := range dump(t, server.Client(t)) {
		seen.WriteString(key + value.value)
	}
	if !strings.Contains(seen.String(), "things") {
		t.Error("the table's name is not to be seen")
	}
	if strings.Contains(seen.String(), "nobody else") {
		t.Error("a row is to be seen")
	}
}
