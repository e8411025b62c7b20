package writer

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// The worker's pauses between attempts, and the number of tags beyond which the queue gives up
// telling them apart and drops everything in the namespace instead.
const (
	minPause = 20 * time.Millisecond
	maxPause = time.Second
	maxTags  = 10_000
)

// queue holds the tags whose new tokens have not reached the store, and delivers them in the
// background. Its worker lives only while there is something to deliver. It is safe for concurrent use.
type queue struct {
	p *publisher
	n atomic.Int64 // what there is in tags and unverified, to be read without the lock

	mu         sync.Mutex
	tags       map[string]pending
	sweeps     []sweep
	unverified map[store.Token]time.Duration // the epochs that writers went by who could not ask: see verifyLater
	verifying  bool                          // the worker is asking for some of these
	added      uint64                        // counts calls of add, to tell a tag that was added again
	why        schema.Reason                 // of the epoch among tags, if the queue itself has put it there
	outage     outage
	working    chan struct{} // closed when the worker has ended; nil: there is none
	wake       chan struct{} // holds one token if the worker is not to wait
	stop       chan struct{} // closed by close
	closed     bool
}

// pending is the newest settling of one tag.
type pending struct {
	settling
	added uint64
	since time.Time // when the first of its settlings was queued
}

// settling is how a tag is to be settled: linger is how long a mark is to stay, because replicas lag
// or because a transaction that can't be followed is still to commit.
type settling struct {
	id     store.Writer
	linger time.Duration
}

func newQueue(p *publisher) *queue {
	return &queue{
		p: p, tags: map[string]pending{}, unverified: map[store.Token]time.Duration{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

func (q *queue) len() int { return int(q.n.Load()) }

// count makes len tell what there is. The lock is held.
func (q *queue) count() { q.n.Store(int64(len(q.tags) + len(q.unverified))) }

// blocked reports whether one of the tags is waiting, or may be.
func (q *queue) blocked(tags []string) bool {
	if q.n.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range tags {
		if _, ok := q.tags[t]; ok {
			return true
		}
	}
	return q.verifying || len(q.unverified) > 0
}

// add queues the tags. After close they are kept, so that this process goes on bypassing them, but
// nobody delivers them.
func (q *queue) add(tags []string, id store.Writer, linger time.Duration) {
	defer q.tell()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(tags, id, linger)
}

// hand queues tags whose new tokens the store has not been asked for, which the worker does at once. It reports
// false, and does nothing, after close.
func (q *queue) hand(tags []string, id store.Writer, linger time.Duration) bool {
	defer q.tell()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.put(tags, id, linger)
	q.hurry()
	return true
}

// hurry ends the worker's pause.
func (q *queue) hurry() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// put queues the tags. The lock is held.
func (q *queue) put(tags []string, id store.Writer, linger time.Duration) {
	q.added++
	q.outage.grow(q.p.cfg.Namespace, tags)
	longest := linger
	for _, t := range tags {
		// A mark that was to stay must not be lost with the settling that this one replaces.
		was, known := q.tags[t]
		if !known {
			was.since = time.Now()
		}
		q.tags[t] = pending{settling{id, max(linger, was.linger)}, q.added, was.since}
	}
	if len(q.tags) > maxTags {
		for _, p := range q.tags {
			longest = max(longest, p.linger)
		}
		clear(q.tags)
		q.tags[q.p.cfg.Namespace.Epoch()] = pending{settling{id, longest}, q.added, q.outage.since}
		q.why = schema.Reason{Cause: observe.Overflow}
	}
	q.count()
	q.start()
}

// start makes sure that there is a worker. The lock is held.
func (q *queue) start() {
	if q.working == nil && !q.closed {
		q.working = make(chan struct{})
		go q.work(q.working)
	}
}

// work delivers until nothing is left or the queue is closed.
func (q *queue) work(done chan struct{}) {
	defer close(done)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		select {
		case <-q.stop:
			return
		case <-time.After(pause):
		case <-q.wake:
		}
		err := q.deliver(context.Background())
		q.tell()
		if err != nil {
			continue
		}
		if q.sweepDue(context.Background()); q.rest() {
			return
		}
	}
}

// rest ends the worker's life if nothing is left.
func (q *queue) rest() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tags) > 0 || len(q.sweeps) > 0 || len(q.unverified) > 0 {
		return false
	}
	q.working = nil
	return true
}

// close stops the worker and delivers what is left, until ctx ends.
func (q *queue) close(ctx context.Context) error {
	defer q.tell()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	q.closed = true
	close(q.stop)
	working := q.working
	q.mu.Unlock()
	if working != nil {
		<-working // it ends within one call's budget
	}
	for pause := minPause; q.len() > 0; pause = min(2*pause, maxPause) {
		err := q.deliver(ctx)
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return fault.Errorf("%d invalidations could not be delivered: %w", q.len(), err)
		case <-time.After(pause):
		}
	}
	return nil
}

// inspect is what waits for the store, the oldest first.
func (q *queue) inspect() (tags []observe.PendingTag, questions int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for tag, p := range q.tags {
		tags = append(tags, observe.PendingTag{Tag: tag, Writer: p.id.String(), Since: p.since})
	}
	slices.SortFunc(tags, func(a, b observe.PendingTag) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Tag, b.Tag))
	})
	questions = len(q.unverified)
	if q.verifying {
		questions++
	}
	return tags, questions
}

// each calls fn with the writers of what waits.
func (q *queue) each(fn func(store.Writer)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.tags {
		fn(p.id)
	}
}
