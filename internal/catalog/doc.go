// Package catalog knows what a database declares beside plain tables: views, and the foreign keys,
// triggers, rules, partitions and functions by which a write to one table, or a mere query, changes
// another.
//
// A Table is plain: what a query reads from it changes only when a statement writes it, or one that
// Affected leads from to it. Everything else that can stand behind FROM is a View: views, materialised
// views, foreign and virtual tables, sequences, and temporary tables, which hold something else in
// every session. Names count without their schema, as in the tags: two things of one name are one, and
// the name is a View if either is.
//
// Partitions and tables that inherit are plain, and so are their parents: a write to one reaches the
// whole hierarchy. A write to a view reaches the tables below it.
//
// Layout tells what a plain table's rows are told apart by, for those who ask which rows a query depends
// on and which a write changes. In doubt a value has no text, a column is Other, writes are not Direct.
//
// A snapshot is as old as its Load: load anew after DDL.
package catalog
