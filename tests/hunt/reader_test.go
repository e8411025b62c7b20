//go:build linux

package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/seed-4f7f0efa/gormcache/fromcache"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// queries.
const (
	queryCell = iota
	queryCells
	queryAccounts
	queryCount
	queryJoin
	queryItem
	queryItems
	queryItemsOf
	queryNotesOf
	queries
)

var queryNames = [queries]string{
	"one cell", "all cells", "all accounts", "count of notes", "join",
	"one item", "all items", "items of a cell", "count of a process's notes",
}

// weights of the queries, in percent.
var weights = [queries]int{22, 12, 12, 6, 10, 12, 6, 14, 6}

func pick(r *rand.Rand) int {
	n := r.IntN(100)
	for q, w := range weights {
		if n -= w; n < 0 {
			return q
		}
	}
	return queryCell
}

// seen is what a read says of one slot.
type seen struct {
	slot  int
	value uint64
}

// ask runs a query and tells what it saw: lookups by primary key and by a foreign key, and whole tables. The error of a sum that does not fit is errSum.
func ask(db *gorm.DB, query int, id uint) ([]seen, error) {
	switch query {
	case queryCell:
		var c Cell
		err := db.First(&c, id).Error
		return []seen{{slotCells + int(id) - 1, c.Version}}, err
	case queryCells:
		var all []Cell
		err := db.Order("id").Find(&all).Error
		return seenCells(all), err
	case queryAccounts:
		return askAccounts(db)
	case queryCount:
		var n int64
		err := db.Model(&Note{}).Count(&n).Error
		return []seen{{slotNotes, uint64(n)}}, err
	case queryItem:
		var i Item
		err := db.First(&i, id).Error
		return []seen{i.seen()}, err
	case queryItems:
		return askItems(db)
	case queryItemsOf:
		return askItems(db.Where("cell_id = ?", id))
	case queryNotesOf:
		var n int64
		process := int(id) % processes
		err := db.Model(&Note{}).Where("process = ?", process).Count(&n).Error
		return []seen{{slotNotesOf + process, uint64(n)}}, err
	}
	var row struct{ Cell, Account uint64 }
	err := db.Table("cells").Select("cells.version AS cell, accounts.version AS account").
		Joins("JOIN accounts ON accounts.id = cells.id").Where("cells.id = ?", id).Scan(&row).Error
	return []seen{{slotCells + int(id) - 1, row.Cell}, {slotAccounts + int(id) - 1, row.Account}}, err
}

var errSum = errors.New("the accounts' sum is wrong")

func seenCells(all []Cell) (got []seen) {
	for _, c := range all {
		got = append(got, seen{slotCells + int(c.ID) - 1, c.Version})
	}
	return got
}

func (i Item) seen() seen {
	return seen{slotItems + int(i.ID) - 1, i.Version*places + uint64(i.CellID)}
}

func askItems(db *gorm.DB) (got []seen, err error) {
	var some []Item
	err = db.Order("id").Find(&some).Error
	for _, i := range some {
		got = append(got, i.seen())
	}
	return got, err
}

func askAccounts(db *gorm.DB) ([]seen, error) {
	var all []Account
	err := db.Order("id").Find(&all).Error
	var got []seen
	sum := int64(0)
	for _, a := range all {
		got = append(got, seen{slotAccounts + int(a.ID) - 1, a.Version})
		sum += a.Balance
	}
	if err == nil && sum != balance*accounts {
		err = fmt.Errorf("%w: %d", errSum, sum)
	}
	return got, err
}

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
	if query == queryItem {
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
	if !direct {
		db = db.Clauses(fromcache.Region("default"))
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
	if err != nil && !errors.Is(err, errSum) {
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
	if query == queryItemsOf {
		r.lacking(n, k, got, uint64(id))
	}
}

// knowledge is what a read must not fall behind: what had returned, and what had been seen, before it
// began.
type knowledge struct {
	returned, own, seen [slots]uint64
	monotonic           bool
}

// known takes down what is known now. exposed comes after seen: a write without a mark raised it before
// anybody could see what it wrote.
func (r *reader) known() *knowledge {
	b := r.board
	k := &knowledge{returned: snapshot(&b.returned), own: snapshot(&b.own[r.plan.Process]), seen: snapshot(&b.seen)}
	k.monotonic = b.exposed.Load() == 0 && !r.plan.MarksLost
	return k
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
		if s.value < least {
			return breach, least
		}
	}
	if err != nil {
		return breachSum, 0
	}
	return breachNone, 0
}

// lacking looks for items that a read of a cell's does not show although they were there before it
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
			there, err := ask(r.db.Session(&gorm.Session{}), queryItem, uint(n.slot-slotItems+1))
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
