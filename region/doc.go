// Package region holds named policies, and values that are cached under keys of the application's own.
//
// A [Config] says how long the entries of a region live and what may be served when they are old, as in Python's
// dogpile.cache. Plugin.Region returns a [Region]; the values in it are shared by all processes that share the store.
//
//	read        Get, GetOr, GetMulti, Lookup, LookupMulti
//	make        GetOrCreate, GetOrCreateMulti: one call for all who miss the same
//	write       Set, SetMulti, Region.Delete, Region.Touch
//	compare     Insert, Replace, Update, CompareAndSwap, Add
//	depend on   WithTables, WithTags; Region.Begin and From for Set; In and Within for transactions
//
// # What is kept
//
// A load, however long it takes, does not store what was replaced since it began:
//
//	load:    look ....... read .................... store: refused, the entry is not what the load saw
//	others:                     Set or Delete
//
// The same holds for writes to the tables and tags that a value depends on, by the tokens that were seen with the entry.
// nil, zero and empty are values like any other; that there is none is [ErrCacheMiss]. A value goes through bytes: each
// caller gets one of its own.
//
// A failing store keeps nobody from a value that can be made: reads are misses that say why, and calls that change
// something return the store's error.
package region
