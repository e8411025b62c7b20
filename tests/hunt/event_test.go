//go:build linux

package hunt_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-4f7f0efa/gormcache/observe"
)

// kinds of events.
const (
	eventRead = iota + 1
	eventCommit
	eventUnknown // a write that returned an error, and perhaps took place
	eventKilled
	eventFault
)

// breaches, in the order in which they are looked for.
const (
	breachNone = iota
	breachStrict
	breachOwn
	breachMonotonic
	breachTorn
	breachDirty
	breachError
)

var breachNames = [...]string{"", "strict", "own", "monotonic", "torn", "dirty", "error"}

// event is one line of the history, as it lies on the board.
type event struct{ words [8]atomic.Uint64 }

// entry is an event outside of the board.
type entry struct {
	kind, process, slot int
	value, want         uint64 // want: of a breach
	start, end          int64
	outcome             observe.Outcome
	query               int
	breach              int
	note                int // of a fault or a death
}

func (e *event) store(n entry) {
	for i, w := range [...]uint64{
		uint64(n.kind), uint64(n.process), uint64(n.slot), n.value, n.want, uint64(n.start), uint64(n.end),
		uint64(n.outcome) | uint64(n.query)<<8 | uint64(n.breach)<<16 | uint64(n.note)<<24,
	} {
		e.words[i].Store(w)
	}
}

func (e *event) load() entry {
	w := func(i int) uint64 { return e.words[i].Load() }
	return entry{
		kind: int(w(0)), process: int(w(1)), slot: int(w(2)), value: w(3), want: w(4), start: int64(w(5)), end: int64(w(6)),
		outcome: observe.Outcome(w(7)), query: int(w(7) >> 8 & 255), breach: int(w(7) >> 16 & 255), note: int(w(7) >> 24 & 255),
	}
}

func (b *board) record(n entry) {
	b.events[(b.cursor.Add(1)-1)%uint64(len(b.events))].store(n)
}

// breach notes a violation.
func (b *board) breach(n entry) {
	if i := b.broken.Add(1) - 1; i < uint64(len(b.breaks)) {
		b.breaks[i].store(n)
	}
}

// history is what the board remembers, in order of time.
func (b *board) history() []entry {
	var all []entry
	for i := range b.events {
		if n := b.events[i].load(); n.kind != 0 {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.start, b.start) })
	return all
}

// shortest tells the first violation by as few events as possible: where the old value was last loaded,
// who had seen or committed the new one, which faults and deaths lie between, and the read itself.
func (b *board) shortest() string {
	v := b.breaks[0].load()
	all := b.history()
	var load, newer, commit *entry
	lines := []entry{v}
	for i := range all {
		n := &all[i]
		if n.start > v.end {
			break
		}
		if n.slot != v.slot && (n.kind == eventRead || n.kind == eventCommit || n.kind == eventUnknown) {
			continue
		}
		switch n.kind {
		case eventRead:
			if n.value == v.value && n.outcome != observe.Hit {
				load = n
			}
			if newer == nil && n.value >= v.want && n.end <= v.start {
				newer = n
			}
		case eventCommit:
			if commit == nil && n.value >= v.want {
				commit = n
			}
		case eventUnknown:
			if n.end > v.start-int64(time.Second) {
				lines = append(lines, *n)
			}
		case eventKilled, eventFault:
			if n.start > v.start-int64(2*time.Second) {
				lines = append(lines, *n)
			}
		}
	}
	for _, n := range []*entry{load, newer, commit} {
		if n != nil {
			lines = append(lines, *n)
		}
	}
	slices.SortStableFunc(lines, func(a, b entry) int { return cmp.Compare(a.start, b.start) })
	if len(lines) > 40 {
		lines = lines[len(lines)-40:]
	}
	var s strings.Builder
	for _, n := range lines {
		fmt.Fprintf(&s, "\n  %9.3f..%9.3f ms  %s", ms(n.start-v.start), ms(n.end-v.start), n)
	}
	return s.String()
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// String is what happened, without the time.
func (n entry) String() string {
	who := fmt.Sprintf("process %d", n.process)
	switch n.kind {
	case eventRead:
		s := fmt.Sprintf("%s: %s: %v of %s = %s", who, queryNames[n.query], n.outcome, slotName(n.slot), what(n.slot, n.value))
		if n.outcome == 0 {
			s = fmt.Sprintf("%s: %s: direct read of %s = %s", who, queryNames[n.query], slotName(n.slot), what(n.slot, n.value))
		}
		if n.breach != breachNone {
			s += "   <-- " + breachNames[n.breach]
		}
		if n.want > 0 {
			s += ": want at least " + what(n.slot, n.want)
		}
		return s
	case eventCommit:
		return fmt.Sprintf("%s: commit of %s = %s returned", who, slotName(n.slot), what(n.slot, n.value))
	case eventUnknown:
		return fmt.Sprintf("%s: commit of %s = %s failed, outcome unknown", who, slotName(n.slot), what(n.slot, n.value))
	case eventKilled:
		return fmt.Sprintf("%s: killed %s", who, stepNames[n.note])
	case eventFault:
		return "fault: " + []string{"ends", "begins"}[n.note]
	}
	return "?"
}

// what names the state of a slot.
func what(slot int, value uint64) string {
	switch {
	case slot < slotItems || slot >= slotNotes || value >= dirty:
		return fmt.Sprint(value)
	case value == absent:
		return "absent"
	}
	return fmt.Sprintf("%d in cell %d", value/places, value%places)
}

func slotName(slot int) string {
	switch {
	case slot < slotAccounts:
		return fmt.Sprintf("cell %d", slot+1)
	case slot < slotItems:
		return fmt.Sprintf("account %d", slot-slotAccounts+1)
	case slot < slotNotes:
		return fmt.Sprintf("item %d", slot-slotItems+1)
	case slot >= slotLabels:
		return fmt.Sprintf("number of labels of cell %d", slot-slotLabels+1)
	case slot > slotNotes:
		return fmt.Sprintf("number of notes of process %d", slot-slotNotesOf)
	}
	return "number of notes"
}
