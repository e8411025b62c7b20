package engine

import (
	"context"
	"sync"
	"time"
)

// longestTurn bounds how long one waits for a turn. A turn only saves work: two who change the same value at once are
// kept apart by the store.
const longestTurn = 250 * time.Millisecond

// turns lets the goroutines of this process that change the same value do so one after the other.
type turns struct {
	mu sync.Mutex
	m  map[string]*turn
}

type turn struct {
	free  chan struct{} // holds a value while nobody has the turn
	users int
}

// take waits for the turn to change a key. The caller calls what it returns.
func (ts *turns) take(ctx context.Context, key string) (end func()) {
	ts.mu.Lock()
	if ts.m == nil {
		ts.m = map[string]*turn{}
	}
	t := ts.m[key]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		ts.m[key] = t
	}
	t.users++
	ts.mu.Unlock()
	patience := time.NewTimer(longestTurn)
	defer patience.Stop()
	mine := false
	select {
	case <-t.free:
		mine = true
	case <-patience.C:
	case <-ctx.Done():
	}
	return func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		if mine {
			t.free <- struct{}{}
		}
		if t.users--; t.users == 0 {
			delete(ts.m, key)
		}
	}
}
