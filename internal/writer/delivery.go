package writer

import (
	"context"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// deliver tries once to settle all that is queued. Tags that were added again meanwhile stay: their
// newer settling may cover a later commit.
func (q *queue) deliver(ctx context.Context) error {
	if err := q.verify(ctx); err != nil {
		return err
	}
	q.mu.Lock()
	batch := make(map[settling][]string)
	upTo := q.added
	for t, p := range q.tags {
		batch[p.settling] = append(batch[p.settling], t)
	}
	q.mu.Unlock()
	for s, tags := range batch {
		err := q.p.call(ctx, "settle", func(budget context.Context) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return store.Failure(q.p.cfg.Store.Settle(budget, tags, s.id, s.linger))
		})
		if err != nil {
			return err
		}
		q.p.cfg.Recorder.Invalidated(len(tags))
		q.remove(tags, upTo)
		if slices.Contains(tags, q.p.cfg.Namespace.Epoch()) {
			_, _, _ = q.epoch(ctx) // what this has made is no news to the writers of this process
			q.droppedAll(ctx, s.id)
		}
	}
	return nil
}

func (q *queue) remove(tags []string, upTo uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range tags {
		if q.tags[t].added <= upTo {
			delete(q.tags, t)
		}
	}
	q.count()
}

// droppedAll reports that everything is dropped, where that is because of the queue's own doing. What else drops
// everything has been reported when it was queued.
func (q *queue) droppedAll(ctx context.Context, id store.Writer) {
	q.mu.Lock()
	why := q.why
	q.why = schema.Reason{}
	q.mu.Unlock()
	if why.Cause != "" {
		q.p.report(withReason(ctx, why, id), []string{q.p.cfg.Namespace.Epoch()}, store.Writer{}, stay{}, nil, time.Now())
	}
}

// Writers who can't ask the store whether there has been DDL elsewhere go by the schema that they know. A trigger
// that another process has just made may so have changed a table that they do not invalidate. The queue asks as
// soon as the store answers: if the epoch is another than the one they knew, everything is dropped.

// verifyLater notes the epoch that such a writer went by, once it has committed. linger is as in settling.
func (q *queue) verifyLater(epoch store.Token, linger time.Duration) {
	defer q.tell()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unverified[epoch] = max(linger, q.unverified[epoch])
	q.outage.grow(q.p.cfg.Namespace, nil)
	q.count()
	q.start()
}

// verify compares the epochs that writers went by with the present one. It answers for those who had committed when it
// asked: an epoch that is noted meanwhile is asked for again.
func (q *queue) verify(ctx context.Context) error {
	unverified := q.takeUnverified()
	if len(unverified) == 0 {
		return nil
	}
	now, known, err := q.epoch(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.verifying = false
	for epoch, linger := range unverified {
		switch {
		case err != nil:
			q.unverified[epoch] = max(linger, q.unverified[epoch])
		case !known || epoch != now:
			q.put([]string{q.p.cfg.Namespace.Epoch()}, store.NewWriter(), max(linger, q.p.cfg.ReplicaLag))
			q.why = schema.Reason{Cause: observe.SchemaUnverified}
		}
	}
	q.count()
	return err
}

// takeUnverified hands out the epochs to ask for. This process goes on bypassing all meanwhile.
func (q *queue) takeUnverified() map[store.Token]time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	unverified := q.unverified
	q.unverified, q.verifying = map[store.Token]time.Duration{}, len(unverified) > 0
	return unverified
}

// epoch asks for the present one, which a store that has lost it does not know.
func (q *queue) epoch(ctx context.Context) (token store.Token, known bool, err error) {
	l := store.Lookup{Tags: []string{q.p.cfg.Namespace.Epoch()}}
	err = q.p.call(ctx, "lookup", func(budget context.Context) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return q.p.cfg.Store.Lookup(budget, &l)
	})
	if err != nil {
		return store.Token{}, false, err
	}
	if l.States[0].Known { // the next writer that can't ask goes by this one
		q.p.schema.SawEpoch(l.States[0].Token)
	}
	return l.States[0].Token, l.States[0].Known, nil
}

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

// waits reports whether the tag's new token has not been delivered. The lock is held.
func (q *queue) waits(tag string) bool {
	if _, ok := q.tags[tag]; ok {
		return true
	}
	_, all := q.tags[q.p.cfg.Namespace.Epoch()]
	return all
}
