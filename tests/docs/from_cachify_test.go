package docs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache"
	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/region"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// The new calls of docs/from-cachify.md.

func TestFromCachifyInit(t *testing.T) {
	s := memory.New()
	defer s.Close()

	p, err := gormcache.New(gormcache.Config{Store: s, Namespace: "shop", Regions: map[string]region.Config{"default": {TTL: time.Hour}}})
	check(t, err)
	defer p.Close()
	r, err := p.Region("default")
	check(t, err)

	alone, err := region.New(s, "other", region.Config{TTL: time.Hour})
	check(t, err)
	defer alone.Close()
	forever, err := region.New(s, "third", region.Config{TTL: region.NoExpiration})
	check(t, err)
	defer forever.Close()
	for _, r := range []*region.Region{r, alone, forever} {
		check(t, region.Set(t.Context(), r, "k", r.Name()))
	}

	locks, err := lock.New(s, "shop", lock.TTL(30*time.Second), lock.Poll(100*time.Millisecond))
	check(t, err)
	defer locks.Close()
	_, err = gormcache.New(gormcache.Config{Namespace: "no spaces"})
	if err == nil {
		t.Error("New took what is wrong")
	}
}

func TestFromCachifyCached(t *testing.T) {
	ctx := t.Context()
	_, p := people(t)
	r, err := p.Region("default")
	check(t, err)
	local, err := p.Region("local")
	check(t, err)
	calls := 0
	fn := readName(&calls)

	read := region.Cached(r, "read_user-{user_id}", fn, region.WithTTL(5*time.Minute))
	name, err := read.Call(ctx, 5)
	is(t, name, "name 5, call 1", err)
	name, err = read.Call(ctx, 5)
	is(t, name, "name 5, call 1", err)
	check(t, read.Reset(ctx, 5))
	name, err = read.Call(ctx, 5)
	is(t, name, "name 5, call 2", err)
	name, err = read.Original(ctx, 5)
	is(t, name, "name 5, call 3", err)

	forever := region.Cached(r, "for-ever-{user_id}", fn, region.WithTTL(region.NoExpiration))
	check(t, forever.Err())

	near := region.Cached(local, "user-{user_id}", read.Call, region.Over(read))
	name, err = near.Call(ctx, 5)
	is(t, name, "name 5, call 2", err)
	check(t, near.Reset(ctx, 5))
	name, err = near.Call(ctx, 5)
	is(t, name, "name 5, call 4", err)

	encoded, err := region.New(memory.New(), "shop", region.Config{TTL: time.Hour, Codec: jsonCodec{}})
	check(t, err)
	defer encoded.Close()
	check(t, region.Set(ctx, encoded, "k", "v"))
}

func TestFromCachifyLock(t *testing.T) {
	ctx := t.Context()
	_, p := people(t)
	locks := p.Locks()

	l, err := locks.TryAcquire(ctx, "nightly")
	check(t, err)
	defer l.Release(ctx)
	if _, err := locks.TryAcquire(ctx, "nightly"); !errors.Is(err, lock.ErrLocked) {
		t.Error(err)
	}
	held, err := locks.Locked(ctx, "nightly")
	is(t, held, true, err)
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	check(t, locks.Break(ctx, "nightly"))
	other, err := locks.Acquire(soon, "nightly")
	check(t, err)
	if other.Fence() <= l.Fence() {
		t.Error("the fence does not grow")
	}
	check(t, other.Release(ctx))
	short, err := locks.With(lock.TTL(time.Minute), lock.NoRenewal()).Acquire(ctx, "short")
	check(t, err)
	check(t, short.Release(ctx))
}

func TestFromCachifyLockedFunctions(t *testing.T) {
	ctx := t.Context()
	_, p := people(t)
	locks := p.Locks()
	type Input struct {
		UserID int `cache:"user_id"`
		Name   string
	}
	started, end := make(chan struct{}), make(chan struct{})
	update := func(context.Context, Input) (string, error) {
		close(started)
		<-end
		return "updated", nil
	}

	once := lock.Once(locks, "update-user-{user_id}", update, lock.WhenLocked("update in progress"))
	done := make(chan error, 1)
	go func() {
		_, err := once.Call(ctx, Input{5, "Zoe"})
		done <- err
	}()
	<-started
	status, err := once.Call(ctx, Input{5, "Bo"})
	is(t, status, "update in progress", err)
	held, err := once.Locked(ctx, Input{UserID: 5})
	is(t, held, true, err)
	if _, err := lock.Once(locks, "update-user-{user_id}", update).Call(ctx, Input{UserID: 5}); !errors.Is(err, lock.ErrLocked) {
		t.Error(err)
	}
	close(end)
	check(t, <-done)
	check(t, once.Break(ctx, Input{UserID: 6}))

	calls := 0
	waiting := lock.Func(locks, "read-{id}", readName(&calls))
	name, err := waiting.Call(ctx, 5)
	is(t, name, "name 5, call 1", err)
	held, err = waiting.Locked(ctx, 5)
	is(t, held, false, err)
	check(t, waiting.Break(ctx, 5))
}

func TestFromCachifyPool(t *testing.T) {
	ctx := t.Context()
	_, p := people(t)
	calls := 0
	fn := readName(&calls)

	pool := lock.NewPool(p.Locks().With(lock.TTL(10*time.Minute)), "imports", 1)
	slot, err := pool.TryAcquire(ctx)
	check(t, err)
	n, err := pool.Size(ctx)
	is(t, n, 1, err)

	full := func(context.Context, int) (string, error) { return "full", nil }
	pooled := lock.Pooled(pool, fn, lock.OnFull(full))
	name, err := pooled.Call(ctx, 5)
	is(t, name, "full", err)
	if _, err := lock.Pooled(pool, fn).Call(ctx, 5); !errors.Is(err, lock.ErrPoolFull) {
		t.Error(err)
	}
	n, err = pooled.Size(ctx)
	is(t, n, 1, err)
	check(t, slot.Release(ctx))
	slot, err = pool.Acquire(ctx)
	check(t, err)
	check(t, slot.Release(ctx))
}
