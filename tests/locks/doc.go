// Package locks tests locks among processes, on a real Redis. A coordinator starts four processes (this test binary, run
// again) that take one lock in turn, while it kills and stops those who have it.
//
// # What is asserted
//
// All times are of the machine's monotonic clock, which processes share.
//
//	fences      no two holders, of any process, have the same fence, and a holder that was granted the lock after
//	            another has the greater one.
//	exclusion   a holder has the lock from the return of Acquire until the last moment before a call of Held that
//	            said so. No two such times overlap, whatever is killed or stopped.
//	calm        every process gets the lock again and again, and after the hunt as well.
//
// Teeth break the store of the processes, and the same hunt must find it: a Release that asks for no owner, a store that
// forgets a claim before its holder does, fences that do not grow.
//
//	go test ./tests/locks -v -run Hunt                     3 s for the hunt
//	go test ./tests/locks -v -run Hunt -locks.time=10m     longer
package locks
