// Package memory is a store inside the process: the default of gormcache, and the one for tests.
//
// Entries are bounded by their bytes and evicted by how often and how lately they were read
// (W-TinyLFU). Tags are bounded in number; a tag with a live mark is never evicted, so this store
// guarantees all of the contract of [store.Store]. An expired entry is never served. Its bytes are freed when it
// is overwritten or evicted, since the store runs no goroutine and no timer.
//
// [Open] makes a store whose values outlive the process in a file, if they depend on no table.
//
// Use this store only if a single process runs. Several processes need a store that they share: otherwise one serves
// entries that a write of another has made stale.
package memory
