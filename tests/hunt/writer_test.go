//go:build linux

package hunt_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-4f7f0efa/gormcache/invalidate"
)

// claim is a version that a write has given to a slot.
type claim struct {
	slot    int
	version uint64
}

// write is one write on its way. It travels in the statement's context, so that the store and the
// database driver, which both lie below the plugin, can note what becomes of it.
type write struct {
	board   *board
	grace   time.Duration // that it has at least, however its mark's clock jumps
	auto    bool          // one statement outside a transaction
	asked   atomic.Bool   // it has asked for marks
	marked  atomic.Bool   // they have landed, all of them
	markAt  atomic.Int64  // when the mark was asked for
	exposed atomic.Bool   // it went to the database without a mark
	queued  atomic.Bool   // its tokens wait in the queue
}

type writeKey struct{}

func writeOf(ctx context.Context) *write {
	w, _ := ctx.Value(writeKey{}).(*write)
	return w
}

// effective is called before what makes the write visible goes to the database.
func (w *write) effective() {
	if !w.marked.Load() && w.exposed.CompareAndSwap(false, true) {
		w.board.exposed.Add(1)
		w.board.unmarked.Add(1)
	}
}

// visible is called when it has returned.
func (w *write) visible() {
	if at := w.markAt.Load(); at != 0 && now()-at > int64(w.grace)*9/10 {
		w.board.overruns.Add(1)
	}
}

// landed takes back what effective said.
func (w *write) landed() {
	if w.exposed.Load() {
		w.board.exposed.Add(-1)
	}
}

// writer writes until the hunt ends.
type writer struct {
	*child
	rand    *rand.Rand
	pending []pendingWrite
}

// pendingWrite is a committed write whose tokens wait in the plugin's queue.
type pendingWrite struct {
	*write
	claims []claim
}

func (w *writer) run() {
	for !w.board.stop.Load() {
		w.once()
		w.deliver()
		time.Sleep(time.Duration(w.rand.IntN(2*w.plan.Pause)) * time.Millisecond)
	}
}

// deliver counts what waited in the queue for everybody, once the queue is empty.
func (w *writer) deliver() {
	if len(w.pending) == 0 || w.plugin.Stats().Pending > 0 {
		return
	}
	for _, p := range w.pending {
		for _, c := range p.claims {
			publish(&w.board.returned, c.slot, c.version)
		}
		p.landed()
	}
	w.pending = nil
}

var errRollback = errors.New("rolled back on purpose")

// once does one write and says what became of it.
func (w *writer) once() {
	wr := &write{board: w.board, grace: w.plan.Grace - w.plan.Jumps}
	ctx := context.WithValue(context.Background(), writeKey{}, wr)
	if w.plan.Cancel && w.board.burst.Load() && w.rand.IntN(3) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(w.rand.IntN(20_000))*time.Microsecond)
		defer cancel()
	}
	start := now()
	claims, err := w.some(wr, w.db.WithContext(ctx))
	end := now()
	c := &w.board.counts[w.plan.Process]
	switch {
	case err == nil:
		c.commits.Add(1)
		w.returned(wr, claims, start, end)
	case errors.Is(err, errRollback), w.plan.MariaDB && deadlocked(err): // MariaDB locks the gaps between rows too
		wr.landed()
	default:
		w.failed(wr, claims, err, over(ctx), start, end)
	}
}

// returned publishes a commit.
func (w *writer) returned(wr *write, claims []claim, start, end int64) {
	c := &w.board.counts[w.plan.Process]
	for _, cl := range claims {
		w.board.record(entry{kind: eventCommit, process: w.plan.Process, slot: cl.slot, value: cl.version, start: start, end: end})
		publish(&w.board.own[w.plan.Process], cl.slot, cl.version)
		if !wr.queued.Load() || w.plan.strictQueued() {
			publish(&w.board.returned, cl.slot, cl.version)
		}
	}
	if !wr.queued.Load() {
		wr.landed()
		return
	}
	c.queued.Add(1)
	if w.plan.strictQueued() {
		claims = nil
	}
	w.pending = append(w.pending, pendingWrite{wr, claims})
}

// failed notes a write that returned an error.
func (w *writer) failed(wr *write, claims []claim, err error, over bool, start, end int64) {
	c := &w.board.counts[w.plan.Process]
	if errors.Is(err, invalidate.ErrStoreUnavailable) {
		c.refused.Add(1)
	} else {
		c.unknown.Add(1)
		if !w.plan.WritesFail && !over {
			w.board.breach(entry{kind: eventUnknown, process: w.plan.Process, start: start, end: end, breach: breachError})
			w.say("write failed: %v", err)
		}
		for _, cl := range claims {
			w.board.record(entry{kind: eventUnknown, process: w.plan.Process, slot: cl.slot, value: cl.version, start: start, end: end})
		}
	}
	if wr.queued.Load() {
		w.pending = append(w.pending, pendingWrite{wr, nil})
		return
	}
	wr.landed()
}

// some does a write of some kind. What it claims holds if it returns no error.
func (w *writer) some(wr *write, db *gorm.DB) ([]claim, error) {
	n := w.rand.IntN(100)
	if n < 25 {
		wr.auto = true
		switch {
		case n < 12:
			return w.bumpAlone(db)
		case n < 19:
			return w.note(db.Session(&gorm.Session{SkipDefaultTransaction: true}))
		}
		return w.moveAlone(db)
	}
	var claims []claim
	err := db.Transaction(func(tx *gorm.DB) (err error) {
		switch {
		case n < 42:
			claims, err = bump(tx, w.row(cells))
		case n < 54:
			claims, err = w.transfer(tx)
		case n < 58:
			claims, err = w.label(tx)
		case n < 66:
			claims, err = w.nested(tx)
		case n < 78:
			claims, err = w.move(tx)
		case n < 84:
			claims, err = w.replace(tx)
		case n < 88:
			claims, err = w.bumpItems(tx)
		case n < 94:
			err = cmp.Or(spoil(tx, w.row(cells)), errRollback)
		default:
			err = cmp.Or(spoilItem(tx, w.row(items), w.row(cells)), errRollback)
		}
		return err
	})
	return claims, err
}

func (w *writer) row(n int) uint { return uint(w.rand.IntN(n) + 1) }

// bump gives a cell its next version.
func bump(tx *gorm.DB, id uint) ([]claim, error) {
	var c Cell
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&c, id).Error; err != nil {
		return nil, err
	}
	err := tx.Model(&c).Update("version", c.Version+1).Error
	return []claim{{slotCells + int(id) - 1, c.Version}}, err
}

// bumpAlone does so by one statement outside a transaction.
func (w *writer) bumpAlone(db *gorm.DB) ([]claim, error) {
	id, version := w.row(cells), uint64(0)
	if w.plan.MariaDB {
		return nil, db.Exec("UPDATE cells SET version = version + 1 WHERE id = ?", id).Error
	}
	err := db.Raw("UPDATE cells SET version = version + 1 WHERE id = ? RETURNING version", id).Scan(&version).Error
	return []claim{{slotCells + int(id) - 1, version}}, err
}

// transfer moves money from one account to another.
func (w *writer) transfer(tx *gorm.DB) ([]claim, error) {
	from := w.row(accounts - 1)
	to := from + w.row(accounts-int(from))
	var both []Account
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(&both, []uint{from, to}).Error; err != nil {
		return nil, err
	}
	var claims []claim
	amount := int64(w.rand.IntN(21) - 10)
	for i, a := range both {
		a.Version++
		a.Balance += amount * int64(1-2*i)
		if err := tx.Save(&a).Error; err != nil {
			return nil, err
		}
		claims = append(claims, claim{slotAccounts + int(a.ID) - 1, a.Version})
	}
	return claims, nil
}

// nested writes a row, and another one within a savepoint that is kept or rolled back.
func (w *writer) nested(tx *gorm.DB) ([]claim, error) {
	first := w.row(cells - 1)
	second := first + w.row(cells-int(first))
	claims, err := bump(tx, first)
	if err != nil {
		return nil, err
	}
	if w.rand.IntN(2) == 0 {
		err := tx.Transaction(func(tx *gorm.DB) error { return errors.Join(spoil(tx, second), errRollback) })
		if errors.Is(err, errRollback) && tx.Error == nil {
			err = nil
		}
		return claims, err
	}
	err = tx.Transaction(func(tx *gorm.DB) error {
		more, err := bump(tx, second)
		claims = append(claims, more...)
		return err
	})
	return claims, err
}

// spoil writes what nobody must ever see.
func spoil(tx *gorm.DB, id uint) error {
	return tx.Model(&Cell{ID: id}).Update("version", gorm.Expr("version + ?", uint64(dirty))).Error
}
