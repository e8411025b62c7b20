package soak_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// planEnv makes the test binary one of the processes; it holds a plan.
const planEnv = "GORMCACHE_SOAK"

// plan is what a process is told.
type plan struct {
	DSN, Redis string
	Seed       uint64
	Time       time.Duration
}

// sample is what a process tells of itself at one moment. The counts are since its start.
type sample struct {
	At                  time.Duration
	Reads, Hits, Writes uint64
	Errors, StoreErrors uint64
	Heap, Goroutines    uint64
	Pending             int
}

// worker is one process.
type worker struct {
	db             *gorm.DB
	plugin         *gormcache.Plugin
	redis          *redis.Client
	began          time.Time
	writes, errors atomic.Uint64
	stop           atomic.Bool
}

// newWorker opens the handle, the plugin and the store. The budgets are wide: on a busy machine a lookup
// that runs out of time would be an error of the store.
func newWorker(p plan, hooks *observe.Hooks) (*worker, error) {
	db, err := gorm.Open(postgres.Open(p.DSN), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	w := &worker{db: db, redis: redis.NewClient(&redis.Options{Addr: p.Redis, PoolSize: 2 * goroutines})}
	w.plugin, err = gormcache.New(gormcache.Config{
		Store: redisstore.New(w.redis), Namespace: "soak", Hooks: hooks, Logger: slog.New(slog.DiscardHandler),
		Regions:     map[string]region.Config{gormcache.DefaultRegion: {TTL: time.Minute}},
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return w, db.Use(w.plugin)
}

func (w *worker) close() error {
	err := w.plugin.Close()
	if n := w.plugin.Stats().Pending; n > 0 {
		err = errors.Join(err, fmt.Errorf("%d invalidations are pending after Close", n))
	}
	pool, poolErr := w.db.DB()
	if poolErr == nil {
		poolErr = pool.Close()
	}
	return errors.Join(err, poolErr, w.redis.Close())
}

// warm waits until the catalog is read, which the first reads do.
func warm(w *worker) error {
	for _, q := range queries {
		if _, err := q(w.db.Clauses(fromcache.Region(gormcache.DefaultRegion)), 1); err != nil {
			return err
		}
	}
	return nil
}

// soaked runs as one of the processes.
func soaked(encoded string) error {
	var p plan
	if err := json.Unmarshal([]byte(encoded), &p); err != nil {
		return err
	}
	w, err := newWorker(p, nil)
	if err != nil {
		return err
	}
	if err := warm(w); err != nil {
		return err
	}
	w.began = time.Now()
	var all sync.WaitGroup
	for i := range uint64(goroutines) {
		all.Go(func() { w.work(rand.New(rand.NewPCG(p.Seed, i))) })
	}
	// A machine that is too busy takes few samples in a short time; they must suffice to compare.
	for n, out := 0, json.NewEncoder(os.Stdout); time.Since(w.began) < p.Time || n < enough; n++ {
		time.Sleep(p.Time / samples)
		if err := out.Encode(w.sample()); err != nil {
			return err
		}
	}
	w.stop.Store(true)
	all.Wait()
	last := w.sample()
	if err := w.close(); err != nil {
		return err
	}
	last.Heap, last.Goroutines, last.Pending = live(), uint64(runtime.NumGoroutine()), w.plugin.Stats().Pending
	return errors.Join(json.NewEncoder(os.Stdout).Encode(last), goleak.Find())
}

// live is the heap in use after a collection, so that samples can be compared.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (w *worker) sample() sample {
	s := w.plugin.Stats()
	all := sample{
		At: time.Since(w.began), Reads: s.Hits + s.Misses + s.Stale + s.Bypasses, Hits: s.Hits, Writes: w.writes.Load(),
		Errors: w.errors.Load(), Heap: live(), Goroutines: uint64(runtime.NumGoroutine()), Pending: s.Pending,
	}
	for _, n := range s.StoreErrors {
		all.StoreErrors += n
	}
	return all
}

// work reads, and writes now and then, until it is told to stop.
func (w *worker) work(r *rand.Rand) {
	for first := true; !w.stop.Load(); first = false {
		id := 1 + r.UintN(rows)
		var err error
		// A write drops what 256 goroutines read. Each begins with one in four, so that a short soak has some.
		if r.IntN(1000) == 0 || first && r.IntN(4) == 0 {
			err = writes[r.IntN(len(writes))](w.db, id)
			w.writes.Add(1)
		} else {
			_, err = queries[r.IntN(len(queries))](w.db.Clauses(fromcache.Region(gormcache.DefaultRegion)), id)
		}
		if err != nil && w.errors.Add(1) == 1 {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
