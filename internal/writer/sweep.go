package writer

import (
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// maxSweeps bounds the marks that are remembered to be swept. More than that run out by themselves.
const maxSweeps = 1024

// sweep is a mark of a writer that has ended, which the store may still get to see. A call to Mark that
// outlasts its budget lies in a socket while the store hangs; when the store goes on it may carry out
// the mark after the writer's settling. Nobody would take that mark away, and all processes would
// bypass its tags until it runs out.
type sweep struct {
	tags  []string
	id    store.Writer
	due   time.Time
	until time.Time // when the mark has run out by itself
}

// sweepLater has the writer's marks taken away some time after its end.
func (q *queue) sweepLater(tags []string, id store.Writer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sweep(tags, id, q.p.cfg.WriteTimeout) // by then the call that is under way has landed or is lost
}

// sweepSoon has them taken away at once too: of a writer who has left in the middle, whose marks may stand in a store
// that is well. It reports false where the queue will not.
func (q *queue) sweepSoon(tags []string, id store.Writer) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurry()
	return q.sweep(tags, id, 0) && q.sweep(tags, id, q.p.cfg.WriteTimeout)
}

// sweep notes marks that are to be taken away, and reports whether there was room. The lock is held.
func (q *queue) sweep(tags []string, id store.Writer, after time.Duration) bool {
	if len(q.sweeps) >= maxSweeps || q.closed {
		return false
	}
	now := time.Now()
	q.sweeps = append(q.sweeps, sweep{tags, id, now.Add(after), now.Add(q.p.cfg.Grace)})
	q.start()
	return true
}

// sweepDue takes away what is due. A mark whose tag still waits for its new token stays: until then it
// is what keeps other processes from the old entries.
func (q *queue) sweepDue(ctx context.Context) {
	for _, s := range q.takeDue() {
		err := q.p.call(ctx, "unmark", func(ctx context.Context) error {
			return q.p.cfg.Store.Unmark(ctx, s.tags, s.id)
		})
		if err != nil {
			s.due = time.Now().Add(maxPause)
			q.mu.Lock()
			q.sweeps = append(q.sweeps, s)
			q.mu.Unlock()
		}
	}
}

// takeDue hands out the sweeps that may run now, and forgets those whose marks have run out.
func (q *queue) takeDue() (due []sweep) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sweeps = slices.DeleteFunc(q.sweeps, func(s sweep) bool {
		if now.After(s.until) {
			return true
		}
		if now.Before(s.due) || slices.ContainsFunc(s.tags, q.waits) {
			return false
		}
		due = append(due, s)
		return true
	})
	return due
}

// waits tells that the tag's new token has not been delivered. The lock is held.
func (q *queue) waits(tag string) bool {
	if _, ok := q.tags[tag]; ok {
		return true
	}
	_, all := q.tags[q.p.cfg.Namespace.Epoch()]
	return all
}
