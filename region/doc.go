// Package region holds named policies, and values that are cached under keys of the application's own.
//
// A [Config] says how long the entries of a region live and what may be served when they are old, as in Python's
// dogpile.cache. The regions of a plugin are named in its configuration and come from Plugin.Region. [New] makes one for a
// program without GORM; both share entries and invalidation where they share store, namespace and name.
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
//
// # Without GORM
//
// A region and locks need no more than a store, which they may share:
//
//	s := memory.New() // or redisstore.New(rdb)
//	r, err := region.New(s, "shop", region.Config{TTL: time.Hour})
//	rates, err := region.GetOrCreate(ctx, r, "rates", fetchRates)
//	locks, err := lock.New(s, "shop")
//
// # Functions
//
// [Cached] wraps a function, so that a value is kept for each argument, and [CachedMulti] one that makes many at once:
//
//	read := region.Cached(r, "read_user-{user_id}", readUser, region.WithTables("users"))
//	user, err := read.Call(ctx, 5)
//
//	call               asks for              if it is not there
//	Call               the cached value      fn makes it, it is stored
//	Get                the cached value      ErrCacheMiss
//	Refresh            a new value, stored
//	Set, Reset         (stores, drops)
//	Original           a new value, not stored
//	Key                (the region's key for the argument)
//
// A template names what the values are and which part of the argument stands where. It is checked when the function is made: a
// placeholder that no field has, a field that no placeholder names, a brace that is not closed are the error of Err and of
// each call. The keys are typed and delimited, so that no two arguments share one, and readable: read_user-{user_id=5}. They
// are the same in all processes and versions of a program.
//
// A function that names its tables needs no Reset after a write through GORM. One that does not, or that reads something else
// than the database, is reset after the commit. A reset defeats calls that are making the value at that moment.
package region
