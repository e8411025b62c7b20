package region

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/breaker"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
)

// pending are the invalidations of a region without a plugin that have not reached the store. While a tag is among them
// nothing that depends on it is served by this process, since the store does not know of the change:
//
//	Invalidate:  settle ✗, pending, return ......... retry: settle, not pending
//	reader:                              bypass                             miss
//
// It is safe for concurrent use.
type pending struct {
	owner *standalone
	n     atomic.Int64 // len(tags): most of the time there are none, and reads ask

	mu      sync.Mutex
	tags    map[string]uint64 // how often each was added, for one that is added again while it is delivered
	running bool              // somebody retries
	closed  bool
	stop    chan struct{}
	work    sync.WaitGroup
}

func newPending(owner *standalone) *pending {
	return &pending{owner: owner, tags: map[string]uint64{}, stop: make(chan struct{})}
}

// add notes the tags, and reports whether they are retried.
func (p *pending) add(tags []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tag := range tags {
		p.tags[tag]++
	}
	p.n.Store(int64(len(p.tags)))
	if !p.running && !p.closed {
		p.running = true
		p.work.Go(p.retry)
	}
	return !p.closed
}

// blocks reports whether one of the tags has an invalidation that the store does not know of.
func (p *pending) blocks(tags []string) bool {
	if p.n.Load() == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(tags, func(tag string) bool { return p.tags[tag] > 0 })
}

func (p *pending) len() int { return int(p.n.Load()) }

// retry delivers what there is now and then, until there is nothing left.
func (p *pending) retry() {
	tick := time.NewTicker(breaker.DefaultCooldown)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		if p.deliver(context.Background()) == nil && p.rest() {
			return
		}
	}
}

// rest ends the retries if nothing is left.
func (p *pending) rest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = len(p.tags) > 0
	return !p.running
}

func (p *pending) deliver(ctx context.Context) error {
	p.mu.Lock()
	due := maps.Clone(p.tags)
	p.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	if err := p.owner.settle(ctx, slices.Sorted(maps.Keys(due))); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for tag, times := range due {
		if p.tags[tag] == times {
			delete(p.tags, tag)
		}
	}
	p.n.Store(int64(len(p.tags)))
	return nil
}

// close tries once more, and ends the retries.
func (p *pending) close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.stop)
	p.mu.Unlock()
	p.work.Wait()
	if err := p.deliver(ctx); err != nil {
		return fault.Errorf("%d invalidations have not reached the store: what other processes serve may be old until its TTL: %w", p.len(), err)
	}
	return nil
}
