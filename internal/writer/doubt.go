package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/pool"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
)

// inDoubt reports whether after this error of the driver a COMMIT, or a statement outside a transaction, may
// still take effect. The losing schedule, had the tags only new tokens then: the caller's context ends,
// or the connection breaks, while the server works on the COMMIT; the driver returns at once; new
// tokens; a reader stores the data of before under them; then the server commits.
//
// Only an answer of the server leaves no doubt, or an error that never left the process. Drivers'
// promises do not: pgx calls a COMMIT that was cut off "conn closed" and safe to retry.
func inDoubt(d sqltext.Dialect, err error) bool {
	if err == nil || d == sqltext.SQLite { // which is in this process: what has returned is over
		return false
	}
	var answer interface{ SQLState() string } // PostgreSQL's, in pgx and pq
	if errors.As(err, &answer) {
		return false
	}
	for ; err != nil; err = errors.Unwrap(err) { // drivers are wrapped by others that trace them
		if isAnswer(err.Error()) {
			return false
		}
	}
	return true
}

// isAnswer reports whether this text of an error is an answer of the server, or one from before anything was sent.
func isAnswer(text string) bool {
	if n, ok := strings.CutPrefix(text, "Error "); ok { // MySQL's answer: "Error 1062 (23000): …"
		return n != "" && '0' <= n[0] && n[0] <= '9'
	}
	for _, over := range []string{
		"sql: ", // database/sql itself, before it asks the driver
		"commit unexpectedly resulted in rollback", // pgx's word for an answer
		// Before anything is sent, pgx …
		"failed to encode ", "mismatched param and argument count", "insufficient arguments",
		// … and MySQL's driver.
		"packet for query is too large", "argument count mismatch (",
	} {
		if strings.HasPrefix(text, over) {
			return true
		}
	}
	return false
}

// cutShort reports whether this error of a callback is one of a conversation with the server that was cut
// short. Unlike a driver's, a callback's error may be anything: a model's, or the application's.
func cutShort(d sqltext.Dialect, err error) bool {
	for _, cut := range []error{
		context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pool.ErrNoReturn,
	} {
		if errors.Is(err, cut) {
			return inDoubt(d, err)
		}
	}
	var network net.Error
	if errors.As(err, &network) {
		return inDoubt(d, err)
	}
	// What pgx and MySQL's driver call a connection that is gone.
	return err != nil && (err.Error() == "conn closed" || err.Error() == "invalid connection")
}
