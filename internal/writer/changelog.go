package writer

// changelog is what a transaction will change when it commits: touches in the order they came, those
// without an edit each once, and the savepoints between them.
type changelog struct {
	touches []touch
	seen    map[string]bool
	rows    map[string]int // rows of edits, by table
	saves   []savepoint
}

// savepoint remembers how much was collected when it was set.
type savepoint struct {
	name string
	n    int
}

func (l *changelog) add(touches ...touch) {
	for _, t := range touches {
		if t.edit != nil {
			if n := l.rows[t.edit.table] + max(1, t.edit.count()); n <= maxEdited {
				l.count(t.edit.table, n)
				l.touches = append(l.touches, t)
				continue
			}
			// From here on the edits of this table are not kept. Whatever takes this touch back, a
			// savepoint, takes back the edits after it.
			t = touch{name: touchTable + t.edit.table}
		}
		if l.seen[t.name] {
			continue
		}
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[t.name] = true
		l.touches = append(l.touches, t)
	}
}

func (l *changelog) count(table string, n int) {
	if l.rows == nil {
		l.rows = map[string]int{}
	}
	l.rows[table] = n
}

func (l *changelog) save(name string) {
	l.saves = append(l.saves, savepoint{name: name, n: len(l.touches)})
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
// too much is invalidated then, never too little. The rows of dropped edits still count, for the same
// reason.
func (l *changelog) rollbackTo(name string) {
	i := l.find(name)
	if i < 0 {
		return
	}
	n := l.saves[i].n
	for _, t := range l.touches[n:] {
		if t.edit == nil {
			delete(l.seen, t.name)
		}
	}
	clear(l.touches[n:])
	l.touches = l.touches[:n]
	l.saves = l.saves[:i+1]
}

// release forgets the savepoint and those after it; what was collected stays.
func (l *changelog) release(name string) {
	if i := l.find(name); i >= 0 {
		l.saves = l.saves[:i]
	}
}

// take hands out the touches and leaves the log empty.
func (l *changelog) take() []touch {
	touches := l.touches
	*l = changelog{}
	return touches
}
