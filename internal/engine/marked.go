package engine

import (
	"fmt"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// pending is the detail of observe.Pending.
const pending = "an invalidation by this process has not reached the store yet and is being retried: see Stats.Pending and Stats.StoreErrors"

// Details of what is served stale because of its load.
const (
	loadSlow    = "the load is under way for longer than the region's SoftTimeout, and goes on"
	alsoTouched = "; a write has dropped it since (StaleTouched)"
)

// loadFailed is the detail of observe.LoadFailed.
func loadFailed(err error) string {
	return fmt.Sprintf("the load failed, and the region's StaleIfError allows for what is old (%s)", describe(err))
}

// closed is the detail of observe.Closed.
const closed = "the plugin is closed: Plugin.Close was called"

// marked says which of the tags keeps a read from the cache, and which writer has marked it for how long.
func marked(ns store.Namespace, tags []string, states []store.State) string {
	for i := range states {
		s, what := &states[i], ns.Describe(tags[i])
		switch {
		case s.Clean():
		case !s.Known:
			return "the store has lost what it knew of " + what + " just now"
		case s.Writer == (store.Writer{}):
			return what + " is marked by a writer that has not settled yet"
		case s.Left <= 0:
			return fmt.Sprintf("%s is marked by writer %s, which has not settled within WriteGrace", what, s.Writer)
		default:
			left := max(s.Left.Round(100*time.Millisecond), 100*time.Millisecond)
			return fmt.Sprintf("%s is marked by writer %s, which has not settled yet: for at most another %s", what, s.Writer, left)
		}
	}
	return ""
}
