package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// stores makes a store for each instance: of one Redis, or none, for the store inside the process.
type stores struct {
	client    *redis.Client
	namespace string
}

func newStores(ctx context.Context, redisAddr string) (*stores, error) {
	// A namespace of this run's own: what an earlier run left in the Redis is not of this database.
	s := &stores{namespace: "quickstart-" + strings.ToLower(rand.Text()[:8])}
	if redisAddr == "" {
		return s, nil
	}
	s.client = redis.NewClient(&redis.Options{Addr: redisAddr, ContextTimeoutEnabled: true, DialerRetries: 1, MaxRetries: -1})
	if err := s.client.Ping(ctx).Err(); err != nil {
		_ = s.client.Close()
		return nil, fmt.Errorf("no Redis at %s: %w", redisAddr, err)
	}
	return s, nil
}

// next returns a store for one more instance; nil stands for the store inside the process.
func (s *stores) next() store.Store {
	if s.client == nil {
		return nil
	}
	return redisstore.New(s.client)
}

func (s *stores) close() {
	if s.client != nil {
		_ = s.client.Close()
	}
}

// instance is what one process of the shop would have: a handle on the database with the plugin, and a
// plain one beside it, to compare.
type instance struct {
	name   string
	db     *gorm.DB
	plain  *gorm.DB
	plugin *gormcache.Plugin
	sql    counter
	last   atomic.Pointer[observe.Read]
}

func newInstance(dir, name string, stores *stores) (*instance, error) {
	in := &instance{name: name}
	var err error
	if in.db, err = open(dir, &in.sql); err != nil {
		return nil, err
	}
	if in.plain, err = open(dir, new(counter)); err != nil {
		return nil, err
	}
	in.plugin, err = gormcache.New(gormcache.Config{
		Store:     stores.next(),
		Namespace: stores.namespace,
		Regions:   map[string]region.Config{"shop": {TTL: time.Minute}},
		Hooks:     &observe.Hooks{Read: func(_ context.Context, r observe.Read) { in.last.Store(&r) }},
	})
	if err != nil {
		return nil, err
	}
	return in, in.db.Use(in.plugin)
}

// open opens the shop's database below a counter.
func open(dir string, statements *counter) (*gorm.DB, error) {
	dsn := "file:" + filepath.Join(dir, "shop.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)"
	// The way to a driver that is known by its name only. Nothing is connected yet.
	named, err := sql.Open(sqlite.DriverName, dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(&connector{driver: named.Driver(), dsn: dsn, counter: statements})
	if err := named.Close(); err != nil {
		return nil, err
	}
	return gorm.Open(sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Default.LogMode(logger.Error)})
}

func (in *instance) close() {
	if in.plugin != nil {
		_ = in.plugin.Close()
	}
	for _, db := range []*gorm.DB{in.db, in.plain} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	}
}
