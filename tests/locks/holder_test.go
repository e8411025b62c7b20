//go:build linux

package locks_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

// other is a process that has the lock, and waits for its loss.
type other struct {
	*process
	events chan event
}

func holder(t *testing.T, r *servers.RedisServer) (o other, fence uint64) {
	t.Helper()
	o.events = make(chan event, 1000)
	o.process = start(t, plan{Redis: r.Addr, TTL: ttl, Once: true}, func(e event) { o.events <- e })
	return o, o.next(t, "got").Fence
}

// next returns what the process says next of that kind.
func (o other) next(t *testing.T, kind string) event {
	t.Helper()
	for {
		select {
		case e := <-o.events:
			if e.Kind == kind {
				return e
			}
		case <-time.After(patience):
			t.Fatalf("no %q after %s", kind, patience)
		}
	}
}

// own returns locks of this process.
func own(t *testing.T, r *servers.RedisServer) *lock.Locks {
	t.Helper()
	locks, err := lock.New(r.Store(t), "test", lock.Logger(slog.New(slog.DiscardHandler)))
	must(t, err)
	t.Cleanup(func() { must(t, locks.Close()) })
	return locks
}

// soon is how long a waiter may take after the TTL of a holder that is gone.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Falls if: the lock of a holder that is alive is given away, that of one that was killed is not after its TTL, or the next
// fence is not greater.
func TestAKilledHolder(t *testing.T) {
	r := servers.Redis(t)
	locks := own(t, r)
	o, fence := holder(t, r)
	short, cancel := context.WithTimeout(t.Context(), 3*ttl)
	defer cancel()
	if _, err := locks.Acquire(short, key); !errors.Is(err, lock.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a lock that is renewed: %v", err)
	}
	o.kill()
	began := time.Now()
	l, err := locks.Acquire(soon(t), key)
	must(t, err)
	if l.Fence() <= fence {
		t.Errorf("fence %d follows on %d", l.Fence(), fence)
	}
	t.Logf("had %s after the kill, with a TTL of %s", time.Since(began).Round(time.Millisecond), ttl)
	must(t, l.Release(t.Context()))
}

// Falls if: a holder that was stopped for longer than its TTL keeps the lock from others, goes on believing that it has it, or
// releases that of the next.
func TestAStoppedHolder(t *testing.T) {
	r := servers.Redis(t)
	locks := own(t, r)
	o, fence := holder(t, r)
	o.signal(syscall.SIGSTOP)
	l, err := locks.Acquire(soon(t), key)
	must(t, err)
	if l.Fence() <= fence {
		t.Errorf("fence %d follows on %d", l.Fence(), fence)
	}
	o.signal(syscall.SIGCONT)
	for e := range o.events {
		if e.Kind == "held" && e.Fence == fence {
			t.Error("a holder that has lost its lock believes that it has it")
		}
		if e.Kind == "done" {
			if e.Fence != fence || !strings.Contains(e.Lost, "lost before it was released") {
				t.Errorf("the holder is told %q of its loss", e.Lost)
			}
			break
		}
	}
	if locked, err := locks.Locked(t.Context(), key); !locked || err != nil || !l.Held() {
		t.Errorf("a holder of before has released another's lock: locked %v, %v, held %v", locked, err, l.Held())
	}
	must(t, l.Renew(t.Context()))
	must(t, l.Release(t.Context()))
	o.next(t, "got") // and it gets the lock again
}

// Falls if: a release in another process does not wake who waits here.
func TestWokenByAnotherProcess(t *testing.T) {
	r := servers.Redis(t)
	locks := own(t, r).With(lock.Poll(patience))
	a, err := own(t, r).Acquire(t.Context(), key)
	must(t, err)
	won := make(chan error)
	go func() {
		l, err := locks.Acquire(t.Context(), key)
		if err == nil {
			err = l.Release(t.Context())
		}
		won <- err
	}()
	client := r.Client(t)
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		channels, err := client.PubSubNumSub(t.Context(), "test:l:"+key).Result()
		must(t, err)
		if channels["test:l:"+key] > 0 {
			break
		}
		if time.Since(began) > patience {
			t.Fatal("nobody listens")
		}
	}
	began := time.Now()
	must(t, a.Release(t.Context()))
	select {
	case err := <-won:
		must(t, err)
		t.Logf("woken within %s", time.Since(began).Round(time.Microsecond))
	case <-time.After(patience / 2):
		t.Error("not woken")
	}
}

// Falls if: a Redis that hangs holds a caller up for longer than Timeout, or the holder does not learn that it could not renew.
func TestAHungRedis(t *testing.T) {
	r := servers.Redis(t)
	locks := own(t, r).With(lock.TTL(time.Second), lock.Timeout(200*time.Millisecond))
	l, err := locks.Acquire(t.Context(), key)
	must(t, err)
	r.Pause(t)
	began := time.Now()
	if _, err := locks.TryAcquire(t.Context(), "another"); err == nil || errors.Is(err, lock.ErrLocked) {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("TryAcquire took %s", took)
	}
	select {
	case <-l.Lost():
	case <-time.After(patience):
		t.Fatal("a holder that can't renew its lock does not learn of it")
	}
	r.Resume(t)
	if err := l.Release(t.Context()); !errors.Is(err, lock.ErrLost) {
		t.Error(err)
	}
	next, err := locks.Acquire(soon(t), key)
	must(t, err)
	must(t, next.Release(t.Context()))
}

// A Redis that loses what it has confirmed loses locks: two holders at once. It ends when the first renews, or asks the fence.
// If it fails because there is no second holder, the caveat is to be struck out.
func TestLimitLockOfALostServer(t *testing.T) {
	r := servers.Redis(t)
	a, err := own(t, r).With(lock.TTL(3*time.Second)).Acquire(t.Context(), key)
	must(t, err)
	r.Kill()
	r.Start(t) // empty, as a replica that has not got the claim yet
	b, err := own(t, r).TryAcquire(t.Context(), key)
	must(t, err)
	if !a.Held() || !b.Held() {
		t.Log("the first holder has learned of it already")
	}
	if b.Fence() <= a.Fence() {
		t.Errorf("the second holder's fence %d is not greater than %d", b.Fence(), a.Fence())
	}
	select {
	case <-a.Lost():
	case <-time.After(patience):
		t.Error("the first holder does not learn that its lock is lost")
	}
	must(t, b.Release(t.Context()))
}
