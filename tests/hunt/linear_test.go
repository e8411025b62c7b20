//go:build linux

package hunt_test

import (
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// window is how many reads of each cell are checked: enough for many commits, and quickly done.
const window = 4000

// access is one read or write of a cell. Versions rise by one with each write.
type access struct {
	write   bool
	version uint64
}

// cell is a row as a register. The state is its version; 0 is what it was before the window, which
// nobody knows.
var cell = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, _ any) (bool, any) {
		now, op := state.(uint64), input.(access)
		if op.write {
			return now == 0 || op.version == now+1, op.version
		}
		return now == 0 || op.version == now, op.version
	},
}

// linear checks the newest reads of each cell for linearizability: a second opinion, by an algorithm
// that knows nothing of the board's registers.
func (h *hunt) linear() (checked int) {
	all := h.board.history()
	for slot := range cells {
		ops := operations(all, slot)
		checked += len(ops)
		switch porcupine.CheckOperationsTimeout(cell, ops, 10*time.Second) {
		case porcupine.Illegal:
			h.t.Errorf("the last %d accesses to %s are not linearizable", len(ops), slotName(slot))
		case porcupine.Unknown:
			h.t.Logf("%s: too many accesses at a time to check %d for linearizability", slotName(slot), len(ops))
		}
	}
	return checked
}

// operations are a slot's newest reads and all writes of what they saw.
func operations(all []entry, slot int) (ops []porcupine.Operation) {
	type span struct{ start, end int64 }
	commits := map[uint64]span{}
	low, high := uint64(math.MaxUint64), uint64(0)
	for i := len(all) - 1; i >= 0; i-- {
		n := all[i]
		switch {
		case n.slot != slot:
		case n.kind == eventCommit:
			commits[n.value] = span{n.start, n.end}
		case n.kind == eventRead && len(ops) < window:
			low, high = min(low, n.value), max(high, n.value)
			ops = append(ops, porcupine.Operation{
				ClientId: n.process, Input: access{version: n.value}, Call: n.start, Return: n.end,
			})
		}
	}
	for v := low + 1; v <= high && len(ops) > 0; v++ {
		c, returned := commits[v]
		if !returned { // its writer was killed, or got an error
			c = span{math.MinInt64, math.MaxInt64}
		}
		ops = append(ops, porcupine.Operation{
			ClientId: processes, Input: access{write: true, version: v}, Call: c.start, Return: c.end,
		})
	}
	return ops
}

func TestTheLinearizabilityCheckHasTeeth(t *testing.T) {
	read := func(v uint64, start, end int64) entry {
		return entry{kind: eventRead, value: v, start: start, end: end}
	}
	commit := entry{kind: eventCommit, value: 2, start: 10, end: 20}
	for _, c := range []struct {
		name    string
		history []entry
		want    bool
	}{
		{"either while it commits", []entry{read(1, 1, 5), commit, read(2, 12, 13), read(2, 21, 22)}, true},
		{"old after it returned", []entry{read(1, 1, 5), commit, read(2, 21, 22), read(1, 23, 24)}, false},
		{"old after another saw the new", []entry{commit, read(2, 11, 12), read(1, 13, 14)}, false},
		{"of a writer that was killed", []entry{read(1, 1, 5), read(2, 6, 7), read(1, 8, 9)}, false},
	} {
		if got := porcupine.CheckOperations(cell, operations(c.history, 0)); got != c.want {
			t.Errorf("%s: linearizable is %v", c.name, got)
		}
	}
}
