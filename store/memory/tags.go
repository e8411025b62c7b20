package memory

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// shardCount is the number of shards, each with its own lock. A power of two.
const shardCount = 64

// evictTries is how many tags are examined for one that can be evicted. If all of them are marked, the shard grows
// instead, and shrinks again when later tags are added.
const evictTries = 16

// tags is a map of tags in shards, each under its own lock.
type tags struct {
	seed   maphash.Seed
	limit  int // tags in one shard
	shards [shardCount]shard
}

type shard struct {
	sync.RWMutex
	tags map[string]*tag
	_    [32]byte // keeps each lock in its own cache line
}

func newTags(limit int) *tags {
	ts := &tags{seed: maphash.MakeSeed(), limit: max(1, limit/shardCount)}
	ts.clear()
	return ts
}

func (ts *tags) clear() {
	for i := range ts.shards {
		sh := &ts.shards[i]
		sh.Lock()
		sh.tags = make(map[string]*tag)
		sh.Unlock()
	}
}

func (ts *tags) shard(name string) *shard {
	return &ts.shards[maphash.String(ts.seed, name)%shardCount]
}

// state returns the state of a tag, the zero state if there is no such tag.
func (ts *tags) state(name string, now time.Duration) (state store.State) {
	sh := ts.shard(name)
	sh.RLock()
	if t := sh.tags[name]; t != nil {
		state = t.state(now)
	}
	sh.RUnlock()
	return state
}

// change runs f on a tag under its lock. A tag that does not exist is first made with a new token, or ignored if create
// is false.
func (ts *tags) change(name string, now time.Duration, create bool, f func(*tag)) {
	sh := ts.shard(name)
	sh.Lock()
	defer sh.Unlock()
	t := sh.tags[name]
	if t == nil {
		if !create {
			return
		}
		sh.makeRoom(ts.limit, now)
		t = &tag{token: store.NewToken()}
		sh.tags[name] = t
	}
	f(t)
}

// makeRoom evicts random tags (the order of a map) until one more fits. A tag with a live mark stays. If it were evicted:
//
//	reader   creates the tag anew, without a mark, and fills an entry with the old row
//	writer   commits
//	reader   is served the old row, until the writer settles
func (sh *shard) makeRoom(limit int, now time.Duration) {
	tries := evictTries
	for name, t := range sh.tags {
		if len(sh.tags) < limit || tries == 0 {
			return
		}
		tries--
		if !t.live(now) {
			delete(sh.tags, name)
		}
	}
}
