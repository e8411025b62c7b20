// Package template makes keys from arguments: the pattern "read_user-{user_id}" and the argument 5 make the key
// "read_user-{user_id=5}".
//
//	pattern ── parse ──▶ literals and placeholders ─┐
//	type    ── fields ─▶ one scalar, or fields ─────┴─▶ Template ── Append ──▶ key
//
// # One argument, one key
//
// Two arguments of one type have the same key only if they hold the same, and two patterns never make the same key:
//
//	key     = { literal | "{" name "=" value "}" }       a literal has no braces
//	value   = integer | float | "true" | "false"         floats have a '.', an exponent or a name (NaN, +Inf)
//	        | quoted text                                as Go quotes it in ASCII
//	        | "0x" hex                                   bytes
//	        | seconds "." nanoseconds offset zone        times; the zone is a quoted text
//	        | "nil"                                      a nil pointer or nil bytes
//	        | "-" { "-" }                                a field of a struct whose pointer is nil
//
// Each value ends where its grammar says, so that a text with braces, quotes or dashes can't be taken for something else.
// Removing "=value" from a key gives its pattern.
//
// Values are written by what they hold, never by what they print: String, MarshalText and Value are not asked, since many
// types may print the same for different values, and may print something else in the next version. Numbers are written by
// value, so a program whose int becomes an int64 keeps its entries: int 1 and int64 1 are one, 1.0 and "1" are not.
//
// The text is an interface between the processes of one program and between its versions. Changing it makes all keys new,
// and a process that resets a key would not reach the entries of the others. The golden test holds it still.
package template
