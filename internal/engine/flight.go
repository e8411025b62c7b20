package engine

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// flight is one load that several callers wait for. Its key holds the entry's key and the tokens that
// its callers saw: a caller that starts after a commit has seen other tokens, so it cannot join a
// load that began before that commit.
type flight struct {
	done chan struct{} // closed when loaded, err or abandoned hold
	once sync.Once     // lands
	// abandoned: the leader panicked, left (runtime.Goexit) or ran out of its own context, which is
	// no answer for others. Whoever waits tries again. It is true until the leader has an answer.
	abandoned bool
	found     bool // loaded is what another process has filled
	loaded    Loaded
	err       error
	begun     atomic.Bool // it loads, and does not wait for another process any more
	waits     []*flight   // those that its leader waits for, guarded by flights.mu
}

// land sets the flight's answer, nil for none, and lets those who wait for it go on. Only the first call counts.
func (f *flight) land(answer func()) {
	f.once.Do(func() {
		if answer != nil {
			f.abandoned = false
			answer()
		}
		close(f.done)
	})
}

// enough returns a channel that is closed at that time if the flight's leader still waits for another process then: a caller
// that has no more time to wait leaves it. stop is to be called.
func (f *flight) enough(at time.Time) (enough <-chan struct{}, stop func()) {
	ch := make(chan struct{})
	timer := time.AfterFunc(time.Until(at), func() {
		if !f.begun.Load() {
			close(ch)
		}
	})
	return ch, func() { timer.Stop() }
}

// landings spreads the counts of landed flights. A power of two.
const landings = 256

// flights are the loads under way. The zero value is not ready: see newFlights.
type flights struct {
	mu     sync.Mutex
	m      map[string]*flight
	seed   maphash.Seed
	landed [landings]atomic.Uint32
}

func newFlights() *flights {
	return &flights{m: map[string]*flight{}, seed: maphash.MakeSeed()}
}

// count is how many flights for an entry (or for one that shares its place) have landed. A reader that
// leads a flight after the count has moved since its lookup may have missed what was just filled.
func (fs *flights) count(entry string) *atomic.Uint32 {
	return &fs.landed[maphash.String(fs.seed, entry)%landings]
}

// join returns the flight of that key; leader reports whether the caller made it and must land it.
func (fs *flights) join(key string) (f *flight, leader bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.joined(key)
}

// joinSince is join for a caller that looked the entry up when so many flights had landed. nil: there is none to
// join, and one has landed since. A caller that looked up just before its fill, and came here just after it, would
// load again what is there by now: it must look up again.
func (fs *flights) joinSince(key, entry string, landed uint32) (f *flight, leader bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.m[key] == nil && fs.count(entry).Load() != landed {
		return nil, false
	}
	return fs.joined(key)
}

func (fs *flights) joined(key string) (f *flight, leader bool) {
	if f, ok := fs.m[key]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{}), abandoned: true}
	fs.m[key] = f
	return f, true
}

// forget removes the flight of that entry, so that the next caller looks up afresh.
func (fs *flights) forget(key, entry string, f *flight) {
	fs.count(entry).Add(1)
	fs.drop(key, f)
}

// drop removes a flight, if it is still the one of that key.
func (fs *flights) drop(key string, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.m[key] == f {
		delete(fs.m, key)
	}
}
