// Package sqltext tells what a SQL text touches: the tables it reads and writes, and whether two
// runs of it can differ although no table changed.
//
// It is no SQL parser. A tokenizer that knows the quoting rules of SQLite, PostgreSQL and
// MySQL/MariaDB feeds a recogniser that knows where table names stand. The recogniser may err in one
// direction only: it may name a table too many or call a harmless text opaque. What it does not
// understand it says: Info.Opaque for reads, Verb Other for writes.
//
// Of a single statement on a single table it tells more, where it can: which rows that touches (Narrow). A
// second, strict reader does that, which may only ever tell too little.
//
// What no text can show is not seen here: views and triggers (package catalog knows them), row-level
// security, session settings, functions registered under the name of a built-in one, and values
// bound to placeholders.
package sqltext
