// Package region holds named policies, and values that are cached under keys of the application's own.
//
// A [Config] says how long the entries of a region live and what may be served when they are old, as in Python's
// dogpile.cache. [GetOrCreate] reads a value through a [Region], and makes it where it is not cached.
//
// The regions of a plugin are named in its configuration and come from Plugin.Region. [New] makes one for a program
// without GORM; both share entries and invalidation where they share store, namespace and name.
package region
