package writer

import (
	"context"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/schema"
	"github.com/seed-4f7f0efa/gormcache/observe"
	"github.com/seed-4f7f0efa/gormcache/store"
)

// Writers who can't ask the store whether there has been DDL elsewhere go by the schema that they know. A trigger
// that another process has just made may so have changed a table that they do not invalidate. The queue asks as
// soon as the store answers: if the epoch is another than the one they knew, everything is dropped.

// verifyLater notes the epoch that such a writer went by, once it has committed. linger is as in settling.
func (q *queue) verifyLater(epoch store.Token, linger time.Duration) {
	defer q.tell()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blind[epoch] = max(linger, q.blind[epoch])
	q.outage.grow(q.p.cfg.Namespace, nil)
	q.count()
	q.start()
}

// see compares the epochs that writers went by with the present one. It answers for those who had committed when it
// asked: an epoch that is noted meanwhile is asked for again.
func (q *queue) see(ctx context.Context) error {
	blind := q.ask()
	if len(blind) == 0 {
		return nil
	}
	now, known, err := q.epoch(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seeing = false
	for epoch, linger := range blind {
		switch {
		case err != nil:
			q.blind[epoch] = max(linger, q.blind[epoch])
		case !known || epoch != now:
			q.put([]string{q.p.cfg.Namespace.Epoch()}, store.NewWriter(), max(linger, q.p.cfg.ReplicaLag))
			q.why = schema.Reason{Cause: observe.SchemaUnverified}
		}
	}
	q.count()
	return err
}

// ask hands out the epochs to ask for. This process goes on bypassing all meanwhile.
func (q *queue) ask() map[store.Token]time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	blind := q.blind
	q.blind, q.seeing = map[store.Token]time.Duration{}, len(blind) > 0
	return blind
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
