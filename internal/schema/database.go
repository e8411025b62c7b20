package schema

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// retryCatalog is how long a failed look at the database's catalog is not repeated.
	retryCatalog = time.Second
	// patience is how long a loading of the catalog keeps others from beginning one of their own.
	patience = 100 * time.Millisecond
	// maxPatience bounds it where one loading after another takes longer.
	maxPatience = 8 * patience
)

// database is what is known of one database, and who is reading its catalog. With dbresolver there may be several
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
//   - A loading keeps others from reading for its patience only, since its connection may stand still. Then one of
//     those who wait reads, and has more patience than the last: where it is the database that is slow, more
//     readers do not make it faster.
type database struct {
	snapshot atomic.Pointer[Snapshot] // the newest that all may go by
	random   string                   // the identity of a database that has no name

	mu       sync.Mutex
	begun    uint64        // loadings
	loading  *loading      // the newest of those under way; nil: there is none, or the newest has ended
	patience time.Duration // of the next loading
	ended    chan struct{} // closed when any loading ends, and made anew then
	failed   time.Time
	err      error
}

// loading is one look at the catalog that all may go by.
type loading struct {
	number   uint64
	deadline time.Time // when its patience ends
}

func newDatabase(random string) *database {
	return &database{random: random, patience: patience, ended: make(chan struct{})}
}

// arrive returns the number of the last loading that has begun. What depends on a statement that has run
// must not go by that one, nor by those before.
func (d *database) arrive() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.begun
}

// turn is what somebody who needs the catalog has to do next. The zero value: get ready to read.
type turn struct {
	found    *Snapshot       // go by this one
	ended    <-chan struct{} // wait for the end of any loading
	deadline time.Time       // but no longer than this, when the newest loading has kept others waiting for long enough
	mine     *loading        // read for all
}

// join finds out whose turn it is. ready reports whether the caller can read for all.
func (d *database) join(ready bool, good func() *Snapshot) turn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := good(); s != nil { // under the lock, or a loading that ends just now would be repeated
		return turn{found: s}
	}
	now := time.Now()
	if r := d.loading; r != nil && now.Before(r.deadline) {
		return turn{ended: d.ended, deadline: r.deadline}
	}
	if !ready {
		return turn{}
	}
	if d.loading != nil {
		d.patience = min(2*d.patience, maxPatience)
	}
	d.begun++
	d.loading = &loading{number: d.begun, deadline: now.Add(d.patience)}
	return turn{mine: d.loading}
}

// leave ends a loading: it has given s, or failed. An error is told to those who come within retryCatalog too, unless
// it is the reader's own affair.
func (d *database) leave(r *loading, s *Snapshot, err error, own bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.loading == r {
		d.loading = nil
	}
	switch {
	case s != nil:
		d.patience, d.err = patience, nil
		s.number = r.number
		if last := d.snapshot.Load(); last == nil || last.number < s.number { // a loading that stood still may end last
			d.snapshot.Store(s)
		}
	case !own:
		d.err, d.failed = err, time.Now()
	}
	close(d.ended)
	d.ended = make(chan struct{})
}

// failure is the error of a loading that has just failed.
func (d *database) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && time.Since(d.failed) < retryCatalog {
		return d.err
	}
	return nil
}

// fail remembers that no connection could be had.
func (d *database) fail(ctx context.Context, n need, err error) error {
	if ctx.Err() == nil && !n.inside {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.err, d.failed = err, time.Now()
	}
	return err
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
