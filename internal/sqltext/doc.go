// Package sqltext finds out what a SQL text touches: the tables that it reads and writes, and whether two runs of it can
// differ although no table has changed.
//
// It is not a full SQL parser. A lexer that knows the quoting rules of SQLite, PostgreSQL and MySQL/MariaDB feeds a parser
// that knows where table names stand. The parser may err in one direction only: it may name a table too many, or call a
// text opaque that is not. It reports what it does not understand: Info.Opaque for reads, Verb Other for writes.
//
// For a single statement on a single table a second, strict reader finds out which rows the statement touches (Narrow). It
// may err in one direction only, too: it may find out less than the text proves.
//
// A text does not show everything: views and triggers (see package catalog), row-level security, session settings,
// functions registered under the name of a built-in one, and values bound to placeholders.
package sqltext
