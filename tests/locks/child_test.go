//go:build linux

package locks_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"

	"github.com/seed-4f7f0efa/gormcache/lock"
	"github.com/seed-4f7f0efa/gormcache/store"
	"github.com/seed-4f7f0efa/gormcache/store/redisstore"
)

// planEnv makes the test binary one of the processes; it holds a plan.
const planEnv = "GORMCACHE_LOCKS"

// key is the lock that all want.
const key = "nightly"

// plan is what a process is told.
type plan struct {
	Redis string
	TTL   time.Duration
	Once  bool   // take the lock once, and wait for its loss
	Tooth string // what is broken on purpose
	Greed bool   // wants the lock again at once
}

// event is what a process says, a line of JSON each.
type event struct {
	Kind  string // got, held, done
	Fence uint64
	At    int64  // when, or for got: not later than
	Lost  string // what Release said of a loss
	Err   string // what must not be
}

// now is the machine's monotonic clock, which all processes share.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// run is a process: it ends when its standard input does.
func run(encoded string) error {
	var p plan
	if err := json.Unmarshal([]byte(encoded), &p); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	client := redis.NewClient(&redis.Options{Addr: p.Redis, ContextTimeoutEnabled: true})
	defer client.Close()
	s := redisstore.New(client)
	defer s.Close()
	locks, err := lock.New(broken(p.Tooth, s), "test", lock.TTL(p.TTL), lock.Poll(p.TTL/4), lock.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer locks.Close()
	out := json.NewEncoder(os.Stdout)
	for ctx.Err() == nil {
		// A process that was stopped in the middle of a call finds that its time is up.
		if err := turn(ctx, locks, p, out); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrBudget) {
			return err
		}
	}
	return nil
}

// turn takes the lock once, and keeps it for some ms.
func turn(ctx context.Context, locks *lock.Locks, p plan, out *json.Encoder) error {
	l, err := locks.Acquire(ctx, key)
	if err != nil {
		return err
	}
	if err := out.Encode(event{Kind: "got", Fence: l.Fence(), At: now()}); err != nil {
		return err
	}
	if p.Once {
		<-l.Lost()
	}
	for end := time.Now().Add(rand.N(20 * time.Millisecond)); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		// The moment before Held is asked: between its answer and anything after, the process may be stopped.
		if at := now(); l.Held() {
			if err := out.Encode(event{Kind: "held", Fence: l.Fence(), At: at}); err != nil {
				return err
			}
		}
	}
	e := event{Kind: "done", Fence: l.Fence(), At: now()}
	err = l.Release(ctx)
	for errors.Is(err, store.ErrBudget) {
		err = l.Release(ctx)
	}
	switch {
	case p.Greed:
		return nil // and nothing is said in between
	case errors.Is(err, lock.ErrLost):
		e.Lost = err.Error()
	case err != nil:
		e.Err = err.Error()
	}
	return out.Encode(e)
}

// Teeth of the hunt.
const (
	toothUnowned = "Release takes the lock from anybody"
	toothShort   = "the store forgets before the holder does"
	toothFence   = "fences do not grow"
)

// broken returns a store that does what the tooth says.
func broken(tooth string, s *redisstore.Store) store.Store {
	if tooth == "" {
		return s
	}
	return &toothed{Store: s, tooth: tooth}
}

type toothed struct {
	*redisstore.Store
	tooth string
}

func (s *toothed) Claim(ctx context.Context, c *store.Claim) (bool, error) {
	asked := s.shorten(c)
	granted, err := s.Store.Claim(ctx, &asked)
	if c.Fence = asked.Fence; s.tooth == toothFence {
		c.Fence %= 7
	}
	return granted, err
}

func (s *toothed) Renew(ctx context.Context, c *store.Claim) (bool, error) {
	asked := s.shorten(c)
	return s.Store.Renew(ctx, &asked)
}

func (s *toothed) shorten(c *store.Claim) store.Claim {
	asked := *c
	if s.tooth == toothShort {
		asked.TTL /= 3
	}
	return asked
}

func (s *toothed) Release(ctx context.Context, name string, owner store.Writer) (bool, error) {
	if s.tooth == toothUnowned {
		owner = store.Writer{}
	}
	return s.Store.Release(ctx, name, owner)
}
