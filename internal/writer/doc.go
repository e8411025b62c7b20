// Package writer finds out what statements change and tells the cache when their transaction has
// really committed.
//
// GORM's callbacks show statements, not commits: After("gorm:create") runs before a surrounding
// transaction ends, and an application's own Begin/Commit shows nowhere. So the plugin wraps the
// connection pool. The pool's transactions collect what their statements touch, and their Commit
// runs the protocol:
//
//	BEGIN ── statements: tables collected, nothing sent ── COMMIT wanted
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
// Which tags the touched tables stand for is found out at COMMIT, by the schema of then: triggers and
// cascades may have been made meanwhile, by other processes too.
//
// Statements outside a transaction mark before they run and settle after. A transaction the plugin
// did not begin (a *sql.Tx of the caller's own) cannot be followed: its tables are fenced, which is a
// mark left to run out.
package writer
