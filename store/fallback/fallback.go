package fallback

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// Defaults of the options.
const (
	DefaultGrace      = 30 * time.Second
	DefaultPromoteFor = time.Minute
)

// restFor is how long an old store is not asked for entries after it has failed: meanwhile its entries are misses at once.
const restFor = time.Second

// patience is how long a lookup must have waited for an old store in vain to put it to rest.
const patience = 20 * time.Millisecond

// Option changes a setting of [New].
type Option func(*Store)

// From names old stores. What the home does not have is looked up there, in this order, and promoted. Marks, settles and
// deletes reach them too: processes of the deploy before look there.
func From(old ...store.Store) Option {
	return func(s *Store) {
		for _, o := range old {
			other := &other{Store: o}
			s.others, s.from = append(s.others, other), append(s.from, other)
		}
	}
}

// Marks names stores that marks, settles and deletes reach too, since processes of the next deploy look there. Nothing
// is read from them: processes of the deploy before write without marking there.
func Marks(next ...store.Store) Option {
	return func(s *Store) {
		for _, n := range next {
			s.others = append(s.others, &other{Store: n})
		}
	}
}

// Grace sets how long queries by a tracked column are bypassed when their column is new to one of the stores. Use
// Config.WriteGrace here. Defaults to [DefaultGrace], as it does.
func Grace(d time.Duration) Option {
	return func(s *Store) {
		if d > 0 {
			s.grace = d
		}
	}
}

// PromoteFor sets how long an entry lives in the home after it was found in an old store, if it does not say itself
// when it is old, as values do: stores tell nobody what is left of a time to live. By so much an entry may outlive its
// own. Afterwards it is promoted again if the old store still has it. Defaults to [DefaultPromoteFor].
func PromoteFor(d time.Duration) Option {
	return func(s *Store) {
		if d > 0 {
			s.promoteFor = d
		}
	}
}

// Store is a store that has a home for its tags and entries, and others beside it. It is safe for concurrent use.
type Store struct {
	home       store.Store
	others     []*other // all that marks, settles and deletes reach
	from       []*other // those of them that entries are read from
	grace      time.Duration
	promoteFor time.Duration
}

// other is one store beside the home.
type other struct {
	store.Store
	restsUntil atomic.Int64 // Unix nanoseconds
}

var (
	_ store.Layer     = (*Store)(nil)
	_ store.Batch     = (*Store)(nil)
	_ store.Checker   = (*Store)(nil)
	_ store.Inspector = (*Store)(nil)
)

// New returns a store whose tags live in home. Which stores stand beside it, in which deploy, is said in the package
// documentation. Close closes all of them.
func New(home store.Store, opts ...Option) *Store {
	s := &Store{home: home, grace: DefaultGrace, promoteFor: DefaultPromoteFor}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	return s
}

// all runs f for the home and all others at once, and returns the errors of all.
func (s *Store) all(f func(store.Store) error) error {
	if len(s.others) == 0 {
		return f(s.home)
	}
	errs := make([]error, len(s.others)+1)
	var wg sync.WaitGroup
	for i, o := range s.others {
		wg.Go(func() { errs[i+1] = f(o.Store) })
	}
	errs[0] = f(s.home)
	wg.Wait()
	return errors.Join(errs...)
}

// Set implements [store.Store]. A value goes to all stores: processes that look for it elsewhere must not see the one
// before. There its tokens say nothing, so it is a miss, but it is there: a load that began before it can't be stored.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if !store.IsValue(key) {
		return s.home.Set(ctx, key, value, ttl)
	}
	return s.all(func(st store.Store) error { return st.Set(ctx, key, value, ttl) })
}

// SetAll implements [store.Batch].
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	if err := store.SetAll(ctx, s.home, entries); err != nil {
		return err
	}
	var values []store.Entry
	for _, e := range entries {
		if store.IsValue(e.Key) {
			values = append(values, e)
		}
	}
	return s.copy(ctx, values)
}

// copy sets values in all stores but the home.
func (s *Store) copy(ctx context.Context, values []store.Entry) error {
	if len(values) == 0 {
		return nil
	}
	var errs []error
	for _, o := range s.others {
		errs = append(errs, store.SetAll(ctx, o.Store, values))
	}
	return errors.Join(errs...)
}

// Delete implements [store.Store]: it reaches all stores.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.all(func(st store.Store) error { return st.Delete(ctx, keys...) })
}

// Mark implements [store.Store]: it reaches all stores.
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.all(func(st store.Store) error { return st.Mark(ctx, tags, writer, grace) })
}

// Settle implements [store.Store]: it reaches all stores. A mark that one of them has lost is lost.
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	var (
		mu   sync.Mutex
		gone = map[string]bool{}
	)
	err := s.all(func(st store.Store) error {
		err := st.Settle(ctx, tags, writer, linger)
		mu.Lock()
		defer mu.Unlock()
		for _, tag := range store.Lost(err) {
			gone[tag] = true
		}
		return store.Failure(err)
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	var lost store.LostMarks
	for _, tag := range tags {
		if gone[tag] {
			lost.Tags = append(lost.Tags, tag)
		}
	}
	return &lost
}

// Unmark implements [store.Store]: it reaches all stores.
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.all(func(st store.Store) error { return st.Unmark(ctx, tags, writer) })
}

// Tokens implements [store.Store]: tokens are those of the home.
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	if err := s.home.Tokens(ctx, tags, states); err != nil {
		return err
	}
	s.tracked(ctx, tags, states, true)
	return nil
}

// Inspect implements [store.Inspector]: it tells of the home.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	return store.Inspect(ctx, s.home, tags)
}

// Check implements [store.Checker]: it checks all stores.
func (s *Store) Check(ctx context.Context) error {
	return s.all(func(st store.Store) error {
		if c, ok := st.(store.Checker); ok {
			return c.Check(ctx)
		}
		return nil
	})
}

// Close implements [store.Store]: it closes all stores.
func (s *Store) Close() error { return s.all(func(st store.Store) error { return st.Close() }) }

// Swapper implements [store.Layer]: what the home has is changed, and then copied to the others, as Set does.
func (s *Store) Swapper() store.Swapper {
	if swapper := store.SwapperOf(s.home); swapper != nil {
		return swaps{s, swapper}
	}
	return nil
}

type swaps struct {
	store *Store
	home  store.Swapper
}

// Swap implements [store.Swapper].
func (s swaps) Swap(ctx context.Context, all []store.Swap) error {
	if err := s.home.Swap(ctx, all); err != nil {
		return err
	}
	var values []store.Entry
	for _, sw := range all {
		if sw.Done && store.IsValue(sw.Key) {
			values = append(values, store.Entry{Key: sw.Key, Value: sw.Value, TTL: sw.TTL})
		}
	}
	return s.store.copy(ctx, values)
}

// Claimer implements [store.Layer]: claims are those of the home.
func (s *Store) Claimer() store.Claimer { return store.ClaimerOf(s.home) }
