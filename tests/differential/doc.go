// Package differential makes up programs at random and asks whether a cache can be told from none.
//
// A program is a schema, a few dozen queries and some hundred operations: reads, writes of all shapes,
// transactions that commit, roll back, nest or panic, and DDL. It runs on two handles with a plugin
// each that share one store, as two processes would, and after each write some of the queries are
// asked. Each is asked once on a handle without the plugin and twice through the cache; the three must
// agree in destination, RowsAffected and error.
//
//	go test ./differential                              100 000 operations on three databases
//	go test ./differential -differential.ops=10000000 -timeout 0   for hours
//	go test ./differential -run TestDifferential/sqlite -rapid.seed=7   what a failure printed
//
// Programs come from pgregory.net/rapid, which cuts a failing one down: what is printed then is the
// shortest program it found, then the read that differs, then the seed. An operation is one write, one
// end of a transaction or one read that was compared.
//
// TestTeeth breaks a rule at a time, by a store that does not do what it should, and expects a
// difference within few operations.
package differential
