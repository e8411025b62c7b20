//go:build linux

package hunt_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

type readKey struct{}

// reader reads until the hunt ends.
type reader struct {
	*child
	rand *rand.Rand
}

func (r *reader) run() {
	for !r.board.stop.Load() {
		if r.plan.Tooth == toothSnapshot && r.rand.IntN(20) == 0 {
			r.fillInSnapshot()
			continue
		}
		r.once()
		if r.rand.IntN(8) == 0 {
			// Leaves the machine to the writers, so that the mix does not depend on its speed alone.
			time.Sleep(time.Duration(r.rand.IntN(1500)) * time.Microsecond)
		}
	}
}

// once does one read and judges it.
func (r *reader) once() {
	query, id := pick(r.rand), uint(r.rand.IntN(cells)+1)
	if query == queryItem || query == querySome || query == queryAround {
		id = uint(r.rand.IntN(items) + 1)
	}
	var read observe.Read
	ctx := context.WithValue(context.Background(), readKey{}, &read)
	if r.plan.Cancel && r.board.burst.Load() && r.rand.IntN(20) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.rand.IntN(3000))*time.Microsecond)
		defer cancel()
	}
	db, direct := r.db.WithContext(ctx), r.rand.IntN(20) == 0
	if direct {
		db = r.direct(db)
	} else {
		db = r.cached(db, query)
	}
	k := r.known()
	start := now()
	got, err := ask(db, query, id)
	end := now()
	if direct {
		read.Outcome = 0
	}
	r.count(read, direct, start)
	n := entry{kind: eventRead, process: r.plan.Process, start: start, end: end, query: query, outcome: read.Outcome}
	if errors.Is(err, errTwice) && !r.marked(k) {
		err = nil
	}
	if err != nil && !errors.Is(err, errTorn) {
		if !r.plan.ReadsFail && !over(ctx) {
			n.breach = breachError
			r.board.breach(n)
			r.say("read failed: %v", err)
		}
		return
	}
	for _, s := range got {
		n.slot, n.value = s.slot, s.value
		if n.breach, n.want = k.judge(s, err); n.breach != breachNone {
			r.board.breach(n)
		}
		r.board.record(n)
		if s.value < dirty {
			raise(&r.board.seen[s.slot], s.value)
		}
	}
	for _, cell := range wholeCells(query, id) {
		r.lacking(n, k, got, uint64(cell))
	}
}

// knowledge is what a read must not fall behind: what had returned, and what had been seen, before it
// began.
type knowledge struct {
	returned, own, seen [slots]uint64
	exposed             bool // a write without a mark had not landed
	monotonic           bool
	unmarked            int64
}

// known takes down what is known now. exposed comes after seen: a write without a mark raised it before
// anybody could see what it wrote.
func (r *reader) known() *knowledge {
	b := r.board
	k := &knowledge{returned: snapshot(&b.returned), own: snapshot(&b.own[r.plan.Process]), seen: snapshot(&b.seen)}
	k.unmarked = b.unmarked.Load()
	k.exposed = b.exposed.Load() > 0
	k.monotonic = !k.exposed && !r.plan.MarksLost
	return k
}

// marked tells that each write since then had its marks.
func (r *reader) marked(k *knowledge) bool {
	return k.monotonic && r.board.unmarked.Load() == k.unmarked
}

// least are the values that a slot has reached, with what it breaks to fall behind them.
func (k *knowledge) least(slot int) iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		if yield(breachStrict, k.returned[slot]) && yield(breachOwn, k.own[slot]) && k.monotonic {
			yield(breachMonotonic, k.seen[slot])
		}
	}
}

// judge says what is wrong with what a read saw.
func (k *knowledge) judge(s seen, err error) (breach int, want uint64) {
	if s.value >= dirty {
		return breachDirty, 0
	}
	for breach, least := range k.least(s.slot) {
		if s.value < least && !(k.exposed && moved(s, least)) {
			return breach, least
		}
	}
	if err != nil {
		return breachTorn, 0
	}
	return breachNone, 0
}

// moved tells that what was seen is an item in another cell than the one where it has got to since. That it has left
// the cell that shows it, the write says that took it away: where it went from there is no news to that cell. So
// while a write without a mark has not landed, this is what CAVEATS 11 permits, whatever has landed since:
//
//	one:     moves the item from cell 2 to 3, and can't tell the store
//	another: moves it from 3 to 1, and tells the store of 3 and 1
//	reader:  finds it in cell 2
func moved(s seen, least uint64) bool {
	return slotItems <= s.slot && s.slot < slotNotes && s.value%places != least%places
}

// lacking looks for items that a read of a cell's items does not show although they were there before it
// began. The answer can't tell that one has not moved on meanwhile, so the database is asked. Versions
// rise with each write: if it has the one of before, the item was there all the time.
func (r *reader) lacking(n entry, k *knowledge, got []seen, cell uint64) {
	for n.slot = slotItems; n.slot < slotNotes; n.slot++ {
		if slices.ContainsFunc(got, func(s seen) bool { return s.slot == n.slot }) {
			continue
		}
		for breach, least := range k.least(n.slot) {
			if least%places != cell {
				continue
			}
			there, err := ask(r.direct(r.db.Session(&gorm.Session{})), queryItem, uint(n.slot-slotItems+1))
			if err == nil && there[0].value == least {
				n.value, n.want, n.breach = absent, least, breach
				r.board.breach(n)
				break
			}
		}
	}
}

// absent is the value of an item that is not where it must be.
const absent = 0

// over tells that a context's time is up, which a connection may notice before the context itself.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

func (r *reader) count(read observe.Read, direct bool, start int64) {
	c := &r.board.counts[r.plan.Process]
	c.reads.Add(1)
	if direct {
		c.direct.Add(1)
		return
	}
	calm := start > r.board.window.Load()
	if calm {
		c.calm.Add(1)
	}
	switch read.Outcome {
	case observe.Hit, observe.Stale:
		c.hits.Add(1)
		if calm {
			c.calmHits.Add(1)
		}
	case observe.Miss:
		c.misses.Add(1)
	case observe.Bypass:
		c.bypasses.Add(1)
	}
}
