// Package store is the seam between gormcache and the place where entries and tags live.
//
// An entry is bytes under a key, with a time to live. A tag names something that entries depend on,
// such as a table; its token is a random value that stands for its present state; a mark says that a
// writer is about to change it:
//
//	             Mark                    Settle
//	clean(t0) ----------> marked(t0) ----------> clean(t1)     committed, or outcome unknown
//	                          |        Unmark
//	                          +-----------------> clean(t0)     rolled back
//	                          |   deadline passed
//	                          +-----------------> clean(t2)     the writer died
//
// An entry carries the tokens its tags had before the database was asked. It is valid while every one
// of its tags is clean and has that same token. Nothing is ever searched for or listed: to invalidate
// is to give a tag a new token.
//
// Package storetest checks that a [Store] keeps the contract.
package store
