package breaker

import "time"

// State is what there is to say of a breaker.
type State struct {
	// Open is set while the store is not asked, since Since. Err is then the error of the call that opened it.
	Open  bool
	Since time.Time
	Err   error
}

// turns is what was said last of a breaker's opening and closing.
type turns struct {
	State
	begin func(error) // nil: nobody listens
	end   func(after time.Duration)
}

// tell reports whether the breaker has opened, because of err, or closed, unless that has been said. It is called without
// the lock, and says it without: a log's handler may be slow, or use the cache itself.
func (c *circuit) tell(err error) {
	c.mu.Lock()
	was, open := c.turns, c.open.Load()
	switch {
	case open == was.Open:
		c.mu.Unlock()
		return
	case open:
		c.turns.State = State{Open: true, Since: time.Now(), Err: err}
	default:
		c.turns.State = State{}
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
	return c.turns.State
}
