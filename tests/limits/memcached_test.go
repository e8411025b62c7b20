package limits_test

import (
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// memcached evicts a marked tag, and a reader fills under the new one it makes.
func TestLimitEvictedMarkMemcached(t *testing.T) {
	t.Parallel()
	server := servers.Memcached(t)
	s := newScene(t, "sqlite")
	s.store = memcachestore.New([]string{server.Addr})
	client := memcache.New(server.Addr)
	t.Cleanup(func() { _ = client.Close() })
	h := &hooked{Store: s.store}
	other := s.process(t)
	writer := s.process(t, func(c *gormcache.Config) { c.Store = h })
	warm(t, other)
	h.marked = func() {
		must(t, client.FlushAll()) // all at once, where eviction takes one by one
		warm(t, other)
	}
	old := ""
	h.settle = func() { old = name(t, other) }
	must(t, rename(writer, "new"))
	expect(t, "a read between COMMIT and the new token", old, "old")
	expect(t, "a read after it", name(t, other), "new")
}

// Two processes name the same servers otherwise: each looks where the other does not write.
func TestLimitServersNamedOtherwise(t *testing.T) {
	t.Parallel()
	a, b := servers.Memcached(t), servers.Memcached(t)
	s := newScene(t, "postgres")
	s.store = memcachestore.New([]string{a.Addr})
	db := s.process(t)
	writer := s.process(t, func(c *gormcache.Config) { c.Store = memcachestore.New([]string{b.Addr}) })
	warm(t, db)
	must(t, rename(writer, "new"))
	stale(t, s, db, byHand(t, db))
}

// A migration leaves out the deploy that marks the old store and does not read it.
func TestLimitDeployLeftOut(t *testing.T) {
	t.Parallel()
	server, redis := servers.Memcached(t), servers.Redis(t)
	s := newScene(t, "postgres")
	s.store = redis.Store(t)
	first := s.process(t)
	s.store = fallback.New(memcachestore.New([]string{server.Addr}), fallback.From(redis.Store(t)), fallback.PromoteFor(briefTTL))
	second := s.process(t)
	last := s.process(t, func(c *gormcache.Config) { c.Store = memcachestore.New([]string{server.Addr}) })
	must(t, first.Create(&Thing{ID: 2, Name: "beside"}).Error)
	for _, region := range []string{long, brief, long, brief} { // the new store has the tags that all rows depend on
		must(t, second.Clauses(fromcache.Region(region)).First(&Thing{}, 2).Error)
	}
	warm(t, first)
	must(t, rename(last, "new"))
	stale(t, s, second, byHand(t, second))
}
