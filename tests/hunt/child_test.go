//go:build linux

package hunt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/invalidate"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/fallback"
	"github.com/seed-4f7f0efa/gormcache/store/memcachestore"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// planEnv makes the test binary one of the hunt's processes; it holds a plan.
const planEnv = "GORMCACHE_HUNT"

// namespace is the plugins'.
const namespace = "hunt"

// plan is what a process of the hunt is told.
type plan struct {
	Board      string
	Process    int
	Seed       uint64
	DSN, Redis string            // several addresses, parted by commas: a Cluster
	Memcached  string            // addresses, parted by commas: the store is in memcached
	Deploy     int               // from Redis to memcached: which deploy this process is of, counted from 1; 0: no migration
	MariaDB    bool              // DSN is one of MariaDB, not of PostgreSQL
	Tooth      string            // what is broken on purpose; empty: nothing
	Policy     invalidate.Policy // on store failures
	Grace      time.Duration
	Read       time.Duration // budgets
	Write      time.Duration
	Pause      int  // of a writer between two writes, on the average, in ms
	Writers    int  // how many processes write; 0: all
	Cancel     bool // contexts end early during bursts
	ReadsFail  bool // the database may fail, and so reads and writes
	WritesFail bool
	MarksLost  bool          // the fault takes marks out of the store
	Skew       bool          // the clocks of processes jump
	Jumps      time.Duration // how far, together, Redis's clock jumps forward during a write
	Late       time.Duration // by how much marks outlast their grace, where the store counts seconds
	ByPolicy   bool          // queries need no scope
}

// strictQueued tells that commits count for everybody before their tokens have landed.
func (p plan) strictQueued() bool { return p.Policy == invalidate.FailWrite && !p.MarksLost }

// child is a process of the hunt.
type child struct {
	plan   plan
	board  *board
	db     *gorm.DB
	plugin *gormcache.Plugin
}

func (c *child) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "process %d: %s\n", c.plan.Process, fmt.Sprintf(format, args...))
}

// hunted runs as one of the hunt's processes.
func hunted(encoded string) error {
	c := &child{}
	if err := json.Unmarshal([]byte(encoded), &c.plan); err != nil {
		return err
	}
	var err error
	if c.board, err = openBoard(c.plan.Board); err != nil {
		return err
	}
	// What an earlier process in this place had committed and not delivered died with it.
	for i := range c.board.own[c.plan.Process] {
		c.board.own[c.plan.Process][i].Store(0)
	}
	shared, done := sharedStore(c.plan)
	defer done()
	var s store.Store = &steps{child: c, Store: broken(c.plan, shared)}
	if c.plan.Skew {
		s = &skewed{child: c, Store: s}
	}
	if c.db, c.plugin, err = open(c.plan, s, &tracer{c}); err != nil {
		return err
	}
	// The catalog is read, the first connections are made, and the cache is warm: a slow machine does not get
	// many reads done, and should not spend them on that.
	for q := range queries {
		for id := range uint(cells) {
			if _, err := ask(c.cached(c.db, q), q, id+1); err != nil && !c.plan.ReadsFail && !errors.Is(err, errTwice) {
				return err
			}
		}
	}
	c.board.ready.Add(1)
	var all sync.WaitGroup
	if c.plan.Writers == 0 || c.plan.Process < c.plan.Writers {
		all.Go((&writer{child: c, rand: c.random(0)}).run)
	}
	for i := range 2 {
		all.Go((&reader{child: c, rand: c.random(i + 1)}).run)
	}
	all.Wait()
	return c.plugin.Close()
}

// direct makes the database answer.
func (c *child) direct(db *gorm.DB) *gorm.DB {
	if c.plan.ByPolicy {
		return db.Clauses(fromcache.Bypass())
	}
	return db
}

// cached makes the cache answer.
func (c *child) cached(db *gorm.DB, query int) *gorm.DB {
	if c.plan.ByPolicy {
		return db
	}
	return db.Clauses(scopes[query]...)
}

func (c *child) random(i int) *rand.Rand {
	return rand.New(rand.NewPCG(c.plan.Seed, uint64(c.plan.Process*10+i)))
}

// sharedStore returns the plan's store, and what closes its client.
func sharedStore(p plan) (store.Store, func()) {
	if p.Memcached != "" && p.Deploy == 0 {
		return memcachedStore(p), func() {}
	}
	redis.SetLogger(silent{})
	client := redisClient(p)
	old := redisstore.New(client)
	done := func() { _ = client.Close() }
	switch p.Deploy {
	case 2:
		return fallback.New(old, fallback.Marks(memcachedStore(p)), fallback.Grace(p.Grace)), done
	case 3:
		return fallback.New(memcachedStore(p), fallback.From(old), fallback.Grace(p.Grace)), done
	case 4:
		return fallback.New(memcachedStore(p), fallback.Marks(old), fallback.Grace(p.Grace)), done
	case 5:
		return memcachedStore(p), done
	}
	return old, done
}

func memcachedStore(p plan) *memcachestore.Store {
	return memcachestore.New(strings.Split(p.Memcached, ","))
}

func redisClient(p plan) redis.UniversalClient {
	const dial = 100 * time.Millisecond
	addrs := strings.Split(p.Redis, ",")
	if len(addrs) == 1 {
		return redis.NewClient(&redis.Options{Addr: p.Redis, DialTimeout: dial})
	}
	o := &redis.ClusterOptions{Addrs: addrs, DialTimeout: dial}
	if p.Tooth == toothUnbound {
		o.ClusterStateReloadInterval = dial // no store asks for the map of the slots there
		return unbound{redis.NewClusterClient(o)}
	}
	return redis.NewClusterClient(o)
}

// silent is for go-redis, which writes a line for each lost connection.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// open opens a handle with a plugin.
func open(p plan, s store.Store, trace *tracer) (*gorm.DB, *gormcache.Plugin, error) {
	dialect, err := dialector(p, trace)
	if err != nil {
		return nil, nil, err
	}
	db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, nil, err
	}
	policy := region.Config{TTL: time.Hour}
	if p.Skew {
		policy.StaleWhileRevalidate = time.Hour
	}
	var models map[string]fromcache.Policy
	if p.ByPolicy {
		models = map[string]fromcache.Policy{"*": {}}
	}
	plugin, err := gormcache.New(gormcache.Config{
		Store: s, Namespace: namespace, Database: "hunt",
		Regions:     map[string]region.Config{"default": policy},
		Models:      models,
		Triggers:    map[string][]string{"cells": {}}, // dawdle changes nothing
		Tracked:     map[string][]string{"items": {"cell_id"}, "notes": {"process"}},
		ReadTimeout: p.Read, WriteTimeout: p.Write, WriteGrace: p.Grace, WritePolicy: p.Policy,
		BreakerCooldown: 100 * time.Millisecond,
		Logger:          slog.New(slog.DiscardHandler),
		Hooks: &observe.Hooks{
			Read: func(ctx context.Context, r observe.Read) {
				// Of a query and its preloads, a hit is what none had to load for.
				if read, ok := ctx.Value(readKey{}).(*observe.Read); ok && (read.Outcome == 0 || r.Outcome != observe.Hit) {
					*read = r
				}
			},
			Invalidate: func(ctx context.Context, i observe.Invalidation) {
				if w := writeOf(ctx); w != nil && i.Queued {
					w.queued.Store(true)
				}
			},
		},
	})
	if err != nil {
		return nil, nil, err
	}
	return db, plugin, errors.Join(db.Use(plugin))
}
