package sealed

import (
	"errors"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Store is a store whose entries are sealed. It is safe for concurrent use.
type Store struct {
	*coded
	mode    Mode
	current *key
	keys    map[string]*key
}

type coded = store.Coded

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
	s := &Store{mode: keys.Mode, keys: map[string]*key{}}
	for _, k := range append([]Key{keys.Current}, keys.Others...) {
		made, err := newKey(k, keys.Mode)
		if err != nil {
			return nil, fault.Errorf("sealed: key %q: %w", k.ID, err)
		}
		s.keys[k.ID] = made
	}
	s.current = s.keys[keys.Current.ID]
	s.coded = store.NewCoded(next, store.Code{Encode: s.seal, Decode: s.open})
	return s, nil
}

// Rejected returns the number of entries found that did not open.
func (s *Store) Rejected() uint64 { return s.coded.Rejected() }

// seal returns value as it is stored under name.
func (s *Store) seal(name string, value []byte) ([]byte, error) {
	sealed, err := s.current.seal(name, value)
	if err != nil {
		return nil, fault.Errorf("sealed: %w", err)
	}
	return sealed, nil
}

// open returns what was sealed under name, by any of the keys in this store's mode.
func (s *Store) open(name string, sealed []byte) (value []byte, ok bool) {
	if len(sealed) < prefixSize || sealed[0] != magic0 || sealed[1] != magic1 ||
		sealed[2] != FormatVersion || Mode(sealed[3]) != s.mode {
		return nil, false
	}
	end := prefixSize + int(sealed[4])
	if end > len(sealed) {
		return nil, false
	}
	k := s.keys[string(sealed[prefixSize:end])]
	if k == nil {
		return nil, false
	}
	value, err := k.open(name, sealed)
	return value, err == nil
}
