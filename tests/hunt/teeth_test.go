//go:build linux

package hunt_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	envelope "github.com/seed-4f7f0efa/gormcache/internal/entry"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Each tooth takes one rule of the protocol away. The hunt must find out.
const (
	toothMarks    = "no marks"
	toothEarly    = "invalidation before COMMIT"
	toothLate     = "tokens read after the load"
	toothSnapshot = "fills inside a snapshot"
	toothUnbound  = "tokens that survive a failover"
	toothRows     = "rows' tags left out"
	toothSets     = "foreign keys' tags left out"
	toothBulk     = "tags of writes to unknown rows left out"
	toothParts    = "parts not looked at again after a load"
	toothJump     = "a clock that jumps by more than the grace"
	toothUntold   = "no marks, memcached"
	toothSkipped  = "a deploy of a migration left out"
)

// broken puts a tooth's store around the real one.
func broken(p plan, s store.Store) store.Store {
	switch p.Tooth {
	case toothMarks, toothUntold:
		return unmarked{heldUp{s}}
	case toothRows:
		return without{s, store.Namespace(namespace).Row("cells", "1")}
	case toothSets:
		return without{s, store.Namespace(namespace).Set("items", "cell_id", "1")}
	case toothBulk:
		return without{s, store.Namespace(namespace).Bulk("cells")}
	case toothJump:
		return heldUp{s}
	case toothEarly:
		return early{s}
	case toothLate:
		return &late{Store: s}
	case toothParts:
		return &forgetful{Store: s, like: store.Namespace(namespace).Set("items", "cell_id", "1")}
	}
	return s
}

// heldUp holds writers up between COMMIT and their new tokens, as the machine does with a process that
// has to wait.
type heldUp struct{ store.Store }

func (h heldUp) Settle(ctx context.Context, tags []string, w store.Writer, linger time.Duration) error {
	time.Sleep(5 * time.Millisecond)
	return h.Store.Settle(ctx, tags, w, linger)
}

// unmarked sets no marks.
type unmarked struct{ heldUp }

func (unmarked) Mark(context.Context, []string, store.Writer, time.Duration) error { return nil }

// without keeps writers from the tags of one kind.
type without struct {
	store.Store
	like string
}

func (w without) others(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return kindOf(tag) == kindOf(w.like) })
}

// kindOf is a tag's namespace and kind, without its name.
func kindOf(tag string) string { return tag[:strings.LastIndexByte(tag, ':')] }

func (w without) Mark(ctx context.Context, tags []string, by store.Writer, grace time.Duration) error {
	return w.Store.Mark(ctx, w.others(tags), by, grace)
}

func (w without) Settle(ctx context.Context, tags []string, by store.Writer, linger time.Duration) error {
	return w.Store.Settle(ctx, w.others(tags), by, linger)
}

// unbound is a client that the store can't watch, since it does not know the type.
type unbound struct{ *redis.ClusterClient }

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
	var env envelope.Envelope
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
		value, _ = envelope.Append(nil, key, &env)
	}
	return l.Store.Set(ctx, key, value, ttl)
}

// forgetful says of a tag what it has said when it was asked for entries, too. It dawdles then, so that
// something happens between a reader's look at the cache and its load.
type forgetful struct {
	store.Store
	like string
	said sync.Map // tag → state
}

func (f *forgetful) Lookup(ctx context.Context, look *store.Lookup) error {
	err := f.Store.Lookup(ctx, look)
	for i, tag := range look.Tags {
		if kindOf(tag) != kindOf(f.like) {
			continue
		}
		if len(look.Keys) > 0 {
			f.said.Store(tag, look.States[i])
		} else if s, ok := f.said.Load(tag); ok {
			look.States[i] = s.(store.State)
		}
	}
	if len(look.Keys) > 1 {
		time.Sleep(5 * time.Millisecond)
	}
	return err
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
	query := pick(r.rand)
	_, _ = ask(r.cached(db, query), query, uint(r.rand.IntN(cells)+1))
}

func TestTheHuntHasTeeth(t *testing.T) {
	stale := []int{breachStrict, breachOwn, breachMonotonic, breachTorn}
	for _, tooth := range []struct {
		name     string
		breaches []int
		fault    fault
	}{
		{toothMarks, []int{breachMonotonic}, fault{}},
		{toothUntold, []int{breachMonotonic}, fault{memcached: 2}},
		{toothSkipped, stale, fault{memcached: 1, deploys: [2]int{1, 3}}},
		{toothEarly, stale, fault{slow: true}},
		{toothLate, stale, fault{slow: true}},
		{toothSnapshot, stale, fault{slow: true}},
		{toothRows, stale, fault{}},
		{toothSets, stale, fault{}},
		{toothBulk, stale, fault{}},
		{toothParts, []int{breachTorn}, fault{}},
		{toothUnbound, stale, fault{cluster: true, plan: clustered(), run: failOver}},
		{toothJump, []int{breachMonotonic}, fault{clock: true, jump: 10 * time.Second, plan: plan{Grace: 5 * time.Second, Write: time.Second}, slow: true}},
	} {
		t.Run(tooth.name, func(t *testing.T) {
			tooth.fault.plan.Tooth = tooth.name
			h := newHunt(t, tooth.fault)
			h.hunt()
			if h.board.broken.Load() == 0 {
				t.Fatalf("no violation in %v of %d reads", time.Since(h.began), h.total().reads)
			}
			found := h.board.breaks[0].load().breach
			for _, b := range tooth.breaches {
				if b == found {
					t.Logf("found after %v:%s", time.Since(h.began).Round(time.Millisecond), h.board.shortest())
					return
				}
			}
			t.Errorf("found %q:%s", breachNames[found], h.board.shortest())
		})
	}
}
