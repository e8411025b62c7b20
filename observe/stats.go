package observe

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Counts are the numbers of reads of one region, of one table, or of all.
type Counts struct {
	Hits     uint64 // answered from the cache
	Misses   uint64 // answered by the database, and offered to the cache
	Stale    uint64 // answered from an entry past its TTL
	Bypasses uint64 // answered by the database, without using the cache
	Fills    uint64 // entries written
	// Dropped counts the loads that replaced an entry that an invalidation had dropped, and Identical those of them that
	// gave exactly the same answer: nothing that the entry showed had changed. Dropped entries that are never asked for
	// again are not counted.
	Dropped, Identical uint64
}

// OverInvalidated is the share of dropped entries that need not have been dropped, from 0 to 1: how coarse
// invalidation is for these reads. It is 0 if nothing was dropped.
func (c Counts) OverInvalidated() float64 {
	if c.Dropped == 0 {
		return 0
	}
	return float64(c.Identical) / float64(c.Dropped)
}

// Stats is a snapshot of the counters since the plugin was made. Each number is exact, but not
// all are read at the same instant.
type Stats struct {
	Counts
	// Bypassed counts Bypasses by reason.
	Bypassed map[Reason]uint64
	// Coalesced counts reads that were answered by another caller's load.
	Coalesced uint64
	// InRequest counts those of Hits that a request's own tier gave (fromcache.InRequest): the store was not asked.
	InRequest uint64
	// Invalidations counts tags that were given a new token.
	Invalidations uint64
	// Rejected counts entries that were found but are not valid entries: damaged, not written by gormcache, of another kind
	// than expected, or sealed with an unknown key. Each was a miss. Entries in the format of another version, as they occur
	// during a deployment, are not counted.
	Rejected uint64
	// Pending is the number of tags whose invalidation has not reached the store yet, plus the number of questions that
	// writers could not ask it: whether another process has changed the schema.
	Pending int
	// BreakerOpen is set while the store is not asked because it has failed repeatedly.
	BreakerOpen bool
	// StoreErrors counts failed calls by the store's method: lookup, tokens, set, mark, settle, unmark.
	StoreErrors map[string]uint64
	// Regions are the counts by region.
	Regions map[string]Counts
	// Tables are the counts by table: a read that joins two counts for both.
	Tables map[string]Counts
}

// Counter counts the reads of one region or table. The zero value is ready; it is safe for concurrent
// use.
type Counter struct {
	outcomes  [Bypass + 1]atomic.Uint64
	fills     atomic.Uint64
	dropped   atomic.Uint64
	identical atomic.Uint64
}

// Add counts one read.
func (c *Counter) Add(o Outcome) { c.outcomes[o].Add(1) }

// Fill counts one entry written.
func (c *Counter) Fill() { c.fills.Add(1) }

// Dropped counts one load in place of a dropped entry; identical is set if it gave the same answer.
func (c *Counter) Dropped(identical bool) {
	// Written in this order and read in the other, no snapshot shows more identical loads than dropped entries.
	c.dropped.Add(1)
	if identical {
		c.identical.Add(1)
	}
}

func (c *Counter) counts() Counts {
	identical := c.identical.Load()
	return Counts{
		Hits:      c.outcomes[Hit].Load(),
		Misses:    c.outcomes[Miss].Load(),
		Stale:     c.outcomes[Stale].Load(),
		Bypasses:  c.outcomes[Bypass].Load(),
		Fills:     c.fills.Load(),
		Dropped:   c.dropped.Load(),
		Identical: identical,
	}
}

// Recorder keeps the counters of one plugin and calls its hooks. It is safe for concurrent use.
type Recorder struct {
	Hooks Hooks

	total         Counter
	coalesced     atomic.Uint64
	inRequest     atomic.Uint64
	invalidations atomic.Uint64
	rejected      atomic.Uint64

	mu       sync.RWMutex
	regions  map[string]*Counter
	tables   map[string]*Counter
	bypassed map[Reason]*atomic.Uint64
	errors   map[string]*atomic.Uint64
}

// NewRecorder returns a recorder that calls hooks, which may be nil.
func NewRecorder(hooks *Hooks) *Recorder {
	r := &Recorder{
		regions:  map[string]*Counter{},
		tables:   map[string]*Counter{},
		bypassed: map[Reason]*atomic.Uint64{},
		errors:   map[string]*atomic.Uint64{},
	}
	if hooks != nil {
		r.Hooks = *hooks
	}
	return r
}

// Region returns the counter of a region, always the same one.
func (r *Recorder) Region(name string) *Counter { return counter(r, r.regions, name) }

// maxTables bounds the number of counters for tables, whose names come from SQL texts.
const maxTables = 10_000

// OtherTables is the name under which all further tables are counted if there are more than 10 000.
const OtherTables = "…"

// Table returns the counter of a table, always the same one; beyond 10 000 tables, the counter of [OtherTables].
func (r *Recorder) Table(name string) *Counter {
	r.mu.RLock()
	_, known := r.tables[name]
	full := len(r.tables) >= maxTables
	r.mu.RUnlock()
	if full && !known {
		name = OtherTables
	}
	return counter(r, r.tables, name)
}

// Count counts one read in the total; bypasses also by reason.
func (r *Recorder) Count(o Outcome, reason Reason) {
	r.total.Add(o)
	if o == Bypass {
		counter(r, r.bypassed, reason).Add(1)
	}
}

// Fill counts one entry written in the total.
func (r *Recorder) Fill() { r.total.Fill() }

// Dropped counts one load in place of a dropped entry in the total; identical is set if it gave the same
// answer.
func (r *Recorder) Dropped(identical bool) { r.total.Dropped(identical) }

// Coalesced counts one read that was answered by another caller's load.
func (r *Recorder) Coalesced() { r.coalesced.Add(1) }

// InRequest counts one read that a request's own tier has answered.
func (r *Recorder) InRequest() { r.inRequest.Add(1) }

// Invalidated counts n tags that were given a new token.
func (r *Recorder) Invalidated(n int) { r.invalidations.Add(uint64(n)) }

// Rejected counts one entry that was found but is not valid.
func (r *Recorder) Rejected() { r.rejected.Add(1) }

// StoreError counts one failed call of the store.
func (r *Recorder) StoreError(op string) { counter(r, r.errors, op).Add(1) }

// Snapshot returns the counters. The caller sets Pending and BreakerOpen, and adds the entries that the
// store itself has rejected.
func (r *Recorder) Snapshot() Stats {
	r.mu.RLock()
	regions, tables := maps.Clone(r.regions), maps.Clone(r.tables)
	bypassed, errs := maps.Clone(r.bypassed), maps.Clone(r.errors)
	r.mu.RUnlock()
	s := Stats{
		Counts:        r.total.counts(),
		Coalesced:     r.coalesced.Load(),
		InRequest:     r.inRequest.Load(),
		Invalidations: r.invalidations.Load(),
		Rejected:      r.rejected.Load(),
		Bypassed:      map[Reason]uint64{},
		StoreErrors:   map[string]uint64{},
		Regions:       map[string]Counts{},
		Tables:        map[string]Counts{},
	}
	for k, v := range bypassed {
		s.Bypassed[k] = v.Load()
	}
	for k, v := range errs {
		s.StoreErrors[k] = v.Load()
	}
	for k, v := range regions {
		s.Regions[k] = v.counts()
	}
	for k, v := range tables {
		s.Tables[k] = v.counts()
	}
	return s
}

func counter[K comparable, V any](r *Recorder, m map[K]*V, k K) *V {
	r.mu.RLock()
	v, ok := m[k]
	r.mu.RUnlock()
	if ok {
		return v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok = m[k]; !ok {
		v = new(V)
		m[k] = v
	}
	return v
}
