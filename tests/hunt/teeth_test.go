//go:build linux

package hunt_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/serializer"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Each tooth takes one rule of the protocol away. The hunt must find out.
const (
	toothMarks    = "no marks"
	toothEarly    = "invalidation before COMMIT"
	toothLate     = "tokens read after the load"
	toothSnapshot = "fills inside a snapshot"
)

// broken puts a tooth's store around the real one.
func broken(p plan, s store.Store) store.Store {
	switch p.Tooth {
	case toothMarks:
		return unmarked{s}
	case toothEarly:
		return early{s}
	case toothLate:
		return &late{Store: s}
	}
	return s
}

// unmarked sets no marks. Its writers are held up between COMMIT and their new tokens, as a process is
// that the machine lets wait.
type unmarked struct{ store.Store }

func (unmarked) Mark(context.Context, []string, store.Writer, time.Duration) error { return nil }

func (u unmarked) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	time.Sleep(5 * time.Millisecond)
	return u.Store.Settle(ctx, tags, w, linger)
}

// early gives the new tokens when it should mark.
type early struct{ store.Store }

func (e early) Mark(ctx context.Context, tags []string, w store.Writer, _ time.Duration) error {
	return e.Store.Settle(ctx, tags, w, 0)
}

func (early) Settle(context.Context, []string, store.Writer, time.Duration) error { return nil }

// late stores entries under the tokens that hold after the load.
type late struct {
	store.Store
	tags sync.Map // key → tags
}

func (l *late) Lookup(ctx context.Context, look *store.Lookup) error {
	for _, key := range look.Keys { // a writer looks at tags alone
		l.tags.Store(key, append([]string(nil), look.Tags...))
	}
	return l.Store.Lookup(ctx, look)
}

func (l *late) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	var env serializer.Envelope
	time.Sleep(2 * time.Millisecond)
	tags, ok := l.tags.Load(key)
	if ok && env.Decode(key, value) == nil {
		look := store.Lookup{Tags: tags.([]string)}
		if err := l.Store.Lookup(ctx, &look); err != nil {
			return err
		}
		env.Tokens = nil
		for _, s := range look.States {
			env.Tokens = append(env.Tokens, s.Token[:]...)
		}
		value, _ = serializer.AppendEnvelope(nil, key, &env)
	}
	return l.Store.Set(ctx, key, value, ttl)
}

// frozen is a transaction that the plugin does not know for one: it hides Commit and Rollback, and passes
// for the pool.
type frozen struct {
	gorm.ConnPool
	pool *sql.DB
}

func (f frozen) GetDBConn() (*sql.DB, error) { return f.pool, nil }

// fillInSnapshot reads through the cache with a snapshot that was taken a while before.
func (r *reader) fillInSnapshot() {
	pool, err := r.db.DB()
	if err != nil {
		return
	}
	tx, err := pool.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return
	}
	defer func() { _ = tx.Rollback() }()
	_ = tx.QueryRowContext(context.Background(), "SELECT count(*) FROM cells").Scan(new(int))
	time.Sleep(time.Duration(r.rand.IntN(30)) * time.Millisecond)
	db := r.db.Session(&gorm.Session{Context: context.Background()})
	db.Statement.ConnPool = frozen{tx, pool}
	_, _ = ask(db.Clauses(fromcache.Region("default")), pick(r.rand), uint(r.rand.IntN(cells)+1))
}

func TestTheHuntHasTeeth(t *testing.T) {
	for tooth, breaches := range map[string][]int{
		toothMarks:    {breachMonotonic},
		toothEarly:    {breachStrict, breachOwn, breachMonotonic},
		toothLate:     {breachStrict, breachOwn, breachMonotonic},
		toothSnapshot: {breachStrict, breachOwn, breachMonotonic},
	} {
		t.Run(tooth, func(t *testing.T) {
			f := fault{name: tooth, plan: plan{Tooth: tooth}, slow: tooth != toothMarks}
			h := newHunt(t, f)
			h.untilBroken(20 * time.Second)
			if h.board.broken.Load() == 0 {
				t.Fatalf("no violation in %v of %d reads", time.Since(h.began), h.total().reads)
			}
			found := h.board.breaks[0].load().breach
			for _, b := range breaches {
				if b == found {
					t.Logf("found after %v:%s", time.Since(h.began).Round(time.Millisecond), h.board.shortest())
					return
				}
			}
			t.Errorf("found %q:%s", breachNames[found], h.board.shortest())
		})
	}
}
