package writer

import (
	"github.com/seed-4f7f0efa/gormcache/internal/schema"
)

// changelog is what a transaction will change when it commits: effects in the order they came, those
// without an edit each once, and the savepoints between them.
type changelog struct {
	effects []schema.Effect
	seen    map[schema.EffectID]bool
	rows    map[string]int // rows of edits, by table
	saves   []savepoint
}

// savepoint remembers how much was collected when it was set.
type savepoint struct {
	name string
	n    int
}

func (l *changelog) add(effects ...schema.Effect) {
	for _, effect := range effects {
		if e := effect.Edit(); e != nil {
			if n := l.rows[e.Table] + max(1, e.Count()); n <= schema.MaxRows {
				l.count(e.Table, n)
				l.effects = append(l.effects, effect)
				continue
			}
			// From here on the edits of this table are not kept. Whatever takes this effect back, a
			// savepoint, takes back the edits after it.
			effect = schema.TableEffect(e.Table)
		}
		if l.seen[effect.ID()] {
			continue
		}
		if l.seen == nil {
			l.seen = map[schema.EffectID]bool{}
		}
		l.seen[effect.ID()] = true
		l.effects = append(l.effects, effect)
	}
}

func (l *changelog) count(table string, n int) {
	if l.rows == nil {
		l.rows = map[string]int{}
	}
	l.rows[table] = n
}

func (l *changelog) save(name string) {
	l.saves = append(l.saves, savepoint{name: name, n: len(l.effects)})
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
	for _, effect := range l.effects[n:] {
		if effect.Edit() == nil {
			delete(l.seen, effect.ID())
		}
	}
	clear(l.effects[n:])
	l.effects = l.effects[:n]
	l.saves = l.saves[:i+1]
}

// release forgets the savepoint and those after it; what was collected stays.
func (l *changelog) release(name string) {
	if i := l.find(name); i >= 0 {
		l.saves = l.saves[:i]
	}
}

// take hands out the effects and leaves the log empty.
func (l *changelog) take() []schema.Effect {
	effects := l.effects
	*l = changelog{}
	return effects
}
