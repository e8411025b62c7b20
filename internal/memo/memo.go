// Package memo remembers what was found out and can be found out again: what a SQL text touches, the plan of a
// query, the setters of a model's fields. Everything here may be forgotten at any time. What must not be, such as
// the wrapper of a pool, is no matter for a memo and stands in a map.
//
// # Policy
//
// A memo holds at most Max entries and, where keys have a Text, Max kilobytes of texts. When it is full, half of the
// entries are dropped at random: a program has a few hundred texts, so that a full memo is that of a program that makes
// texts up, most of which it never asks again. What is asked again is soon back. Nothing is dropped for its age, and no
// order is kept.
//
// # Cost
//
// A hit is one look into a map that is never changed: it takes no lock, writes nothing that another core waits for,
// and allocates nothing. New entries stand apart, behind a lock, until they have been asked as often as there are
// entries; then all go into a new map. So a new entry costs, over time, no more than a few looks.
package memo

import (
	"maps"
	"sync"
	"sync/atomic"
)

const (
	// DefaultMax is how many entries a Memo holds that sets no Max.
	DefaultMax = 4096
	// MaxText is the length of the longest text that is remembered.
	MaxText = 8 << 10
	// average is how long texts may be on average.
	average = 1 << 10
)

// Memo is a bounded map that may forget. The zero value is ready. It is safe for concurrent use, and must not be
// copied after its first use.
type Memo[K comparable, V any] struct {
	// Max is how many entries there may be. Defaults to DefaultMax.
	Max int
	// Text is the text in a key, which takes the most room. Nil: keys have none.
	Text func(K) string

	known atomic.Pointer[entries[K, V]] // the map in it never changes
	fresh atomic.Bool                   // there are recent entries

	mu     sync.Mutex
	recent entries[K, V] // that are not in known yet
	looks  int           // for recent entries, since known was made
	bytes  int           // of texts
}

// entries share their values, so that one can be replaced while readers look at the map.
type entries[K comparable, V any] map[K]*atomic.Pointer[V]

// Get returns what is remembered.
func (m *Memo[K, V]) Get(k K) (v V, ok bool) {
	if known := m.known.Load(); known != nil {
		if e := (*known)[k]; e != nil {
			return *e.Load(), true
		}
	}
	if m.fresh.Load() {
		return m.look(k)
	}
	return v, false
}

// look looks among the recent entries.
func (m *Memo[K, V]) look(k K) (v V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(k)
	if m.looks++; m.looks >= m.len() {
		m.publish(m.all())
	}
	if e == nil {
		return v, false
	}
	return *e.Load(), true
}

// Put remembers v, in the place of what was remembered before. It reports whether something was.
func (m *Memo[K, V]) Put(k K, v V) (replaced bool) {
	size := m.size(k)
	if size > MaxText {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.find(k); e != nil {
		e.Store(&v)
		return true
	}
	limit := m.Max
	if limit <= 0 {
		limit = DefaultMax
	}
	if m.len() >= limit || m.bytes+size > limit*average {
		m.halve()
	}
	if m.recent == nil {
		m.recent = entries[K, V]{}
	}
	e := new(atomic.Pointer[V])
	e.Store(&v)
	m.recent[k] = e
	m.bytes += size
	m.fresh.Store(true)
	return false
}

// All calls fn for all that is remembered, in no order, until fn returns false.
func (m *Memo[K, V]) All(fn func(K, V) bool) {
	m.mu.Lock()
	all := m.all()
	m.mu.Unlock()
	for k, e := range all {
		if !fn(k, *e.Load()) {
			return
		}
	}
}

// Len is how many entries there are.
func (m *Memo[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.len()
}

func (m *Memo[K, V]) len() int {
	n := len(m.recent)
	if known := m.known.Load(); known != nil {
		n += len(*known)
	}
	return n
}

func (m *Memo[K, V]) find(k K) *atomic.Pointer[V] {
	if known := m.known.Load(); known != nil {
		if e := (*known)[k]; e != nil {
			return e
		}
	}
	return m.recent[k]
}

// all returns a map of all entries.
func (m *Memo[K, V]) all() entries[K, V] {
	all := make(entries[K, V], m.len())
	if known := m.known.Load(); known != nil {
		maps.Copy(all, *known)
	}
	maps.Copy(all, m.recent)
	return all
}

// publish lets readers find the entries without a lock.
func (m *Memo[K, V]) publish(all entries[K, V]) {
	m.known.Store(&all)
	m.fresh.Store(false)
	m.recent, m.looks = nil, 0
}

// halve drops entries at random.
func (m *Memo[K, V]) halve() {
	all := m.all()
	keep := len(all) / 2
	for k := range all {
		if len(all) <= keep {
			break
		}
		delete(all, k)
		m.bytes -= m.size(k)
	}
	m.publish(all)
}

// size is the length of the text in a key.
func (m *Memo[K, V]) size(k K) int {
	if m.Text == nil {
		return 0
	}
	return len(m.Text(k))
}
