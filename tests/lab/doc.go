// Package lab holds what the tests' worlds have in common: a database that is filled, a store of either kind,
// plugins over both, and what is kept of what they do: how reads ended, what was logged, what was sent.
//
//	World ─┬─ Database: SQLite, PostgreSQL, MariaDB (package servers)
//	       ├─ Store:    in the process, or Redis; its plugins share it, as processes do
//	       ├─ Plain:    a handle without the plugin: the truth, and writes behind the cache's back
//	       └─ Process:  a handle with a plugin, as a process of the application has
//
// What only one package's tests need, their models, gates and schedules, stays there.
package lab
