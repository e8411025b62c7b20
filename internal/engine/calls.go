package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// errSpent is recorded for a call that was not made, since the reader has no patience left.
var errSpent = errors.New("gormcache: the store was not asked: what the caller has to spare for it is spent")

// patience is how long a read may wait for the store, in all its calls together: a third of what its caller has left,
// so that the database has time to answer, and ReadTimeout at most.
func (e *Engine) patience(ctx context.Context) time.Duration {
	left := e.cfg.ReadTimeout
	if left == 0 {
		return 0
	}
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline)/3)
	}
	return left
}

// rest is what is left of a reader's patience when the read has been waiting for something else meanwhile.
func (e *Engine) rest(ctx context.Context, patience time.Duration) time.Duration {
	return min(patience, e.patience(ctx))
}

// ask makes a call of the store that a reader waits for, and takes what it lasts from the reader's patience. Only
// what outlasts the whole of ReadTimeout is a failure of the store, which the cause says.
func (e *Engine) ask(ctx context.Context, patience *time.Duration, op string, call func(context.Context) error) error {
	var err error
	switch {
	case e.cfg.ReadTimeout == 0:
		err = call(ctx)
	case *patience <= 0:
		err = errSpent
	default:
		err = e.within(ctx, patience, call)
	}
	if err != nil {
		e.storeError(ctx, op, err)
	}
	return err
}

func (e *Engine) within(ctx context.Context, patience *time.Duration, call func(context.Context) error) error {
	var cause error
	if *patience == e.cfg.ReadTimeout {
		cause = store.ErrBudget
	}
	began := time.Now()
	budget, cancel := context.WithDeadlineCause(ctx, began.Add(*patience), cause)
	defer cancel()
	err := call(budget)
	*patience -= time.Since(began)
	return err
}

// lookup reads the entry and its tags.
func (e *Engine) lookup(ctx context.Context, patience *time.Duration, l *store.Lookup) error {
	return e.ask(ctx, patience, "lookup", func(ctx context.Context) error { return e.cfg.Store.Lookup(ctx, l) })
}

// tokens gives missing tags their tokens and ends the marks of dead writers.
func (e *Engine) tokens(ctx context.Context, patience *time.Duration, l *store.Lookup) error {
	return e.ask(ctx, patience, "tokens", func(ctx context.Context) error { return e.cfg.Store.Tokens(ctx, l.Tags, l.States) })
}

// repair makes the request's tags whole where it can: those that are missing, and those on which dead
// writers have left marks.
func (e *Engine) repair(ctx context.Context, q *Request, patience *time.Duration, l *store.Lookup) error {
	if len(q.Tracks) == 0 {
		return e.tokens(ctx, patience, l)
	}
	at := slices.Index(l.Tags, q.Tracks[0]) // they stand together
	if tracks := l.States[at : at+len(q.Tracks)]; !clean(tracks) {
		err := e.ask(ctx, patience, "enrol", func(ctx context.Context) error { return e.enrol(ctx, q) })
		if err != nil {
			return err
		}
		if err := e.lookup(ctx, patience, l); err != nil {
			return err
		}
	}
	// All but those, also if they have been evicted just now.
	for _, part := range [][2]int{{0, at}, {at + len(q.Tracks), len(l.Tags)}} {
		some := store.Lookup{Tags: l.Tags[part[0]:part[1]], States: l.States[part[0]:part[1]]}
		if clean(some.States) {
			continue
		}
		if err := e.tokens(ctx, patience, &some); err != nil {
			return err
		}
	}
	return nil
}

// put stores entries, and reports whether the store has taken them.
func (e *Engine) put(ctx context.Context, entries []store.Entry) bool {
	budget, cancel := context.WithTimeoutCause(ctx, e.cfg.WriteTimeout, store.ErrBudget)
	defer cancel()
	var err error
	if len(entries) == 1 {
		err = e.cfg.Store.Set(budget, entries[0].Key, entries[0].Value, entries[0].TTL)
	} else {
		err = store.SetAll(budget, e.cfg.Store, entries)
	}
	if err != nil {
		e.storeError(ctx, "set", err)
	}
	return err == nil
}
