// Package writer finds out what statements change and tells the cache when their transaction has
// really committed.
//
// Package pool tells it of transactions and statements; package schema says what a statement changes. A transaction
// collects that, and its Commit runs the protocol:
//
//	BEGIN ── statements: effects collected, nothing sent ── COMMIT wanted
//	             │ ROLLBACK TO: what came since is dropped        │
//	             │ ROLLBACK: all is dropped                  1. mark every tag    (others bypass)
//	                                                         2. COMMIT of the database
//	                                                         3. new tokens, own marks removed
//
// Step 3 runs whatever step 2 returned, and with a context that the caller cannot cancel. Unless the
// server itself has answered, an error of COMMIT leaves open whether it will still take effect: there
// the marks stay until they run out ([Writer.Doubts]). A process that dies in between leaves marks too: others bypass
// until their deadline (the write grace), and the mark's end changes the token.
//
// Which tags the effects stand for is found out at COMMIT, by the schema of then: triggers and
// cascades may have been made meanwhile, by other processes too.
//
// Statements outside a transaction mark before they run and settle after. A transaction that gormcache
// did not begin (a *sql.Tx of the caller's own) cannot be followed: its tables are fenced, which is a
// mark left to run out.
//
// Where a write goes:
//
//	callback.go, pool.Probe      GORM's callback runs with a probe in the place of its pool
//	statement.go                 which of the kinds the statement is
//	  followed.go                  in a transaction that gormcache follows; preimage.go, phantom.go: which rows it finds
//	  foreign.go                   in another transaction
//	  autocommit.go                outside of transactions
//	  boundary.go                  BEGIN, COMMIT and their like in plain SQL
//	tx.go, changelog.go          what a transaction collects, its COMMIT and ROLLBACK
//	change.go, publish.go        one run of the protocol: mark, settle or cancel
//	queue.go, delivery.go        what the store could not be told of yet
package writer
