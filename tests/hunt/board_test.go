//go:build linux

package hunt_test

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	processes = 3
	cells     = 4
	accounts  = 4
	items     = 2 * cells

	// The slots of the board: a row's version each, and numbers: of all notes, of each process's, and of
	// each cell's labels.
	slotCells    = 0
	slotAccounts = cells
	slotItems    = slotAccounts + accounts
	slotNotes    = slotItems + items
	slotNotesOf  = slotNotes + 1
	slotLabels   = slotNotesOf + processes
	slots        = slotLabels + cells

	// A slot of an item holds where it is besides its version: version * places + the cell's id.
	places = 16

	// dirty is added to the version of a row that will be rolled back.
	dirty = 1 << 40
)

// board is the memory that all processes of a hunt share: a file, mapped. It outlives a process that is
// killed, and needs no message to be seen.
type board struct {
	stop  atomic.Bool
	burst atomic.Bool  // contexts end early now
	ready atomic.Int64 // processes that have begun to work

	returned [slots]atomic.Uint64            // by commits that count for everybody
	own      [processes][slots]atomic.Uint64 // by commits of one process
	seen     [slots]atomic.Uint64            // by finished reads
	exposed  atomic.Int64                    // writes without a mark that have not landed
	unmarked atomic.Int64                    // writes without a mark, ever
	overruns atomic.Int64                    // writes that outlasted their mark
	window   atomic.Int64                    // until when a fault lasts: no share of hits is taken
	armed    [processes]atomic.Uint32        // the step at which a process is to kill itself
	skew     [processes]atomic.Int64         // how far a process's clock is off
	deaths   atomic.Int64
	counts   [processes]counts
	broken   atomic.Uint64 // violations found
	breaks   [16]event     // the first of them
	cursor   atomic.Uint64 // the next event
	events   [1 << 16]event
}

// counts are what one process has done.
type counts struct {
	reads, hits, misses, bypasses, direct atomic.Uint64
	calm, calmHits                        atomic.Uint64 // outside of faults
	commits, refused, queued, unknown     atomic.Uint64
}

// openBoard maps the file, and makes it if need be.
func openBoard(path string) (*board, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	const size = int(unsafe.Sizeof(board{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*board)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

func (b *board) close() error {
	return syscall.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(b)), unsafe.Sizeof(*b)))
}

// raise sets a to v unless it is higher.
func raise(a *atomic.Uint64, v uint64) {
	for old := a.Load(); old < v && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// publish notes a returned commit. Notes and labels are counted: their inserts come in no order.
func publish(in *[slots]atomic.Uint64, slot int, version uint64) {
	if slot >= slotNotes {
		in[slot].Add(1)
		return
	}
	raise(&in[slot], version)
}

func snapshot(of *[slots]atomic.Uint64) (s [slots]uint64) {
	for i := range of {
		s[i] = of[i].Load()
	}
	return s
}

// disturb says that until that moment the share of hits tells nothing.
func (b *board) disturb(until int64) {
	for old := b.window.Load(); old < until && !b.window.CompareAndSwap(old, until); old = b.window.Load() {
	}
}

// now is the time since the machine was started, the same in all processes, in nanoseconds.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}
