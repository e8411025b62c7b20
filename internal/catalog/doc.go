// Package catalog knows what a database declares beside plain tables: views, and the foreign keys, triggers, rules,
// partitions and functions by which a write to one table changes another table.
//
// A Table is plain: its rows change only when a statement writes the table, or writes another table from which Affected
// leads to it. Everything else that can follow FROM is a View: views, materialized views, foreign and virtual tables,
// sequences, and temporary tables, whose content differs in every session. Names count without their schema, as in tags:
// two things of one name are treated as one, which is a View if either is.
//
// Partitions and tables that inherit are plain, and so are their parents: a write to one of them affects the whole
// hierarchy. A write to a view affects the tables that the view reads.
//
// Layout describes how the rows of a plain table are identified: it is used to find the rows that a query depends on and
// the rows that a write changes. When it is uncertain, a value has no text, a column is Other, and writes are not Direct.
//
// A Catalog is a snapshot. Load it again after DDL.
package catalog
