// Package values_test checks what the values of a region promise, as one table of behaviours over every kind of store.
package values_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/tests/lab"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var must, eventually = lab.Must, lab.Eventually

func TestMain(m *testing.M) { goleak.VerifyTestMain(servers.Main(m)) }

// user is a value.
type user struct {
	Name string
	Born time.Time
}

// world is two processes that share a store.
type world struct {
	*testing.T
	ns      store.Namespace
	store   store.Store
	p, q    *gormcache.Plugin
	r       *region.Region // of p
	other   *region.Region // of q
	ctx     context.Context
	configs map[string]region.Config
}

var namespaces atomic.Int64

// newWorld opens one over a store, in a namespace of its own.
func newWorld(t *testing.T, s store.Store) *world {
	t.Helper()
	w := &world{T: t, store: s, ns: store.Namespace("values" + strconv.FormatInt(namespaces.Add(1), 10)), ctx: t.Context()}
	w.configs = map[string]region.Config{
		"r":     {TTL: time.Hour, NegativeTTL: time.Hour},
		"never": {TTL: time.Hour, NegativeTTL: -1},
		"picky": {TTL: time.Hour, CacheIf: func(_ string, v any) bool { return v != "no" }},
		"stale": {TTL: 50 * time.Millisecond, StaleWhileRevalidate: time.Hour},
		"old":   {TTL: 50 * time.Millisecond, StaleWhileRevalidate: time.Hour},
		"small": {TTL: time.Hour, MaxBytes: 100},
	}
	w.p, w.q = w.process(), w.process()
	w.r, w.other = w.region(w.p, "r"), w.region(w.q, "r")
	return w
}

func (w *world) process() *gormcache.Plugin {
	w.Helper()
	p, err := gormcache.New(gormcache.Config{Store: w.store, Namespace: string(w.ns), Regions: w.configs, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second})
	must(w.T, err)
	w.Cleanup(func() { must(w.T, p.Close()) })
	return p
}

func (w *world) region(p *gormcache.Plugin, name string) *region.Region {
	w.Helper()
	r, err := p.Region(name)
	must(w.T, err)
	return r
}

// commit does to the store what a transaction does that writes to a table.
func (w *world) commit(table string) {
	w.Helper()
	w.settle(w.ns.Table(table))
}

func (w *world) settle(tags ...string) {
	w.Helper()
	writer := store.NewWriter()
	must(w.T, w.store.Mark(w.ctx, tags, writer, time.Minute))
	must(w.T, w.store.Settle(w.ctx, tags, writer, 0))
}

// want fails the test unless a key has a value in a region.
func want[T comparable](w *world, r *region.Region, key string, value T) {
	w.Helper()
	if got, err := region.Get[T](w.ctx, r, key); err != nil || got != value {
		w.Errorf("%s is %v, not %v (%v)", key, got, value, err)
	}
}

// gone fails the test unless a key has no value.
func gone(w *world, r *region.Region, key string) {
	w.Helper()
	if got, err := region.Get[any](w.ctx, r, key); !errors.Is(err, region.ErrCacheMiss) {
		w.Errorf("%s is %v, not gone (%v)", key, got, err)
	}
}

// makes is a function that makes a value, and counts its calls.
func makes[T any](n *int, value T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { *n++; return value, nil }
}

// never is a function that must not be called.
func never[T any](w *world) func(context.Context) (T, error) {
	return func(context.Context) (T, error) {
		w.Error("a value was made that is cached")
		return *new(T), nil
	}
}

// held starts a load in a process, and returns when it runs. end lets it go on, and returns when the value is stored.
func held[T any](w *world, r *region.Region, key string, value T, opts ...region.Option) (end func()) {
	w.Helper()
	began, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := region.GetOrCreate(w.ctx, r, key, func(context.Context) (T, error) {
			close(began)
			<-goOn
			return value, nil
		}, opts...)
		done <- err
	}()
	<-began
	return func() {
		w.Helper()
		close(goOn)
		must(w.T, <-done)
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprint("unexpected: ", err))
	}
	return v
}

// waiting counts the goroutines that wait for another caller's load.
func waiting() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "engine.(*valuing).wait(")
}
