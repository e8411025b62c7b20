package bench_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// until sleeps until a moment. time.Sleep ends up to a millisecond late where the process has nothing else to do, which is
// as much as the link adds.
func until(t time.Time) {
	for rest := time.Until(t); rest > 0; rest = time.Until(t) {
		ts := unix.NsecToTimespec(int64(rest))
		_ = unix.Nanosleep(&ts, nil) // a signal ends it early
	}
}
