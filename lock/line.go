package lock

import (
	"context"
	"sync"
)

// lines are the waiters of one process for each name. Only the first in a line asks the store: a release would otherwise
// wake a thousand goroutines, which send a thousand questions of which one is granted, and the last to come would have
// the same chance as the first. A line without anybody in it is forgotten.
type lines struct {
	mu sync.Mutex
	at map[string]*line
}

type line struct {
	turn chan struct{} // holds a value while somebody is first; Go serves who blocks on a channel in order
	len  int
}

// enter waits until the caller is first in the line for a name. leave must be called then.
func (ls *lines) enter(ctx, life context.Context, name string) (leave func(), err error) {
	l := ls.join(name)
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; ls.quit(name, l) }, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-life.Done():
		err = ErrClosed
	}
	ls.quit(name, l)
	return nil, err
}

func (ls *lines) join(name string) *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.at[name]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1)}
		ls.at[name] = l
	}
	l.len++
	return l
}

func (ls *lines) quit(name string, l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.len--; l.len == 0 {
		delete(ls.at, name)
	}
}
