package memcachestore

import (
	"context"
	"sync"
	"time"
)

// PollEvery is how often a process that watches names asks whether claims of others were released.
const PollEvery = 50 * time.Millisecond

// watches are the names that somebody in this process watches. One goroutine asks for all, while there are any.
type watches struct {
	store *Store

	mu    sync.Mutex
	names map[string]*watched
	stop  context.CancelFunc // of the goroutine; nil: there is none
	done  chan struct{}
}

// watched is one name: who waits, and the number of the last release that was seen.
type watched struct {
	waiters  map[chan struct{}]struct{}
	seen     bool
	releases uint64
}

// Watch implements [store.Claimer].
func (s *Store) Watch(of string) (woken <-chan struct{}, stop func()) {
	w, waiter := &s.watch, make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names = map[string]*watched{}
	}
	if w.names[of] == nil {
		w.names[of] = &watched{waiters: map[chan struct{}]struct{}{}}
	}
	w.names[of].waiters[waiter] = struct{}{}
	if w.stop == nil && !s.closed.Load() {
		ctx, cancel := context.WithCancel(context.Background())
		w.stop, w.done = cancel, make(chan struct{})
		go w.poll(ctx, w.done)
	}
	return waiter, func() { w.leave(of, waiter) }
}

func (w *watches) leave(of string, waiter chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.names[of]
	if n == nil {
		return
	}
	delete(n.waiters, waiter)
	if len(n.waiters) == 0 {
		delete(w.names, of)
	}
	if len(w.names) == 0 {
		w.end()
	}
}

// end ends the goroutine, without waiting for it.
func (w *watches) end() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// close ends the goroutine, and waits for it.
func (w *watches) close() {
	w.mu.Lock()
	w.end()
	done := w.done
	w.mu.Unlock()
	if done != nil {
		<-done
	}
}

// wake wakes who watches a name.
func (w *watches) wake(of string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.names[of]; n != nil {
		n.wake()
	}
}

func (n *watched) wake() {
	for waiter := range n.waiters {
		select {
		case waiter <- struct{}{}:
		default: // it is told already
		}
	}
}

func (w *watches) poll(ctx context.Context, done chan struct{}) {
	defer close(done)
	tick := time.NewTicker(PollEvery)
	defer tick.Stop()
	for {
		w.ask(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask looks at all names once. A server that does not answer wakes nobody: who waits asks again by itself.
func (w *watches) ask(ctx context.Context) {
	w.mu.Lock()
	names := make([]string, 0, len(w.names))
	for of := range w.names {
		names = append(names, of)
	}
	w.mu.Unlock()
	now := make([]uint64, len(names))
	budget, cancel := context.WithTimeout(ctx, w.store.timeout)
	defer cancel()
	if w.store.read(budget, names, func(i int, value []byte) { now[i] = parseName(value).releases }) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, of := range names {
		n := w.names[of]
		if n == nil {
			continue
		}
		if n.seen && n.releases != now[i] {
			n.wake()
		}
		n.seen, n.releases = true, now[i]
	}
}
