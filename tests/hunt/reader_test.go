//go:build linux

package hunt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	queries
)

var queryNames = [queries]string{"one cell", "all cells", "all accounts", "count of notes", "join"}

// weights of the queries, in percent.
var weights = [queries]int{40, 20, 15, 10, 15}

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

// ask runs a query and tells what it saw. The error of a sum that does not fit is errSum.
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
	b := r.board
	// What had returned, and what had been seen, before this read begins. exposed comes after seen: a
	// write without a mark raised it before anybody could see what it wrote.
	returned, own, before := snapshot(&b.returned), snapshot(&b.own[r.plan.Process]), snapshot(&b.seen)
	monotonic := b.exposed.Load() == 0 && !r.plan.MarksLost
	start := now()
	got, err := ask(db, query, id)
	end := now()
	if direct {
		read.Outcome = 0
	}
	r.count(read, direct, start)
	if err != nil && !errors.Is(err, errSum) {
		if !r.plan.ReadsFail && !over(ctx) {
			b.breach(entry{kind: eventRead, process: r.plan.Process, start: start, end: end, query: query, outcome: read.Outcome, breach: breachError})
			r.say("read failed: %v", err)
		}
		return
	}
	for _, s := range got {
		n := entry{kind: eventRead, process: r.plan.Process, slot: s.slot, value: s.value, start: start, end: end, query: query, outcome: read.Outcome}
		if n.breach, n.want = judge(s, returned, own, before, monotonic, err); n.breach != breachNone {
			b.breach(n)
		}
		b.record(n)
		if s.value < dirty {
			raise(&b.seen[s.slot], s.value)
		}
	}
}

// over tells that a context's time is up, which a connection may notice before the context itself.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// judge says what is wrong with what a read saw.
func judge(s seen, returned, own, before [slots]uint64, monotonic bool, err error) (breach int, want uint64) {
	switch {
	case s.value >= dirty:
		return breachDirty, 0
	case s.value < returned[s.slot]:
		return breachStrict, returned[s.slot]
	case s.value < own[s.slot]:
		return breachOwn, own[s.slot]
	case monotonic && s.value < before[s.slot]:
		return breachMonotonic, before[s.slot]
	case err != nil:
		return breachSum, 0
	}
	return breachNone, 0
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
	case observe.Hit:
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
