// Package store is the seam between gormcache and the place where entries and tags live.
//
// An entry is bytes under a key, with a time to live. A tag names something that entries depend on, such as a table. The
// token of a tag is a random value that stands for the tag's present state. A mark on a tag means that a writer is about
// to change what the tag names:
//
//	             Mark                    Settle
//	clean(t0) ----------> marked(t0) ----------> clean(t1)     committed, or outcome unknown
//	                          |        Unmark
//	                          +-----------------> clean(t0)     rolled back
//	                          |   deadline passed
//	                          +-----------------> clean(t2)     the writer died
//
// An entry carries the tokens that its tags had before the database was asked. The entry is valid while each of its tags
// is clean and still has that token. The store never searches or lists entries: to invalidate is to give a tag a new
// token.
//
// What a store can do besides is optional: [Batch], [Checker], [Inspector], [Swapper], [Claimer]. A store over another one
// is a [Layer]; [Wrap] and [NewCoded] make such stores.
//
// Package storetest checks that a [Store] keeps the contract.
package store
