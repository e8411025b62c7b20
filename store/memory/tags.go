package memory

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// shardCount spreads the locks. A power of two.
const shardCount = 64

// evictTries is how many tags are looked at for one that may go. A shard where so many in a row are
// marked grows instead, and shrinks again when later tags come.
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
	_    [32]byte // a cache line of its own for each lock
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

// state returns the state of a tag, or the zero one.
func (ts *tags) state(name string, now time.Duration) (state store.State) {
	sh := ts.shard(name)
	sh.RLock()
	if t := sh.tags[name]; t != nil {
		state = t.state(now)
	}
	sh.RUnlock()
	return state
}

// change runs f on a tag under its lock. One that does not exist is made with a new token first, or
// passed over where create is false.
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

// makeRoom evicts tags until one more fits: at random, which is how Go ranges over a map. A tag with
// a live mark stays. If it went, a reader would make it anew, unmarked, and fill it with what its
// writer is about to change; between that writer's commit and its settling the fill would be served.
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
