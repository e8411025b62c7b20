// Package schema keeps a snapshot of the catalog of each database, and resolves by it what a query reads and what a
// write changes: names of tables, rows and columns, and the tags that stand for them.
//
//	Schema ── Load, Within ──> Snapshot    of one database, until DDL is seen
//	   │                          │
//	   ├── Read  ─────────────────┤        a query's names → Reading → Key, Narrowed
//	   └── Effects, Edit, Resolve ┘        a write's text  → Effect, Edit → Changes
//
// It knows neither the protocol nor the pools that statements run on: callers name a database by any comparable value
// (nil: the database is not known), and hand in an [Opener] with which its catalog can be read.
//
// What else changes with a table (views, triggers, cascades, functions) is what package catalog has read. The version
// of the schema changes whenever DDL is seen, in this process or, by the token of the namespace's epoch, in another;
// every snapshot of another version is old then.
package schema
