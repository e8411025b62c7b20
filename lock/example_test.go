package lock_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store/memory"
)

// newLocks returns locks in a store of the process. Programs with several processes use redisstore.New(client).
func newLocks() *lock.Locks {
	locks, err := lock.New(memory.New(), "shop")
	if err != nil {
		panic(err)
	}
	return locks
}

func Example() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()

	l, err := locks.Acquire(ctx, "nightly")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Release(ctx)

	_, err = locks.TryAcquire(ctx, "nightly")
	fmt.Println(err, errors.Is(err, lock.ErrLocked))
	// Output: gormcache: lock "nightly": held by another true
}

// A context with a deadline bounds how long Acquire waits.
func ExampleLocks_Acquire() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()
	l, _ := locks.Acquire(ctx, "nightly")
	defer l.Release(ctx)

	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err := locks.Acquire(short, "nightly")
	fmt.Println(err)
	// Output: gormcache: lock "nightly": held by another: context deadline exceeded
}

func ExampleLocks_With() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()

	l, _ := locks.With(lock.TTL(time.Second), lock.NoRenewal()).Acquire(ctx, "poll-the-bank")
	fmt.Println(l.Held())
	_ = l.Release(ctx)
	fmt.Println(l.Held())
	// Output:
	// true
	// false
}

// What runs under the lock gets a context that ends if the lock is lost.
func ExampleLock_Context() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()
	l, _ := locks.Acquire(ctx, "nightly")

	work, cancel := l.Context(ctx)
	defer cancel()
	_ = locks.Close() // as a shutdown does
	<-work.Done()
	fmt.Println(errors.Is(context.Cause(work), lock.ErrLost), errors.Is(l.Release(ctx), lock.ErrLost))
	// Output: true true
}

// The database refuses a holder that has lost its lock without knowing.
func ExampleLock_Fence() {
	save := func(ctx context.Context, db *sql.DB, l *lock.Lock, id int, body string) error {
		res, err := db.ExecContext(ctx, "UPDATE reports SET body = ?, fence = ? WHERE id = ? AND fence < ?", body, l.Fence(), id, l.Fence())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(lock.ErrLost, err)
		}
		return nil
	}
	_ = save
}

func ExampleOnce() {
	type Input struct {
		UserID int `cache:"user_id"`
		Name   string
	}
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()

	var rename *lock.Function[Input, string]
	rename = lock.Once(locks, "update-user-{user_id}", func(ctx context.Context, in Input) (string, error) {
		if in.Name == "Ann" { // meanwhile, perhaps in another process
			fmt.Println(rename.Call(ctx, Input{UserID: 5, Name: "Eve"}))
			fmt.Println(rename.Call(ctx, Input{UserID: 6, Name: "Bob"}))
		}
		return in.Name, nil
	}, lock.WhenLocked("busy"))
	fmt.Println(rename.Call(ctx, Input{UserID: 5, Name: "Ann"}))
	// Output:
	// busy <nil>
	// Bob <nil>
	// Ann <nil>
}

func ExampleNewPool() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()

	pool := lock.NewPool(locks, "imports", 2)
	for range 3 {
		slot, err := pool.TryAcquire(ctx)
		if err != nil {
			fmt.Println(err)
			continue
		}
		defer slot.Release(ctx)
	}
	fmt.Println(pool.Size(ctx))
	// Output:
	// gormcache: pool "imports": all slots are taken
	// 2 <nil>
}

func ExamplePooled() {
	ctx, locks := context.Background(), newLocks()
	defer locks.Close()

	pool := lock.NewPool(locks, "resize", 1)
	later := lock.OnFull(func(_ context.Context, name string) (string, error) { return name + " is put off", nil })
	resize := lock.Pooled(pool, func(_ context.Context, name string) (string, error) { return name + " is resized", nil }, later)

	fmt.Println(resize.Call(ctx, "a.png"))
	slot, _ := pool.Acquire(ctx)
	fmt.Println(resize.Call(ctx, "b.png"))
	_ = slot.Release(ctx)
	// Output:
	// a.png is resized <nil>
	// b.png is put off <nil>
}
