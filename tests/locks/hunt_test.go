//go:build linux

package locks_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/tests/servers"
)

var huntTime = flag.Duration("locks.time", 3*time.Second, "how long to hunt")

const (
	processes = 4
	ttl       = 300 * time.Millisecond
	patience  = time.Minute
)

// hold is the time for which one holder had the lock.
type hold struct {
	process     int
	fence       uint64
	from, until int64
	done        bool
	lost        string
}

// hunt is the coordinator.
type hunt struct {
	t    *testing.T
	plan plan

	mu     sync.Mutex
	holds  []*hold
	last   [processes]*hold
	holder int // who said last that it has the lock
	procs  [processes]*process
}

func newHunt(t *testing.T, change func(process int, p *plan)) *hunt {
	h := &hunt{t: t, plan: plan{Redis: servers.Redis(t).Addr, TTL: ttl}}
	for i := range processes {
		h.start(i, change)
	}
	return h
}

func (h *hunt) start(i int, change func(int, *plan)) {
	p := h.plan
	if change != nil {
		change(i, &p)
	}
	h.procs[i] = start(h.t, p, func(e event) { h.heard(i, e) })
}

// heard notes what a process says.
func (h *hunt) heard(i int, e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Err != "" {
		h.t.Errorf("process %d: %s", i, e.Err)
	}
	switch last := h.last[i]; e.Kind {
	case "got":
		h.last[i] = &hold{process: i, fence: e.Fence, from: e.At, until: e.At}
		h.holds, h.holder = append(h.holds, h.last[i]), i
	case "held":
		last.until = e.At
	case "done":
		last.done, last.lost = true, e.Lost
	}
}

// turns returns how often each process has had the lock.
func (h *hunt) turns() (n [processes]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.holds {
		n[o.process]++
	}
	return n
}

// wait waits until every process has had the lock n times more.
func (h *hunt) wait(n int) {
	h.t.Helper()
	before := h.turns()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		least := n
		for i, turns := range h.turns() {
			least = min(least, turns-before[i])
		}
		if least >= n {
			return
		}
		if time.Since(began) > patience {
			h.t.Fatalf("after %s of waiting the processes have had the lock %v times, before %v", patience, h.turns(), before)
		}
	}
}

// disturb kills or stops the holder, or another now and then.
func (h *hunt) disturb(change func(int, *plan)) (killed bool) {
	h.mu.Lock()
	i := h.holder
	h.mu.Unlock()
	if rand.IntN(4) == 0 {
		i = rand.IntN(processes)
	}
	if rand.IntN(2) == 0 {
		h.procs[i].kill()
		h.start(i, change)
		return true
	}
	h.procs[i].signal(syscall.SIGSTOP)
	time.Sleep(ttl/2 + rand.N(2*ttl))
	h.procs[i].signal(syscall.SIGCONT)
	return false
}

// stop ends all processes.
func (h *hunt) stop() {
	for i, p := range h.procs {
		if err, stderr := p.stop(); err != nil {
			h.t.Errorf("process %d: %v\n%s", i, err, stderr)
		}
	}
}

// violations says what must not be.
func (h *hunt) violations() (found []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	holds := slices.SortedFunc(slices.Values(h.holds), func(a, b *hold) int { return cmp.Compare(a.from, b.from) })
	seen := map[uint64]*hold{}
	var before *hold // of those that began earlier, the one that had the lock for longest
	for _, o := range holds {
		if other := seen[o.fence]; other != nil {
			found = append(found, fmt.Sprintf("processes %d and %d have had the fence %d", other.process, o.process, o.fence))
		}
		seen[o.fence] = o
		if before != nil && before.until >= o.from {
			found = append(found, fmt.Sprintf("process %d had the lock until %d, process %d from %d", before.process, before.until, o.process, o.from))
		}
		if before == nil || o.until >= before.until {
			before = o
		}
	}
	// A holder that was stopped between the grant and its clock may say late that it got the lock; what it says of Held
	// is of later still. So only of those that had it for a time the order is certain.
	certain := slices.DeleteFunc(holds, func(o *hold) bool { return o.until == o.from })
	for i := 1; i < len(certain); i++ {
		if certain[i].fence <= certain[i-1].fence {
			found = append(found, fmt.Sprintf("fence %d follows on %d", certain[i].fence, certain[i-1].fence))
		}
	}
	return found
}

// Falls if: of processes that are killed and stopped while they have a lock, two have it at once or have the same fence, or
// one never gets it again.
func TestHunt(t *testing.T) {
	h := newHunt(t, nil)
	h.wait(1)
	kills, stops := 0, 0
	for began := time.Now(); time.Since(began) < *huntTime; time.Sleep(rand.N(50 * time.Millisecond)) {
		if h.disturb(nil) {
			kills++
		} else {
			stops++
		}
	}
	h.wait(5)
	h.stop()
	lost := 0
	for _, o := range h.holds {
		if o.lost != "" {
			lost++
		}
	}
	for _, v := range h.violations() {
		t.Error(v)
	}
	t.Logf("%d kills, %d stops: the lock was had %v times, and lost %d times", kills, stops, h.turns(), lost)
}

// Falls if: the hunt does not see what is broken.
func TestHuntHasTeeth(t *testing.T) {
	for _, tooth := range []string{toothUnowned, toothShort, toothFence} {
		t.Run(tooth, func(t *testing.T) {
			change := func(_ int, p *plan) { p.Tooth = tooth }
			h := newHunt(t, change)
			h.wait(1)
			for began := time.Now(); len(h.violations()) == 0; time.Sleep(rand.N(50 * time.Millisecond)) {
				if time.Since(began) > patience {
					t.Fatalf("not found in %s, and %v turns", patience, h.turns())
				}
				h.disturb(change)
			}
			t.Log(h.violations()[0])
		})
	}
}

// Falls if: processes that want the lock again as soon as they have released it leave nothing to the others.
func TestNobodyStarves(t *testing.T) {
	h := newHunt(t, func(i int, p *plan) { p.Greed = i == 0 })
	h.wait(20)
	h.stop()
	t.Logf("turns: %v", h.turns())
}
