package breaker

import "time"

// State is the state of a breaker, for people.
type State struct {
	// Open is set while the store is not asked, which began at Since. Err is the error of the call that opened the breaker.
	Open  bool
	Since time.Time
	Err   error
}

// announced is the state that was last logged, and how to log the next.
type announced struct {
	State
	begin func(error)               // logs that the breaker has opened; nil: not logged
	end   func(after time.Duration) // logs that it has closed
}

// announce logs that the breaker has opened, because of err, or closed, unless that has been logged. Call it without the
// lock. It logs without the lock too: a log handler may be slow, or use the cache itself.
func (c *circuit) announce(err error) {
	c.mu.Lock()
	was, open := c.announced, c.open.Load()
	switch {
	case open == was.Open:
		c.mu.Unlock()
		return
	case open:
		c.announced.State = State{Open: true, Since: time.Now(), Err: err}
	default:
		c.announced.State = State{}
	}
	c.mu.Unlock()
	switch {
	case open && was.begin != nil:
		was.begin(err)
	case !open && was.end != nil:
		was.end(time.Since(was.Since))
	}
}

func (c *circuit) state() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.announced.State
}
