package sqltext

import (
	"hash/maphash"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// maxMemo is the longest text remembered.
	maxMemo = 4 << 10
	// maxMemoParams is the greatest number of placeholders in a text that is remembered: otherwise IN lists of every
	// length would push out texts that are asked again.
	maxMemoParams = 64
	// memoBytes is how many bytes of text there may be per entry, on average.
	memoBytes = 1 << 10
	// shards is the number of maps: a new entry copies only one of them.
	shards = 16
)

// Cache remembers what texts touch. It is safe for concurrent use, and bounded in entries and bytes.
// A hit takes no lock and allocates nothing. Texts of more than 4 KB or 64 placeholders are read anew
// each time.
type Cache struct {
	d      Dialect
	max    int // entries per shard
	seed   maphash.Seed
	shards [shards]shard
}

// shard is a map that is copied to be changed.
type shard struct {
	known atomic.Pointer[map[string]*Info]
	mu    sync.Mutex
	bytes int
}

// NewCache returns a Cache of about max texts of a dialect.
func NewCache(d Dialect, max int) *Cache {
	return &Cache{d: d, max: (max + shards - 1) / shards, seed: maphash.MakeSeed()}
}

// Info returns the remembered result of Parse.
func (c *Cache) Info(sql string) *Info {
	if len(sql) > maxMemo || c.max <= 0 {
		return Parse(c.d, sql)
	}
	s := &c.shards[maphash.String(c.seed, sql)%shards]
	if known := s.known.Load(); known != nil {
		if info := (*known)[sql]; info != nil {
			return info
		}
	}
	// The names in Info are parts of the text: keep a copy, not a caller's larger buffer.
	sql = strings.Clone(sql)
	info, params := parseAs(c.d, sql)
	if params <= maxMemoParams {
		s.add(sql, info, c.max)
	}
	return info
}

func (s *shard) add(sql string, info *Info, max int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := make(map[string]*Info)
	if known := s.known.Load(); known != nil {
		if (*known)[sql] != nil {
			return
		}
		grown = maps.Clone(*known)
	}
	if len(grown) >= max || s.bytes+len(sql) > max*memoBytes {
		s.halve(grown)
	}
	grown[sql] = info
	s.bytes += len(sql)
	s.known.Store(&grown)
}

// halve drops half of the entries at random: a text that is asked again is soon remembered again.
func (s *shard) halve(m map[string]*Info) {
	keep := len(m) / 2
	for sql := range m {
		if len(m) <= keep {
			return
		}
		delete(m, sql)
		s.bytes -= len(sql)
	}
}
