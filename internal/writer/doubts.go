package writer

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/store"
)

// cause is why marks stay when their writer has ended.
type cause string

const (
	unknownCommit    cause = "the outcome of a COMMIT is unknown"
	unknownStatement cause = "the outcome of a statement outside a transaction is unknown"
	openRows         cause = "the rows of a statement that writes are not closed"
	foreignCommit    cause = "the COMMIT of a transaction that gormcache did not begin is not seen"
	plainGoesOn      cause = "a transaction in plain SQL may be under way"
)

// Doubt is about marks that a writer of this process has left to run out, because what it wrote may still take effect.
type Doubt struct {
	// Tags bear the marks, as they stand in the store: queries that depend on one of them are bypassed by everybody.
	Tags []string
	// Writer is whose marks they are.
	Writer store.Writer
	// Cause is why they stay, in words.
	Cause string
	// Until is when they run out; later, if the store could not be told of them at once.
	Until time.Time
}

// maxDoubts bounds the doubts that are remembered. Where there are more, the oldest are forgotten; their marks stay.
const maxDoubts = 256

// maxShown bounds the tags that a line of the log names.
const maxShown = 16

// doubts are those whose marks have not run out, the oldest first. The zero value is ready; it is safe for
// concurrent use.
type doubts struct {
	n      atomic.Int64 // how many there are, to be read without the lock
	mu     sync.Mutex
	list   []Doubt
	warned []cause
	ends   map[store.Writer]*end // of those that were warned of
	closed bool
}

// end says, once, that the marks of a writer who was warned of are gone.
type end struct {
	timer *time.Timer
	say   func()
}

// Doubts returns the marks that writers of this process have left to run out, the oldest first: at most 256. A
// transaction that gormcache did not begin leaves some with each statement.
func (p *publisher) Doubts() []Doubt {
	d := &p.doubts
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	return slices.Clone(d.list)
}

// doubt remembers marks that stay, and says so: once for each cause as a warning, then to those who debug.
func (p *publisher) doubt(ctx context.Context, d Doubt) {
	say := p.cfg.Logger.DebugContext
	if p.doubts.add(d) {
		say = p.cfg.Logger.WarnContext
		p.doubts.watch(d, func() {
			p.cfg.Logger.Info("gormcache: the marks that stayed after a write have gone, and what depends on their tags is cached again",
				"cause", d.Cause, "writer", d.Writer.String())
		})
	}
	say(ctx, "gormcache: marks stay after a write, and what depends on their tags is not cached until they run out",
		"cause", d.Cause, "tags", d.Tags[:min(len(d.Tags), maxShown)], "of", len(d.Tags), "writer", d.Writer.String(), "left", time.Until(d.Until).Round(time.Millisecond))
}

// add remembers a doubt in the place of others of its writer, and reports whether its cause is news.
func (d *doubts) add(one Doubt) (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	for _, old := range d.list {
		if old.Writer == one.Writer {
			one.Tags = append(one.Tags, old.Tags...)
			slices.Sort(one.Tags)
			one.Tags = slices.Compact(one.Tags)
		}
	}
	d.forget(one.Writer)
	if len(d.list) >= maxDoubts {
		d.list = slices.Delete(d.list, 0, 1)
	}
	d.list = append(d.list, one)
	d.n.Store(int64(len(d.list)))
	if e := d.ends[one.Writer]; e != nil {
		e.timer.Reset(time.Until(one.Until))
	}
	// Rows that are open are in order, and end their doubt when they are closed.
	if why := cause(one.Cause); why != openRows && !slices.Contains(d.warned, why) {
		d.warned = append(d.warned, why)
		return true
	}
	return false
}

// remove forgets the doubts of a writer whose marks are gone.
func (d *doubts) remove(id store.Writer) {
	if d.n.Load() == 0 {
		return
	}
	d.mu.Lock()
	d.forget(id)
	d.mu.Unlock()
	d.end(id)
}

// watch has it said when the marks of a doubt are gone.
func (d *doubts) watch(one Doubt, say func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if d.ends == nil {
		d.ends = map[store.Writer]*end{}
	}
	d.ends[one.Writer] = &end{time.AfterFunc(time.Until(one.Until), func() { d.end(one.Writer) }), say}
}

// end says that a writer's marks are gone, if the writer was warned of.
func (d *doubts) end(id store.Writer) {
	d.mu.Lock()
	e := d.ends[id]
	delete(d.ends, id)
	d.mu.Unlock()
	if e != nil {
		e.timer.Stop()
		e.say()
	}
}

// close ends what waits for the ends of marks. Nothing is said of them any more.
func (d *doubts) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, e := range d.ends {
		e.timer.Stop()
	}
	clear(d.ends)
}

// forget does so. The lock is held.
func (d *doubts) forget(id store.Writer) {
	d.list = slices.DeleteFunc(d.list, func(one Doubt) bool { return one.Writer == id })
	d.n.Store(int64(len(d.list)))
}

// expire forgets marks that have run out. The lock is held.
func (d *doubts) expire() {
	now := time.Now()
	d.list = slices.DeleteFunc(d.list, func(one Doubt) bool { return !now.Before(one.Until) })
	d.n.Store(int64(len(d.list)))
}
