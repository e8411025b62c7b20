package writer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// retryCatalog is how long a failed look at the database's catalog is not repeated.
	retryCatalog = time.Second
	// patience is how long a reading of the catalog keeps others from beginning one of their own.
	patience = 100 * time.Millisecond
	// maxPatience bounds it where one reading after another takes longer.
	maxPatience = 8 * patience
)

// place is what is known of one database, and who is reading its catalog. With dbresolver there may be several
// behind one handle.
//
// One of those who need the catalog reads it, and the others wait. Two rules keep them from waiting for ever:
//
//   - Whoever reads has its connection already. Otherwise, with a pool of one connection,
//
//     reader:  counts as the reader, asks the pool for a connection
//     writer:  is in a transaction on that connection, and waits for the reader before its COMMIT
//
//     both would stand still.
//
//   - A reading keeps others from reading for its patience only, since its connection may stand still. Then one of
//     those who wait reads, and has more patience than the last: where it is the database that is slow, more
//     readers do not make it faster.
type place struct {
	snapshot atomic.Pointer[snapshot] // the newest that all may go by
	random   string                   // the identity of a database that has no name

	mu       sync.Mutex
	begun    uint64        // readings
	reading  *reading      // the newest of those under way; nil: there is none, or the newest has ended
	patience time.Duration // of the next reading
	ended    chan struct{} // closed when any reading ends, and made anew then
	failed   time.Time
	err      error
}

// reading is one look at the catalog that all may go by.
type reading struct {
	number   uint64
	deadline time.Time // when its patience ends
}

func newPlace(random string) *place {
	return &place{random: random, patience: patience, ended: make(chan struct{})}
}

// arrive returns the number of the last reading that has begun. What depends on a statement that has run
// must not go by that one, nor by those before.
func (p *place) arrive() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

// turn is what somebody who needs the catalog has to do next. The zero value: get ready to read.
type turn struct {
	found    *snapshot       // go by this one
	ended    <-chan struct{} // wait for the end of any reading
	deadline time.Time       // but no longer than this, when the newest reading has kept others waiting for long enough
	mine     *reading        // read for all
}

// join finds out whose turn it is. ready reports whether the caller can read for all.
func (p *place) join(ready bool, good func() *snapshot) turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := good(); s != nil { // under the lock, or a reading that ends just now would be repeated
		return turn{found: s}
	}
	now := time.Now()
	if r := p.reading; r != nil && now.Before(r.deadline) {
		return turn{ended: p.ended, deadline: r.deadline}
	}
	if !ready {
		return turn{}
	}
	if p.reading != nil {
		p.patience = min(2*p.patience, maxPatience)
	}
	p.begun++
	p.reading = &reading{number: p.begun, deadline: now.Add(p.patience)}
	return turn{mine: p.reading}
}

// leave ends a reading: it has given s, or failed. An error is told to those who come within retryCatalog too, unless
// it is the reader's own affair.
func (p *place) leave(r *reading, s *snapshot, err error, own bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading == r {
		p.reading = nil
	}
	switch {
	case s != nil:
		p.patience, p.err = patience, nil
		s.number = r.number
		if last := p.snapshot.Load(); last == nil || last.number < s.number { // a reading that stood still may end last
			p.snapshot.Store(s)
		}
	case !own:
		p.err, p.failed = err, time.Now()
	}
	close(p.ended)
	p.ended = make(chan struct{})
}

// failure is the error of a reading that has just failed.
func (p *place) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil && time.Since(p.failed) < retryCatalog {
		return p.err
	}
	return nil
}

// need is what a snapshot must be good for.
type need struct {
	anew   bool // it must have been read from now on
	inside bool // it is needed in a transaction, which is not told of errors of others
}

// read returns what all may go by, if that will do. Otherwise it waits for whoever reads the catalog, or reads it.
func (t *topology) read(ctx context.Context, p *place, n need, open opener) (s *snapshot, err error) {
	arrived := p.arrive()
	good := func() *snapshot { return t.good(p, n, arrived) }
	var v *view
	defer func() { v.done(err) }()
	for {
		if err := p.failure(); err != nil && !n.inside {
			return nil, err
		}
		next := p.join(v != nil && v.public, good)
		switch {
		case next.found != nil:
			return next.found, nil
		case next.mine != nil:
			return t.share(ctx, p, next.mine, v, n)
		case next.ended != nil:
			if err := wait(ctx, next.ended, next.deadline); err != nil {
				return nil, err
			}
		case v != nil:
			return t.look(ctx, p, v)
		default:
			if v, err = open(ctx); err != nil {
				return nil, p.fail(ctx, n, err)
			}
		}
	}
}

// fail remembers that no connection could be had.
func (p *place) fail(ctx context.Context, n need, err error) error {
	if ctx.Err() == nil && !n.inside {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.err, p.failed = err, time.Now()
	}
	return err
}

// share reads for all. Those who wait go on, whatever becomes of it.
func (t *topology) share(ctx context.Context, p *place, r *reading, v *view, n need) (s *snapshot, err error) {
	err = errNoReturn
	defer func() { p.leave(r, s, err, n.inside || ctx.Err() != nil) }()
	s, err = t.look(ctx, p, v)
	return s, err
}

// good returns what all may go by, if it is not older than need be.
func (t *topology) good(p *place, n need, arrived uint64) *snapshot {
	s := p.snapshot.Load()
	switch {
	case s == nil:
	case n.anew && s.number > arrived:
		return s
	case !n.anew && s.version == t.version.Load():
		return s
	}
	return nil
}

// wait waits for the first of three.
func wait(ctx context.Context, ended <-chan struct{}, deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
