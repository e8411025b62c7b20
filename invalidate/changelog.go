package invalidate

// changelog is what a transaction will change when it commits: tags in the order they came, each once,
// and the savepoints between them.
type changelog struct {
	tags  []string
	seen  map[string]bool
	saves []savepoint
}

// savepoint remembers how much was collected when it was set.
type savepoint struct {
	name string
	n    int
}

func (l *changelog) add(tags ...string) {
	for _, t := range tags {
		if l.seen[t] {
			continue
		}
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[t] = true
		l.tags = append(l.tags, t)
	}
}

func (l *changelog) save(name string) {
	l.saves = append(l.saves, savepoint{name: name, n: len(l.tags)})
}

// find returns the index of the newest savepoint of that name, -1 if it is not known.
func (l *changelog) find(name string) int {
	for i := len(l.saves) - 1; i >= 0; i-- {
		if l.saves[i].name == name {
			return i
		}
	}
	return -1
}

// rollbackTo drops what came after the savepoint, which stays. One that is not known drops nothing:
// too much is invalidated then, never too little.
func (l *changelog) rollbackTo(name string) {
	i := l.find(name)
	if i < 0 {
		return
	}
	n := l.saves[i].n
	for _, t := range l.tags[n:] {
		delete(l.seen, t)
	}
	l.tags = l.tags[:n]
	l.saves = l.saves[:i+1]
}

// release forgets the savepoint and those after it; what was collected stays.
func (l *changelog) release(name string) {
	if i := l.find(name); i >= 0 {
		l.saves = l.saves[:i]
	}
}

// take hands out the tags and leaves the log empty.
func (l *changelog) take() []string {
	tags := l.tags
	*l = changelog{}
	return tags
}
