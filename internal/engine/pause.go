package engine

import (
	"maps"
	"sync"
	"time"
)

// refreshPause is how long an entry is not loaded in the background again after such a load has failed. While a database is
// down it would otherwise get a load for each read of an old entry, one right after the other; and the log a panic for each.
const refreshPause = time.Second

// mostPauses bounds the memory of a great many loads that fail: those beyond it have no pause.
const mostPauses = 1 << 14

// pauses are the flights that are not led in the background for a while. A flight's id names the tokens, so a commit ends
// a pause. The zero value is ready; it is safe for concurrent use.
type pauses struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// begin keeps loads in the background off a flight for a while.
func (p *pauses) begin(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.until == nil {
		p.until = map[string]time.Time{}
	}
	if len(p.until) >= mostPauses {
		maps.DeleteFunc(p.until, func(_ string, until time.Time) bool { return !now.Before(until) })
	}
	if len(p.until) < mostPauses {
		p.until[id] = now.Add(refreshPause)
	}
}

// over reports whether the flight may be led in the background.
func (p *pauses) over(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, paused := p.until[id]
	if paused && time.Now().Before(until) {
		return false
	}
	delete(p.until, id)
	return true
}
