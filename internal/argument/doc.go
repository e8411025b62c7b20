// Package argument has the one normal form of an argument of a query. All that the plugin makes of arguments
// is made of this form: the key of an entry, the tags of rows and of values, the search for words that mean
// a time, the comparison of two values, and the copies that a load in the background works with.
//
//	given  ── Ask ──▶  form  ── Append ───▶ bytes of a key
//	                     │   ── Basic ────▶ the value of a column (package catalog)
//	                     │   ── TimeWord ─▶ "today", "now" …
//	                     └─▶  sent, Copies ▶ the database
//
// A [driver.Valuer] is asked by [Ask], and by nothing else. So a Valuer that gives something else each time
// can't make an entry whose key says one value and whose rows belong to another:
//
//	key:       asks the Valuer, is told 1
//	database:  asks the Valuer, is told 2, gives the rows of 2
//	next:      asks the Valuer, is told 1, is given the rows of 2
//
// The drivers of SQLite and MySQL are therefore given the value that Ask was told, which they would have
// found by the same rule of database/sql. pgx goes by the Go type: it may have a codec for the type, and
// chooses the format of a parameter by it. There the Go value is sent as it is, and CAVEATS says so.
package argument
