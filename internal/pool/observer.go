package pool

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// Observer is told what happens on pools. It must be safe for concurrent use.
type Observer interface {
	// Begin is told that a transaction is about to begin on a pool. What it returns is told of the transaction when it
	// has begun.
	Begin(ctx context.Context, p gorm.ConnPool, opts *sql.TxOptions) func(below gorm.Tx, base any) Transaction
	// Statement is told of a statement that is about to run on a pool, and returns what is to be told of it.
	Statement(p gorm.ConnPool, query string, args []any) Statement
	// Failed is told of an error of a statement that GORM learns of too late, or not at all.
	Failed(p gorm.ConnPool, err error)
}

// Transaction ends a transaction that was begun on a wrapped pool.
type Transaction interface {
	Commit() error
	Rollback() error
}

// Statement is told of one statement.
type Statement interface {
	// Before is called before the statement is sent. After an error, which is the caller's, it must not run, and nothing
	// else is called.
	Before(ctx context.Context) error
	// Canceled is called instead of all that follows if the statement is not sent after all.
	Canceled()
	// Affected is called before Returned where the database has told how many rows were affected. Its error is one of the
	// statement.
	Affected(res sql.Result) error
	// Returned is called with what the driver returned, and again with the error with which rows ended.
	Returned(err error)
	// Ended is called with the outcome of the whole callback, once the statement's rows are closed. It is called twice
	// where they are not closed by then: with [ErrOpen], and with how they have ended. It is called too where the driver,
	// or the callback, panics.
	Ended(err error)
}

// Insertion is a [Statement] whose rows are known only when GORM has read back the keys that the database has made.
type Insertion interface {
	// Awaits reports, before the statement runs, whether its models will show the keys.
	Awaits(stmt *gorm.Statement) bool
	// Complete is told of the models with the keys, before Ended.
	Complete(stmt *gorm.Statement)
}

var (
	// ErrNoReturn stands for the outcome of what panicked.
	ErrNoReturn = errors.New("gormcache: the driver did not return")
	// ErrPanicked stands for that of a callback that panicked when the driver had returned.
	ErrPanicked = errors.New("gormcache: the callback did not return")
	// ErrOpen stands for the outcome of a statement whose rows the application has still to read, or to close.
	ErrOpen = errors.New("gormcache: the statement has not ended")
)

// Replayer reads the rows of statements that write ahead of the application, since only then they have surely run to
// their end.
type Replayer interface {
	// Drain reads rows to their end and returns rows that give the same. Where that can't be done, ended is false: what
	// is returned goes on reading, and calls closed with its error when it is closed.
	Drain(rows *sql.Rows, closed func(error)) (drained *sql.Rows, ended bool, err error)
	// First closes rows when it has read the first, and returns a row that gives the same. The error is how they ended.
	First(rows *sql.Rows) (*sql.Row, error)
	// RowError returns a row that gives nothing but the error.
	RowError(err error) *sql.Row
}
