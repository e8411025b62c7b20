package lock

// Lines is how many names have waiters, or had some and were not forgotten.
func Lines(l *Locks) int {
	l.base.lines.mu.Lock()
	defer l.base.lines.mu.Unlock()
	return len(l.base.lines.at)
}
