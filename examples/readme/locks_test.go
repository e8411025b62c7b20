package readme

import (
	"context"
	"testing"

	"github.com/seed-4f7f0efa/gormcache/lock"
)

func TestLocks(t *testing.T) {
	db, cache := shop(t)
	ctx := t.Context()
	ran := 0
	report := func(context.Context) error { ran++; return nil }
	// docs: locks
	locks := cache.Locks() // lock.New(store, "shop") without GORM
	nightly := func(ctx context.Context) error {
		l, err := locks.TryAcquire(ctx, "nightly") // Acquire waits until ctx ends
		if err != nil {
			return err // lock.ErrLocked: another process is at it
		}
		defer l.Release(ctx)
		ctx, cancel := l.Context(ctx) // ends if the lock is lost
		defer cancel()
		return report(ctx)
	}
	rename := lock.Once(locks, "rename-user-{ID}", func(ctx context.Context, u User) (User, error) {
		return u, db.WithContext(ctx).Model(&u).Update("name", u.Name).Error
	}, lock.WhenLocked(User{}))
	// docs: end
	check(t, nightly(ctx))
	u, err := rename.Call(ctx, User{ID: 1, Name: "Ada"})
	check(t, err)
	if ran != 1 || u.Name != "Ada" {
		t.Errorf("ran %d times, renamed to %q", ran, u.Name)
	}
}
