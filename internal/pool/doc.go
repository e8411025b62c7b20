// Package pool wraps the connection pools that GORM runs statements on, and tells an [Observer] what happens there:
// that a transaction begins, commits or rolls back, and what statements are about to run, have returned, and have
// ended.
//
//	*sql.DB, *sql.Conn, others ──> wrapped for good: BeginTx ──> Tx, whose Commit and Rollback are the observer's
//	gorm.Statement.ConnPool    ──> a Probe, while GORM builds and runs one statement
//
// GORM's callbacks show statements, not commits: After("gorm:create") runs before a surrounding transaction ends, and an
// application's own Begin and Commit show nowhere. And only the pool sees a statement when its SQL is complete and not
// yet sent.
//
// The package knows what a pool leads to (its database, [Pools.Base]), and nothing of SQL, tags or the store.
package pool
