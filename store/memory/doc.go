// Package memory is a store inside the process: the default of gormcache, and the one for tests.
//
// Entries are bounded by their bytes and evicted by how often and how lately they were read
// (W-TinyLFU). Tags are bounded in number; one that bears a live mark is never evicted, so the store
// keeps the whole of the Store's promise. An expired entry is never served; its bytes are freed when
// it is overwritten or evicted, since the store runs no goroutine and no timer.
//
// Nothing is shared with other processes: a program that runs more than once needs a store that they
// share, or it serves what another process has made stale.
package memory
