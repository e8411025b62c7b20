package sealed

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/coded"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Store is a store whose entries are sealed. It is safe for concurrent use.
type Store struct {
	next     store.Store
	mode     Mode
	current  *key
	keys     map[string]*key
	rejected atomic.Uint64
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Checker = (*Store)(nil)
	_ store.Batch   = (*Store)(nil)

	_ store.Inspector = (*Store)(nil)
	_ store.Layer     = (*Store)(nil)
)

// New returns next with its entries sealed, or an error that names every wrong field and its remedy.
// The secrets are not kept: their memory may be cleared afterwards.
//
// An entry that was not sealed does not open, and a sealed entry is a miss for a process that does not seal. So while
// sealing is being switched on or off, all processes may share one store: they miss each other's entries and see each
// other's invalidations. Do not change the Namespace for the switch: then they would no longer see these invalidations.
func New(next store.Store, keys Keys) (*Store, error) {
	if next == nil {
		return nil, errors.New("gormcache: sealed: the store is nil: give one, such as redisstore.New(client)")
	}
	if keys.Mode == 0 {
		keys.Mode = Encrypt
	}
	if err := keys.validate(); err != nil {
		return nil, fault.Errorf("sealed: %w", err)
	}
	s := &Store{next: next, mode: keys.Mode, keys: map[string]*key{}}
	for _, k := range append([]Key{keys.Current}, keys.Others...) {
		made, err := newKey(k, keys.Mode)
		if err != nil {
			return nil, fault.Errorf("sealed: key %q: %w", k.ID, err)
		}
		s.keys[k.ID] = made
	}
	s.current = s.keys[keys.Current.ID]
	return s, nil
}

// Rejected returns the number of entries found that did not open.
func (s *Store) Rejected() uint64 { return s.rejected.Load() }

// Lookup implements [store.Store]. An entry that does not open is a miss, and counted.
func (s *Store) Lookup(ctx context.Context, l *store.Lookup) error {
	if err := s.next.Lookup(ctx, l); err != nil {
		clear(l.Values) // the store below may have left sealed values there
		return err
	}
	for i, sealed := range l.Values {
		if sealed == nil {
			continue
		}
		var err error
		if l.Values[i], err = s.open(l.Keys[i], sealed); err != nil {
			l.Values[i] = nil
			s.rejected.Add(1)
		}
	}
	return nil
}

// open returns what was sealed under name, by any of the keys in this store's mode.
func (s *Store) open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) < prefixSize || sealed[0] != magic0 || sealed[1] != magic1 ||
		sealed[2] != FormatVersion || Mode(sealed[3]) != s.mode {
		return nil, errOpen
	}
	end := prefixSize + int(sealed[4])
	if end > len(sealed) {
		return nil, errOpen
	}
	k := s.keys[string(sealed[prefixSize:end])]
	if k == nil {
		return nil, errOpen
	}
	return k.open(name, sealed)
}

// Set implements [store.Store].
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	sealed, err := s.current.seal(key, value)
	if err != nil {
		return fault.Errorf("sealed: %w", err)
	}
	return s.next.Set(ctx, key, sealed, ttl)
}

// SetAll implements [store.Batch], in as many round trips as the store behind needs.
func (s *Store) SetAll(ctx context.Context, entries []store.Entry) error {
	sealed := slices.Clone(entries)
	for i := range sealed {
		var err error
		if sealed[i].Value, err = s.current.seal(sealed[i].Key, sealed[i].Value); err != nil {
			return fault.Errorf("sealed: %w", err)
		}
	}
	return store.SetAll(ctx, s.next, sealed)
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	return s.next.Delete(ctx, keys...)
}

// Tokens implements [store.Store].
func (s *Store) Tokens(ctx context.Context, tags []string, states []store.State) error {
	return s.next.Tokens(ctx, tags, states)
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, tags []string, writer store.Writer, grace time.Duration) error {
	return s.next.Mark(ctx, tags, writer, grace)
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, tags []string, writer store.Writer, linger time.Duration) error {
	return s.next.Settle(ctx, tags, writer, linger)
}

// Unmark implements [store.Store].
func (s *Store) Unmark(ctx context.Context, tags []string, writer store.Writer) error {
	return s.next.Unmark(ctx, tags, writer)
}

// Inspect implements [store.Inspector], as far as the store behind does: tags are not sealed.
func (s *Store) Inspect(ctx context.Context, tags []string) ([]store.TagInfo, error) {
	return store.Inspect(ctx, s.next, tags)
}

// Swapper implements [store.Layer]. What callers saw is compared with what the sealed entries hold: sealing the same bytes
// twice gives different ones.
func (s *Store) Swapper() store.Swapper {
	return coded.Swapper(s.next, coded.Code{
		Open: func(key string, sealed []byte) ([]byte, bool) {
			value, err := s.open(key, sealed)
			return value, err == nil
		},
		Seal: func(key string, value []byte) ([]byte, error) {
			sealed, err := s.current.seal(key, value)
			if err != nil {
				return nil, fault.Errorf("sealed: %w", err)
			}
			return sealed, nil
		},
	})
}

// Claimer implements [store.Layer]: claims are not sealed.
func (s *Store) Claimer() store.Claimer { return store.ClaimerOf(s.next) }

// Check implements [store.Checker], if the store behind does.
func (s *Store) Check(ctx context.Context) error {
	if checker, ok := s.next.(store.Checker); ok {
		return checker.Check(ctx)
	}
	return nil
}

// Close closes the store behind.
func (s *Store) Close() error { return s.next.Close() }
