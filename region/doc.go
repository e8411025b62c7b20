// Package region holds named policies, and values that are cached under keys of the application's own.
//
// A [Config] says how long the entries of a region live and what may be served when they are old, as in Python's
// dogpile.cache. [GetOrCreate] reads a value through a [Region], and makes it where it is not cached.
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
