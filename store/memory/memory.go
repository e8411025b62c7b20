package memory

import (
	"bytes"
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/seed-4f7f0efa/gormcache/store"
)

const (
	// DefaultMaxBytes is the default of [MaxBytes]: 64 MiB.
	DefaultMaxBytes = 64 << 20
	// DefaultMaxTags is the default of [MaxTags].
	DefaultMaxTags = 1 << 18
)

// entryOverhead is roughly the memory of an entry beside its key and value: the node of the cache, its slot in the
// table, the headers of string and slice.
const entryOverhead = 128

// never is the expiry of an entry that does not expire.
const never = time.Duration(math.MaxInt64)

// Option changes a setting of [New].
type Option func(*options)

type options struct {
	maxBytes int
	maxTags  int
}

// MaxBytes bounds the sum of all entries: keys, values and some 128 bytes for each. An entry
// larger than n is not kept. Defaults to [DefaultMaxBytes], as does anything below 1.
func MaxBytes(n int) Option { return func(o *options) { o.maxBytes = n } }

// MaxTags bounds the number of tags; one takes some 150 bytes. The number may be exceeded only by tags
// with live marks, and only while these marks live. Defaults to [DefaultMaxTags], as does anything below 1.
func MaxTags(n int) Option { return func(o *options) { o.maxTags = n } }

// Store is a [store.Store] in the memory of this process. It is safe for concurrent use.
type Store struct {
	entries *otter.Cache[string, entry]
	tags    *tags
	claims  claims
	file    *file // nil: nothing is saved
	start   time.Time
	closed  atomic.Bool
}

var _ store.Store = (*Store)(nil)

type entry struct {
	value   []byte
	expires time.Duration // on the store's clock, or never
}

// New returns an empty store.
func New(opts ...Option) *Store {
	var o options
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if o.maxBytes < 1 {
		o.maxBytes = DefaultMaxBytes
	}
	if o.maxTags < 1 {
		o.maxTags = DefaultMaxTags
	}
	return &Store{
		// Must panics only if options contradict each other, and these are constant.
		entries: otter.Must(&otter.Options[string, entry]{
			MaximumWeight: uint64(o.maxBytes),
			Weigher:       weigh,
			// Maintenance on the caller's goroutine: nothing outlives Close, or a test's bubble.
			Executor: func(task func()) { task() },
		}),
		tags:   newTags(o.maxTags),
		claims: newClaims(),
		start:  time.Now(),
	}
}

func weigh(key string, e entry) uint32 {
	return uint32(min(uint64(len(key))+uint64(len(e.value))+entryOverhead, math.MaxUint32))
}

// now returns the store's clock: the time since the store was made. The clock is monotonic, so setting the machine's
// clock neither ends marks early nor prolongs them.
func (s *Store) now() time.Duration { return time.Since(s.start) }

// ready returns why the store cannot be used now, or nil.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// begin is ready for a call that changes something, and end follows that call. A store that will be saved is not saved
// while one runs: it would return without an error, and its change be undone by the file.
func (s *Store) begin(ctx context.Context) error {
	s.file.begin()
	err := s.ready(ctx)
	if err != nil {
		s.end()
	}
	return err
}

func (s *Store) end() { s.file.end() }

// Lookup implements [store.Store]. It allocates nothing if l has been used before.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	l.Reset()
	if err := s.ready(ctx); err != nil {
		return err
	}
	now := s.now()
	for i, key := range l.Keys {
		if e, ok := s.entries.GetIfPresent(key); ok && now < e.expires {
			l.Values[i] = e.value
		}
	}
	for i, tag := range l.Tags {
		l.States[i] = s.tags.state(tag, now)
	}
	return nil
}

// Set implements [store.Store]. It keeps a copy of value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	if ttl < 0 {
		s.entries.Invalidate(key)
		return nil
	}
	s.entries.Set(key, newEntry(value, ttl, s.now()))
	return nil
}

// newEntry returns an entry with a copy of value. ttl is not negative.
func newEntry(value []byte, ttl, now time.Duration) entry {
	e := entry{value: bytes.Clone(value), expires: never}
	if e.value == nil {
		e.value = []byte{} // nil would read as a miss
	}
	if ttl > 0 {
		e.expires = after(now, ttl)
	}
	return e
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.end()
	for _, key := range keys {
		s.entries.Invalidate(key)
	}
	return nil
}

// Clear drops all entries, tags, marks and claims. The store can still be used afterwards.
func (s *Store) Clear() {
	s.file.begin()
	defer s.file.end()
	s.entries.InvalidateAll()
	s.tags.clear()
	s.claims.clear()
}

// Close implements [store.Store]: it drops all content. A store of [Open] first saves what depends on no table; the error
// says why that failed. Closing twice is no error.
func (s *Store) Close() error {
	if !s.closed.CompareAndSwap(false, true) {
		return nil
	}
	err := s.file.save(s)
	s.Clear()
	return err
}

// after returns now + d, or never if the sum would overflow.
func after(now, d time.Duration) time.Duration {
	if d > never-now {
		return never
	}
	return now + d
}
